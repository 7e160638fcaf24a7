import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import type { Keyword } from '../../../src/mail/flags.ts';
import { asModseq, asUid, type MailboxId, type Uid } from '../../../src/mail/ids.ts';
import { Refusal } from '../../../src/mail/refusal.ts';
import type { AccountStore } from '../../../src/storage/mail-store.ts';
import type { UidRange } from '../../../src/storage/model.ts';
import { assertConsistent } from './recount.ts';
import { mailboxOfRole, messageFor, openFixture, type Sample } from './store-fixture.ts';

const fixture = await openFixture();
const { store } = fixture;
const used: AccountStore[] = [];
afterEach(async () => {
  for (const { account } of used.splice(0)) await assertConsistent(fixture.raw(), account);
});

const range = (from: number, to = from): UidRange[] => [{ from: asUid(from), to: asUid(to) }];
const keywords = (...names: string[]): Keyword[] => names as Keyword[];
const refusedAs = (code: string) => (error: unknown) => error instanceof Refusal && error.code === code;

async function someone(limits?: Parameters<typeof fixture.account>[0]): Promise<AccountStore> {
  const account = await fixture.account(limits);
  used.push(account);
  return account;
}
async function put(account: AccountStore, mailbox: MailboxId, count: number, sample?: Sample): Promise<void> {
  for (let i = 0; i < count; i++) await account.append([await messageFor(store, [mailbox], sample ? { sample } : {})]);
}

test('RFC 3502 §3 MULTIAPPEND is all or none', async () => {
  const account = await someone({ maxMessages: 2 });
  const inbox = await mailboxOfRole(account, 'inbox');
  const items = await Promise.all([1, 2, 3].map(() => messageFor(store, [inbox])));
  await assert.rejects(account.append(items), refusedAs('overQuota'));
  assert.equal((await account.mailbox(inbox))!.total, 0);
  const { messages } = await account.append(items.slice(1));
  assert.deepEqual(
    messages.map((m) => m.memberships[0]!.uid),
    [1, 2],
  );
  await assert.rejects(account.append(items.slice(0, 1)), refusedAs('overQuota'));
});

test('append refuses a mailbox that is not there', async () => {
  const account = await someone();
  await assert.rejects(account.append([await messageFor(store, ['mnowhere' as MailboxId])]), refusedAs('notFound'));
});

test('RFC 3501 §6.4.6 STORE replaces, adds and removes flags, and leaves alone what has them', async () => {
  const account = await someone();
  const inbox = await mailboxOfRole(account, 'inbox');
  await put(account, inbox, 3);
  const before = (await account.state()).modseq;
  const added = await account.changeFlags(inbox, range(1, 9), {
    mode: 'add',
    keywords: keywords('$seen'),
    deleted: false,
  });
  assert.deepEqual(
    added.messages.map((m) => [m.uid, m.keywords, m.isChanged, m.modseq]),
    [
      [1, ['$seen'], true, before + 1],
      [2, ['$seen'], true, before + 1],
      [3, ['$seen'], true, before + 1],
    ],
  );
  const again = await account.changeFlags(inbox, range(1, 2), {
    mode: 'add',
    keywords: keywords('$seen'),
    deleted: false,
  });
  assert.ok(again.messages.every((m) => !m.isChanged));
  assert.equal(again.modseq, before + 1);
  const replaced = await account.changeFlags(inbox, range(2), {
    mode: 'replace',
    keywords: keywords('work'),
    deleted: true,
  });
  assert.deepEqual(replaced.messages[0], {
    uid: 2,
    keywords: ['work'],
    deleted: true,
    modseq: before + 2,
    isChanged: true,
  });
  const removed = await account.changeFlags(inbox, range(2), {
    mode: 'remove',
    keywords: keywords('work'),
    deleted: false,
  });
  assert.deepEqual([removed.messages[0]!.keywords, removed.messages[0]!.deleted], [[], true]);
  const mailbox = (await account.mailbox(inbox))!;
  assert.deepEqual([mailbox.unseen, mailbox.unread], [1, 1]);
});

