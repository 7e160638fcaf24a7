/** Many writers and a reader of deltas, in several processes' worth of stores on one record. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Keyword } from '../../../src/mail/flags.ts';
import { asUid, type MailboxId, type Modseq } from '../../../src/mail/ids.ts';
import type { AccountStore } from '../../../src/storage/mail-store.ts';
import type { MessageRow } from '../../../src/storage/mongo/documents.ts';
import { assertConsistent } from './recount.ts';
import { mailboxOfRole, messageFor, openFixture } from './store-fixture.ts';

const fixture = await openFixture();
const { store } = fixture;
const PROCESSES = 4;
const WRITERS = 32;
const EACH = 8;

async function handles(account: AccountStore): Promise<AccountStore[]> {
  const stores = await Promise.all(Array.from({ length: PROCESSES }, () => fixture.another()));
  return Promise.all(stores.map((other) => other.openAccount(account.account, account.account)));
}

/** Follows deltas as an IMAP session does: each message once, and never a UID below one that was seen. */
async function followUntil(account: AccountStore, inbox: MailboxId, total: number): Promise<string[]> {
  const seen: string[] = [];
  let cursor: Modseq = (await account.state()).modseq;
  let lastUid = 0;
  while (seen.length < total) {
    const page = await account.changesSince(cursor, 20);
    for (const row of page.rows) {
      assert.equal(row.modseq, cursor + 1 + page.rows.indexOf(row));
      const ids = row.created.Email ?? [];
      const rows = await fixture
        .raw()
        .collection<MessageRow>('messages')
        .find({ account: account.account, _id: { $in: ids as never[] } }, { readConcern: { level: 'majority' } })
        .toArray();
      assert.equal(rows.length, ids.length);
      const uids = rows.map((m) => m.mailboxes.find((x) => x.id === inbox)!.uid).sort((a, b) => a - b);
      for (const uid of uids) {
        assert.ok(uid > lastUid, `UID ${uid} after ${lastUid}`);
        lastUid = uid;
      }
      seen.push(...ids);
    }
    cursor = page.upTo;
    if (page.rows.length === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  return seen;
}

test('RFC 3501 §2.3.1.1 32 writers in four processes on one account: UIDs dense and ascending, no reader misses one', {
  timeout: 120_000,
}, async () => {
  const account = await fixture.account();
  const inbox = await mailboxOfRole(account, 'inbox');
  const writers = await handles(account);
  const total = WRITERS * EACH;
  const items = await Promise.all(Array.from({ length: total }, () => messageFor(store, [inbox])));
  const reader = followUntil((await handles(account))[0]!, inbox, total);
  const uids: number[] = [];
  await Promise.all(
    Array.from({ length: WRITERS }, async (_nothing, w) => {
      for (let i = 0; i < EACH; i++) {
        const { messages } = await writers[w % PROCESSES]!.append([items[w * EACH + i]!]);
        uids.push(messages[0]!.memberships[0]!.uid);
      }
    }),
  );
  assert.deepEqual(
    uids.sort((a, b) => a - b),
    Array.from({ length: total }, (_nothing, i) => i + 1),
  );
  const seen = await reader;
  assert.equal(new Set(seen).size, total);
  assert.equal(seen.length, total);
  await assertConsistent(fixture.raw(), account.account);
});

test('flags that four processes set on the same messages are all kept', { timeout: 120_000 }, async () => {
  const account = await fixture.account();
  const inbox = await mailboxOfRole(account, 'inbox');
  for (let i = 0; i < 4; i++) await account.append([await messageFor(store, [inbox])]);
  const sessions = await handles(account);
  const all = [{ from: asUid(1), to: asUid(4) }];
  const names = Array.from({ length: 24 }, (_nothing, i) => `flag${i}` as Keyword);
  await Promise.all(
    names.map((keyword, i) =>
      sessions[i % PROCESSES]!.changeFlags(inbox, all, { mode: 'add', keywords: [keyword], deleted: false }),
    ),
  );
  const rows = await fixture.raw().collection<MessageRow>('messages').find({ account: account.account }).toArray();
  for (const row of rows) assert.deepEqual([...row.keywords].sort(), [...names].sort());
  await assertConsistent(fixture.raw(), account.account);
});

test('a dedupe key is stored once by four processes that deliver it at once', { timeout: 120_000 }, async () => {
  const account = await fixture.account();
  const inbox = await mailboxOfRole(account, 'inbox');
  const sessions = await handles(account);
  const item = await messageFor(store, { role: 'inbox' }, { dedupe: 'once' });
  const results = await Promise.all(
    Array.from({ length: 16 }, (_nothing, i) => sessions[i % PROCESSES]!.append([item])),
  );
  assert.equal(results.filter((r) => !r.messages[0]!.isRepeat).length, 1);
  assert.equal(new Set(results.map((r) => r.messages[0]!.id)).size, 1);
  assert.equal((await account.mailbox(inbox))!.total, 1);
  await assertConsistent(fixture.raw(), account.account);
});
