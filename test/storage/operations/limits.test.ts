/** More than one transaction may hold. Rows are put behind the store's back: appending them one by one is another test's matter. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Keyword } from '../../../src/mail/flags.ts';
import { asUid, type EmailId, type MailboxId, type ThreadId } from '../../../src/mail/ids.ts';
import { Refusal } from '../../../src/mail/refusal.ts';
import type { AccountStore } from '../../../src/storage/mail-store.ts';
import type { AccountRow, MailboxRow, MessageRow } from '../../../src/storage/mongo/documents.ts';
import { MAX_ROWS_PER_MUTATION } from '../../../src/storage/operations/mutation.ts';
import { assertConsistent } from './recount.ts';
import { mailboxOfRole, messageFor, openFixture } from './store-fixture.ts';

const fixture = await openFixture();
const all = [{ from: asUid(1), to: asUid(2 ** 32 - 1) }];
const refusedAs = (code: string) => (error: unknown) => error instanceof Refusal && error.code === code;
const COUNT = MAX_ROWS_PER_MUTATION + 1;

/** `COUNT` read messages in a mailbox, each a thread of its own. */
async function fill(account: AccountStore, mailbox: MailboxId): Promise<void> {
  const db = fixture.raw();
  const [made] = (await account.append([await messageFor(fixture.store, [mailbox], { keywords: ['$seen'] })])).messages;
  const model = (await db.collection<MessageRow>('messages').findOne({ _id: made!.id }))!;
  const uids = Array.from({ length: COUNT - 1 }, (_nothing, i) => i + 2);
  const rows = uids.map((uid) => ({
    ...model,
    _id: `e${uid}` as EmailId,
    thread: `t${uid}` as ThreadId,
    threadKeys: [],
    mailboxes: [{ ...model.mailboxes[0]!, uid }],
  }));
  await db.collection<MessageRow>('messages').insertMany(rows);
  const size = COUNT * model.size;
  await db
    .collection<MailboxRow>('mailboxes')
    .updateOne({ _id: mailbox }, { $set: { total: COUNT, totalThreads: COUNT, size, uidNext: COUNT + 1 } });
  await db
    .collection<AccountRow>('accounts')
    .updateOne({ _id: account.account }, { $set: { usedMessages: COUNT, usedBytes: size } });
}

test('more than one transaction holds is refused or done in steps, and never half done', {
  timeout: 180_000,
}, async () => {
  const owner = await fixture.account();
  const { created } = await owner.changeMailboxes({ create: new Map([['k', { name: 'Large', parent: null }]]) });
  const outcome = created.get('k')!;
  assert.ok(outcome.ok);
  const large = outcome.value.id;
  await fill(owner, large);
  // A process that didn't see the mailbox grow behind its back.
  const account = await (await fixture.another()).openAccount(owner.account, owner.account);
  const archive = await mailboxOfRole(account, 'archive');

  const before = await account.state();
  await assert.rejects(account.copyOrMove('move', large, all, archive), refusedAs('tooMany'));
  assert.deepEqual(await account.state(), before);

  // Others of the same group aren't harmed by it.
  const [tooMany, fine] = await Promise.allSettled([
    account.copyOrMove('copy', large, all, archive),
    account.append([await messageFor(fixture.store, { role: 'inbox' })]),
  ]);
  assert.equal(tooMany.status, 'rejected');
  assert.equal(fine.status, 'fulfilled');

  await account.changeFlags(large, [{ from: asUid(1), to: asUid(COUNT + 5_000) }], {
    mode: 'add',
    keywords: ['kept' as Keyword],
    deleted: false,
  });

  const refused = await account.changeMailboxes({ destroy: [large] });
  assert.equal(refused.destroyed.get(large)!.ok, false);
  const removed = await account.changeMailboxes({ destroy: [large], onDestroyRemoveEmails: true });
  assert.ok(removed.destroyed.get(large)!.ok);
  assert.equal((await account.quota()).usedMessages, 1);
  await assertConsistent(fixture.raw(), account.account);
});