test('RFC 7162 §3.1.3 UNCHANGEDSINCE has one winner', async () => {
  const account = await someone();
  const inbox = await mailboxOfRole(account, 'inbox');
  await put(account, inbox, 1);
  const { modseq } = await account.state();
  const results = await Promise.all(
    ['a', 'b', 'c', 'd'].map((name) =>
      account.changeFlags(inbox, range(1), {
        mode: 'replace',
        keywords: keywords(name),
        deleted: false,
        unchangedSince: modseq,
      }),
    ),
  );
  assert.equal(results.filter((r) => r.messages.some((m) => m.isChanged)).length, 1);
  assert.equal(results.filter((r) => r.conflicts.length === 1).length, 3);
});

test('RFC 6851 §3.1 MOVE gives new UIDs and reports the old ones as gone', async () => {
  const account = await someone();
  const inbox = await mailboxOfRole(account, 'inbox');
  const archive = await mailboxOfRole(account, 'archive');
  await put(account, inbox, 4);
  const result = await account.copyOrMove('move', inbox, range(2, 3), archive);
  assert.deepEqual(result.pairs, [
    { from: 2, to: 1 },
    { from: 3, to: 2 },
  ]);
  const { rows } = await account.changesSince(asModseq(result.modseq - 1));
  assert.deepEqual(rows[0]!.expunged, [{ mailbox: inbox, uids: [2, 3] }]);
  assert.equal(rows[0]!.updated.Email!.length, 2);
  assert.equal(rows[0]!.created.Email, undefined);
  // RFC 6851 §3.3: into the mailbox it is in.
  const same = await account.copyOrMove('move', archive, range(1), archive);
  assert.deepEqual(same.pairs, [{ from: 1, to: 3 }]);
});

test('RFC 3501 §6.4.7 COPY adds a membership; into the same mailbox it makes a second row', async () => {
  const account = await someone();
  const inbox = await mailboxOfRole(account, 'inbox');
  const archive = await mailboxOfRole(account, 'archive');
  await put(account, inbox, 1);
  assert.deepEqual((await account.copyOrMove('copy', inbox, range(1), archive)).pairs, [{ from: 1, to: 1 }]);
  assert.equal((await account.quota()).usedMessages, 1);
  assert.deepEqual((await account.copyOrMove('copy', inbox, range(1), inbox)).pairs, [{ from: 1, to: 2 }]);
  assert.deepEqual((await account.copyOrMove('copy', inbox, range(1), archive)).pairs, [{ from: 1, to: 2 }]);
  assert.equal((await account.quota()).usedMessages, 3);
  // Keywords are shared by the memberships of one message and by no other row.
  await account.changeFlags(archive, range(1), { mode: 'add', keywords: keywords('$seen'), deleted: false });
  assert.equal((await account.mailbox(inbox))!.unseen, 1);
  assert.equal((await account.mailbox(archive))!.unseen, 1);
});

test('RFC 4315 §2.1 UID EXPUNGE ends the deleted memberships that are named, and destroys what is nowhere else', async () => {
  const account = await someone();
  const inbox = await mailboxOfRole(account, 'inbox');
  const archive = await mailboxOfRole(account, 'archive');
  await put(account, inbox, 4);
  await account.copyOrMove('copy', inbox, range(1), archive);
  await account.changeFlags(inbox, range(1, 3), { mode: 'add', keywords: [], deleted: true });
  assert.deepEqual((await account.expunge(inbox, range(1, 2))).uids, [1, 2]);
  assert.equal((await account.mailbox(archive))!.total, 1);
  assert.equal((await account.quota()).usedMessages, 3);
  const all = await account.expunge(inbox);
  assert.deepEqual(all.uids, [3]);
  const nothing = await account.expunge(inbox);
  assert.deepEqual(nothing, { modseq: all.modseq, uids: [] });
});

