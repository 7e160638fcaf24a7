import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { asModseq, asUid, type MailboxId } from '../../../src/mail/ids.ts';
import { Refusal } from '../../../src/mail/refusal.ts';
import type { AccountStore, MailboxChange, NewMailbox, Outcome } from '../../../src/storage/mail-store.ts';
import type { Mailbox } from '../../../src/storage/model.ts';
import { assertConsistent } from './recount.ts';
import { mailboxOfRole, messageFor, openFixture } from './store-fixture.ts';

const fixture = await openFixture();
const { store } = fixture;
const used: AccountStore[] = [];
afterEach(async () => {
  for (const { account } of used.splice(0)) await assertConsistent(fixture.raw(), account);
});
async function someone(): Promise<AccountStore> {
  const account = await fixture.account();
  used.push(account);
  return account;
}

const codeOf = (outcome: Outcome<unknown> | undefined): string | undefined =>
  outcome === undefined ? 'missing' : outcome.ok ? 'ok' : outcome.refusal.code;
async function create(account: AccountStore, spec: NewMailbox): Promise<Outcome<Mailbox>> {
  return (await account.changeMailboxes({ create: new Map([['k', spec]]) })).created.get('k')!;
}
async function made(account: AccountStore, name: string, parent: MailboxId | null = null): Promise<Mailbox> {
  const outcome = await create(account, { name, parent });
  assert.ok(outcome.ok);
  return outcome.value;
}
async function change(account: AccountStore, id: MailboxId, to: MailboxChange): Promise<string | undefined> {
  return codeOf((await account.changeMailboxes({ update: new Map([[id, to]]) })).updated.get(id));
}

test('RFC 8621 §2.5 creates mailboxes that refer to each other, in any order', async () => {
  const account = await someone();
  const before = await account.state();
  const { created, modseq } = await account.changeMailboxes({
    create: new Map<string, NewMailbox>([
      ['leaf', { name: 'Leaf', parent: '#branch' }],
      ['branch', { name: 'Branch', parent: '#root' }],
      ['root', { name: 'Root', parent: null }],
      ['lost', { name: 'Lost', parent: '#nobody' }],
    ]),
  });
  assert.deepEqual(
    ['leaf', 'branch', 'root', 'lost'].map((key) => codeOf(created.get(key))),
    ['ok', 'ok', 'ok', 'invalid'],
  );
  assert.equal(modseq, before.modseq + 1);
  const { rows } = await account.changesSince(before.modseq);
  assert.equal(rows[0]!.created.Mailbox!.length, 3);
});

test('a name is NFC, of limited length, unique among its siblings, and INBOX in no other case', async () => {
  const account = await someone();
  assert.equal((await made(account, 'Cafe\u0301')).name, 'Café');
  for (const [name, code] of [
    ['Café', 'alreadyExists'],
    ['inbox', 'alreadyExists'],
    ['CAFÉ', 'ok'],
    ['', 'invalid'],
    ['a/b', 'invalid'],
    ['a\u0000b', 'invalid'],
    ['a\r\nb', 'invalid'],
    ['\ud800', 'invalid'],
    ['é'.repeat(128), 'invalid'],
    ['é'.repeat(127), 'ok'],
  ] as const) {
    assert.equal(codeOf(await create(account, { name, parent: null })), code, JSON.stringify(name));
  }
});

test('mailboxes nest twenty deep and never inside themselves', async () => {
  const account = await someone();
  const chain: Mailbox[] = [];
  for (let depth = 1; depth <= 20; depth++) chain.push(await made(account, `d${depth}`, chain.at(-1)?.id ?? null));
  assert.equal(codeOf(await create(account, { name: 'd21', parent: chain.at(-1)!.id })), 'invalid');
  assert.equal(await change(account, chain[0]!.id, { parent: chain[5]!.id }), 'invalid');
  assert.equal(await change(account, chain[0]!.id, { parent: chain[0]!.id }), 'invalid');
  const other = await made(account, 'other');
  assert.equal(await change(account, chain[0]!.id, { parent: other.id }), 'invalid');
  assert.equal(await change(account, chain[1]!.id, { parent: other.id }), 'ok');
});

