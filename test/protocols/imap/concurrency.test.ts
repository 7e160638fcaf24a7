/** Many sessions on one mailbox: nobody misses a change, and all end with the same picture. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ImapClient } from './imap-client.ts';
import { deliver, mail, openImapFixture, type User } from './imap-fixture.ts';

const fixture = await openImapFixture();

/** UID and flags by sequence number, as a client sees them. */
async function mapOf(client: ImapClient): Promise<string[]> {
  const lines = await client.ok('FETCH 1:* (UID FLAGS)');
  return lines.map((line) => line.replace(/^\* /, ''));
}

async function fresh(user: User): Promise<ImapClient> {
  return fixture.client(user, 'INBOX');
}

test('RFC 7162 §3.1 a session that follows CHANGEDSINCE misses none of ten deliveries at once', async () => {
  const user = await fixture.user();
  const follower = await fixture.client(user);
  const highestOf = (lines: readonly string[]): number => Number(/HIGHESTMODSEQ (\d+)/.exec(lines.join('\n'))![1]);
  let since = highestOf(await follower.ok('SELECT INBOX (CONDSTORE)'));
  const seen = new Set<string>();
  let isDelivering = true;
  const delivering = Promise.all(
    Array.from({ length: 10 }, (_, sender) =>
      deliver(
        fixture,
        user,
        Array.from({ length: 5 }, (_, n) => mail(`${sender}.${n}`)),
      ),
    ),
  ).then(() => {
    isDelivering = false;
  });
  for (let isLast = false; !isLast; ) {
    isLast = !isDelivering;
    await follower.ok('NOOP');
    for (const line of await follower.ok(`UID FETCH 1:* (UID) (CHANGEDSINCE ${since})`)) {
      const [, uid, modseq] = /UID (\d+) MODSEQ \((\d+)\)/.exec(line) ?? [];
      if (uid === undefined) continue;
      seen.add(uid);
      since = Math.max(since, Number(modseq));
    }
  }
  await delivering;
  assert.equal(seen.size, 50);
});

test('RFC 3501 §7.4.1 a long-lived session and a fresh one have the same sequence map after a storm', async () => {
  const user = await fixture.user();
  await deliver(
    fixture,
    user,
    Array.from({ length: 10 }, (_, n) => mail(`first ${n}`)),
  );
  const sessions = await Promise.all(Array.from({ length: 4 }, () => fresh(user)));
  await Promise.all([
    deliver(
      fixture,
      user,
      Array.from({ length: 20 }, (_, n) => mail(`later ${n}`)),
    ),
    ...sessions.map(async (client, s) => {
      for (let round = 0; round < 8; round++) {
        await client.run(`UID STORE ${s + 1 + round * 2},${20 - s} +FLAGS (kw${s} \\Flagged)`);
        if (round % 3 === s % 3) await client.run(`UID STORE ${1 + ((round * 7 + s) % 25)} +FLAGS.SILENT (\\Deleted)`);
        if (round % 4 === s) await client.run('EXPUNGE');
        await client.run('FETCH 1:* UID');
      }
    }),
  ]);
  for (const client of sessions) await client.ok('NOOP');
  const expected = await mapOf(await fresh(user));
  assert.ok(expected.length > 5);
  for (const client of sessions) assert.deepEqual(await mapOf(client), expected);
});

test('RFC 9051 §7.5.2 two sessions see each other’s flags, and both keywords are kept', async () => {
  const user = await fixture.user();
  await deliver(fixture, user, [mail('one')]);
  const [a, b] = [await fresh(user), await fresh(user)];
  await Promise.all([a.ok('STORE 1 +FLAGS.SILENT (one)'), b.ok('STORE 1 +FLAGS.SILENT (two)')]);
  await a.ok('NOOP');
  await b.ok('NOOP');
  for (const client of [a, b]) {
    const [line] = await client.ok('FETCH 1 FLAGS');
    assert.match(line!, /one/);
    assert.match(line!, /two/);
  }
  await a.ok('STORE 1 -FLAGS (one)');
  assert.deepEqual(await b.ok('NOOP'), ['* 1 FETCH (FLAGS (two))']);
});

test('RFC 7162 §3.1.3 of many conditional STOREs at once one wins', async () => {
  const user = await fixture.user();
  await deliver(fixture, user, [mail('one')]);
  const sessions = await Promise.all(Array.from({ length: 6 }, () => fresh(user)));
  const [line] = await sessions[0]!.ok('FETCH 1 MODSEQ');
  const modseq = /MODSEQ \((\d+)\)/.exec(line!)![1];
  const answers = await Promise.all(
    sessions.map((client, n) => client.run(`STORE 1 (UNCHANGEDSINCE ${modseq}) +FLAGS (won${n})`)),
  );
  assert.equal(answers.filter(({ tagged }) => !tagged.includes('MODIFIED')).length, 1);
});

test('RFC 2177 every idle session hears of a delivery', async () => {
  const user = await fixture.user();
  const sessions = await Promise.all(Array.from({ length: 50 }, () => fresh(user)));
  for (const client of sessions) {
    client.send('i IDLE\r\n');
    await client.line();
  }
  await deliver(fixture, user, [mail('news')]);
  for (const client of sessions) assert.equal(await client.line(), '* 1 EXISTS');
});

test('RFC 6851 §3.3 a message moved by many sessions at once is moved once', async () => {
  const user = await fixture.user();
  await deliver(fixture, user, [mail('one')]);
  const sessions = await Promise.all(Array.from({ length: 5 }, () => fresh(user)));
  const answers = await Promise.all(sessions.map((client) => client.run('UID MOVE 1 Archive')));
  assert.equal(answers.filter(({ lines }) => lines.some((line) => line.includes('COPYUID'))).length, 1);
  assert.deepEqual(await sessions[0]!.ok('STATUS Archive (MESSAGES)'), ['* STATUS "Archive" (MESSAGES 1)']);
});