test('a UID is never given twice', async () => {
  const account = await someone();
  const inbox = await mailboxOfRole(account, 'inbox');
  await put(account, inbox, 2);
  await account.changeFlags(inbox, range(2), { mode: 'add', keywords: [], deleted: true });
  await account.expunge(inbox);
  const { messages } = await account.append([await messageFor(store, [inbox])]);
  assert.equal(messages[0]!.memberships[0]!.uid, 3);
});

test('RFC 8621 §3 joins a thread by reference when the subject agrees, and not when it differs', async () => {
  const account = await someone();
  const add = async (sample: Sample): Promise<string> => {
    const { messages } = await account.append([await messageFor(store, { role: 'inbox' }, { sample })]);
    return messages[0]!.thread;
  };
  const first = await add({ subject: 'Lunch', messageId: 'one@x' });
  assert.equal(await add({ subject: 'Re: Lunch', messageId: 'two@x', inReplyTo: 'one@x' }), first);
  assert.equal(await add({ subject: 'AW: Re: [list] Lunch', messageId: 'three@x', references: 'one@x' }), first);
  assert.notEqual(await add({ subject: 'Dinner', messageId: 'four@x', inReplyTo: 'one@x' }), first);
  // The parent arrives after its reply.
  const reply = await add({ subject: 'Re: Late', messageId: 'six@x', inReplyTo: 'five@x' });
  assert.equal(await add({ subject: 'Late', messageId: 'five@x' }), reply);
});

test('a reply that names no message joins by subject and a shared participant', async () => {
  const account = await someone();
  const add = async (sample: Sample): Promise<string> => {
    const { messages } = await account.append([await messageFor(store, { role: 'inbox' }, { sample })]);
    return messages[0]!.thread;
  };
  const first = await add({ subject: 'Offer', from: 'ann@x.example', to: 'bob@y.example' });
  assert.equal(await add({ subject: 'Re: Offer', from: 'bob@y.example', to: 'ann@x.example' }), first);
  assert.notEqual(await add({ subject: 'Re: Offer', from: 'eve@z.example', to: 'carl@z.example' }), first);
  assert.notEqual(await add({ subject: 'Offer', from: 'ann@x.example', to: 'bob@y.example' }), first);
});

test('a thread that is full is followed by a new one', { timeout: 120_000 }, async () => {
  const account = await someone();
  const items = await Promise.all(
    Array.from({ length: 505 }, () =>
      messageFor(store, { role: 'inbox' }, { sample: { subject: 'S', references: 'r@x' } }),
    ),
  );
  const threads = new Map<string, number>();
  for (let i = 0; i < items.length; i += 101) {
    for (const { thread } of (await account.append(items.slice(i, i + 101))).messages) {
      threads.set(thread, (threads.get(thread) ?? 0) + 1);
    }
  }
  assert.deepEqual([...threads.values()], [500, 5]);
});

test('RFC 8621 §4.6 Email/set gives each item its own outcome in one mutation', async () => {
  const account = await someone();
  const inbox = await mailboxOfRole(account, 'inbox');
  const trash = await mailboxOfRole(account, 'trash');
  const { messages } = await account.append([await messageFor(store, [inbox]), await messageFor(store, [inbox])]);
  const [a, b] = messages.map((m) => m.id) as [(typeof messages)[0]['id'], (typeof messages)[0]['id']];
  const before = await account.state();
  const result = await account.changeEmails({
    ifInState: before.states.Email,
    create: new Map([
      ['good', await messageFor(store, [inbox], { keywords: ['$draft', '$seen'] })],
      ['bad', await messageFor(store, ['mnone' as MailboxId])],
    ]),
    update: new Map([
      [a, { addKeywords: keywords('$flagged'), mailboxes: [trash] }],
      ['enone' as typeof a, { addKeywords: keywords('$seen') }],
    ]),
    destroy: [b, 'egone' as typeof a],
  });
  assert.equal(result.modseq, before.modseq + 1);
  assert.deepEqual(result.before, before.states);
  assert.equal(result.after.Email, result.modseq);
  assert.ok(result.created.get('good')?.ok);
  assert.equal(result.created.get('bad')?.ok, false);
  assert.ok(result.updated.get(a)?.ok);
  assert.equal(result.updated.get('enone' as typeof a)?.ok, false);
  assert.ok(result.destroyed.get(b)?.ok);
  assert.equal(result.destroyed.get('egone' as typeof a)?.ok, false);
  await assert.rejects(
    account.changeEmails({ ifInState: before.states.Email, destroy: [a] }),
    refusedAs('stateMismatch'),
  );
  const none = await account.changeEmails({ update: new Map([[a, { removeMailboxes: [trash] }]]) });
  const outcome = none.updated.get(a)!;
  assert.ok(!outcome.ok && outcome.refusal.code === 'mailboxRequired');
  assert.equal(none.modseq, result.modseq);
});