test('the Inbox keeps its name, place and role; each role has one holder', async () => {
  const account = await someone();
  const inbox = await mailboxOfRole(account, 'inbox');
  const sent = await mailboxOfRole(account, 'sent');
  assert.equal(await change(account, inbox, { name: 'In' }), 'forbidden');
  assert.equal(await change(account, inbox, { parent: sent }), 'forbidden');
  assert.equal(await change(account, inbox, { role: null }), 'forbidden');
  assert.equal(await change(account, inbox, { isSubscribed: false, sortOrder: 3 }), 'ok');
  assert.equal(codeOf((await account.changeMailboxes({ destroy: [inbox] })).destroyed.get(inbox)), 'forbidden');
  assert.equal(codeOf(await create(account, { name: 'Sent 2', parent: null, role: 'sent' })), 'invalid');
});

test('RFC 8621 §2.5 destroys a parent with its children in one batch, and refuses it alone', async () => {
  const account = await someone();
  const parent = await made(account, 'Parent');
  const child = await made(account, 'Child', parent.id);
  assert.equal(
    codeOf((await account.changeMailboxes({ destroy: [parent.id] })).destroyed.get(parent.id)),
    'mailboxHasChild',
  );
  const { destroyed } = await account.changeMailboxes({ destroy: [parent.id, child.id] });
  assert.deepEqual([...destroyed.values()].map(codeOf), ['ok', 'ok']);
});

test('RFC 8621 §2.5 onDestroyRemoveEmails takes messages out, and destroys those that are nowhere else', async () => {
  const account = await someone();
  const inbox = await mailboxOfRole(account, 'inbox');
  const box = await made(account, 'Box');
  await account.append([await messageFor(store, [box.id]), await messageFor(store, [box.id, inbox])]);
  const refused = await account.changeMailboxes({ destroy: [box.id] });
  assert.equal(codeOf(refused.destroyed.get(box.id)), 'mailboxHasEmail');
  const result = await account.changeMailboxes({ destroy: [box.id], onDestroyRemoveEmails: true });
  assert.equal(codeOf(result.destroyed.get(box.id)), 'ok');
  assert.equal((await account.quota()).usedMessages, 1);
  assert.equal((await account.mailbox(inbox))!.total, 1);
  const { rows } = await account.changesSince(asModseq(result.modseq - 1));
  assert.deepEqual(rows[0]!.expunged, [{ mailbox: box.id, uids: [1, 2] }]);
  assert.equal(rows[0]!.destroyed.Email!.length, 1);
});

test('RFC 3501 §2.3.1.1 a mailbox made again has a greater UIDVALIDITY', async () => {
  const account = await someone();
  const first = await made(account, 'Again');
  await account.changeMailboxes({ destroy: [first.id] });
  const second = await made(account, 'Again');
  assert.ok(second.uidValidity > first.uidValidity);
});

test('RFC 8620 §5.3 ifInState refuses the whole', async () => {
  const account = await someone();
  const { states } = await account.state();
  await made(account, 'One');
  await assert.rejects(
    account.changeMailboxes({ ifInState: states.Mailbox, create: new Map([['k', { name: 'Two', parent: null }]]) }),
    (error) => error instanceof Refusal && error.code === 'stateMismatch',
  );
});

test('a change of the counts alone is told apart from one of the mailbox', async () => {
  const account = await someone();
  const inbox = await mailboxOfRole(account, 'inbox');
  const { modseq } = await account.append([await messageFor(store, [inbox])]);
  await account.changeMailboxes({ update: new Map([[inbox, { sortOrder: 99 }]]) });
  const { rows } = await account.changesSince(asModseq(modseq - 1));
  assert.deepEqual(
    rows.map((row) => row.isMailboxCountsOnly),
    [true, false],
  );
  const nothing = await account.changeMailboxes({ update: new Map([[inbox, { sortOrder: 99 }]]) });
  assert.equal(nothing.modseq, rows[1]!.modseq);
  await account.changeFlags(inbox, [{ from: asUid(1), to: asUid(1) }], { mode: 'add', keywords: [], deleted: true });
});