test('RFC 8621 §2 unreadThreads counts the trash apart', async () => {
  const account = await someone();
  const [inbox, trash, archive] = (await Promise.all(
    (['inbox', 'trash', 'archive'] as const).map((role) => mailboxOfRole(account, role)),
  )) as [MailboxId, MailboxId, MailboxId];
  await account.append([
    await messageFor(store, [archive], { sample: { subject: 'T', messageId: 't1@x' }, keywords: ['$seen'] }),
  ]);
  await account.append([
    await messageFor(store, [inbox], { sample: { subject: 'T', messageId: 't2@x', inReplyTo: 't1@x' } }),
  ]);
  const unread = async (id: MailboxId): Promise<number> => (await account.mailbox(id))!.unreadThreads;
  // The unread email needn't be in the mailbox itself.
  assert.deepEqual([await unread(inbox), await unread(archive)], [1, 1]);
  await account.copyOrMove('move', inbox, range(1), trash);
  assert.deepEqual([await unread(archive), await unread(trash)], [0, 1]);
  // Another mailbox becomes the trash.
  const moved = await account.changeMailboxes({
    update: new Map([
      [archive, { role: 'trash' as const }],
      [trash, { role: null }],
    ]),
  });
  assert.ok([...moved.updated.values()].every((outcome) => outcome.ok));
  assert.deepEqual([await unread(archive), await unread(trash)], [0, 1]);
});

test('STORE on more messages than one mutation takes is done in steps', { timeout: 120_000 }, async () => {
  const account = await someone();
  const inbox = await mailboxOfRole(account, 'inbox');
  const sources = await Promise.all(Array.from({ length: 40 }, () => messageFor(store, [inbox])));
  const many = Array.from({ length: 1_200 }, (_nothing, i) => sources[i % sources.length]!);
  for (let i = 0; i < many.length; i += 400) await account.append(many.slice(i, i + 400));
  const { modseq } = await account.state();
  const result = await account.changeFlags(inbox, range(1, 2 ** 32 - 1), {
    mode: 'add',
    keywords: keywords('$seen'),
    deleted: true,
  });
  assert.equal(result.messages.length, 1_200);
  assert.equal(result.modseq, modseq + 2);
  assert.equal((await account.mailbox(inbox))!.unseen, 0);
  const gone = await account.expunge(inbox);
  assert.deepEqual(
    gone.uids,
    Array.from({ length: 1_200 }, (_nothing, i) => (i + 1) as Uid),
  );
});

test('what MongoDB can not store fails alone, and not with its group', async () => {
  const account = await someone();
  const inbox = await mailboxOfRole(account, 'inbox');
  const [good, bad, other] = await Promise.all([1, 2, 3].map(() => messageFor(store, [inbox])));
  const { staged } = bad!;
  // A row over 16 MB.
  const huge = { ...bad!, staged: { ...staged, index: { ...staged.index, preview: 'x'.repeat(17 * 2 ** 20) } } };
  const results = await Promise.allSettled([good!, huge, other!].map((item) => account.append([item])));
  assert.deepEqual(
    results.map((result) => result.status),
    ['fulfilled', 'rejected', 'fulfilled'],
  );
  assert.equal((await account.mailbox(inbox))!.total, 2);
});
