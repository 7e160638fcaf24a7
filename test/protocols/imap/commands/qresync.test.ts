/** QRESYNC (RFC 7162 §3.2) over sockets and the real record, with the log whole and with the log cut. */
import assert from 'node:assert/strict';
import { once as event } from 'node:events';
import { after, afterEach, test } from 'node:test';
import { ImapFlow } from 'imapflow';
import { cutLog } from '../../../../src/storage/changes/change-log.ts';
import { openDatabase } from '../../../../src/storage/mongo/database.ts';
import { mongodbUri } from '../../../support/services.ts';
import type { ImapClient } from '../imap-client.ts';
import { deliver, mail, openImapFixture, PASSWORD, type User } from '../imap-fixture.ts';

const fixture = await openImapFixture();
afterEach(() => assert.deepEqual(fixture.faults.splice(0), []));

interface Known {
  readonly uidValidity: string;
  readonly modseq: string;
}

/** What a client remembers of its mailbox when it goes. */
async function remember(client: ImapClient): Promise<Known> {
  const text = (await client.ok('SELECT INBOX')).join('\n');
  return { uidValidity: /UIDVALIDITY (\d+)/.exec(text)![1]!, modseq: /HIGHESTMODSEQ (\d+)/.exec(text)![1]! };
}

async function tenMessages(): Promise<{ user: User; client: ImapClient; known: Known }> {
  const user = await fixture.user();
  await deliver(
    fixture,
    user,
    Array.from({ length: 10 }, (_, n) => mail(`Number ${n}`)),
  );
  const client = await fixture.client(user);
  return { user, client, known: await remember(client) };
}

const news = (lines: readonly string[]): string[] =>
  lines.filter((line) => /VANISHED|FETCH/.test(line)).map((line) => line.replace(/MODSEQ \(\d+\)/, 'MODSEQ'));

/** Ages the account's log away, all but the last row. */
async function cut(user: User): Promise<void> {
  const database = await openDatabase({ uri: mongodbUri(), database: fixture.database });
  try {
    assert.ok((await cutLog(database, user.store.account, new Date(Date.now() + 60_000))) > 0);
  } finally {
    await database.client.close();
  }
}

test('RFC 7162 §3.2.5 SELECT tells what vanished, then flags, since the client was here', async () => {
  const { user, client, known } = await tenMessages();
  await client.ok('STORE 2,4:5 +FLAGS (\\Deleted)');
  await client.ok('EXPUNGE');
  await client.ok('UID STORE 7 +FLAGS (\\Seen)');
  await deliver(fixture, user, [mail('new')]);

  const back = await fixture.client(user);
  const select = `SELECT INBOX (QRESYNC (${known.uidValidity} ${known.modseq}`;
  assert.equal((await back.run(`${select}))`)).tagged, 'BAD Enable QRESYNC first');
  assert.deepEqual(await back.ok('ENABLE QRESYNC'), ['* ENABLED QRESYNC']);
  assert.deepEqual(await back.ok('ENABLE QRESYNC CONDSTORE'), ['* ENABLED']);
  const all = await back.ok(`${select}))`);
  assert.deepEqual(news(all), [
    '* VANISHED (EARLIER) 2,4:5',
    '* 4 FETCH (UID 7 FLAGS (\\Seen) MODSEQ)',
    '* 8 FETCH (UID 11 FLAGS () MODSEQ)',
  ]);
  assert.match(all.join('\n'), /^\* 8 EXISTS$/m);
  // Only what it knows.
  assert.deepEqual(news(await back.ok(`${select} 1:4,6:8))`)), [
    '* VANISHED (EARLIER) 2,4',
    '* 4 FETCH (UID 7 FLAGS (\\Seen) MODSEQ)',
  ]);
  // Nothing of a mailbox that was made anew, nothing when nothing happened.
  assert.deepEqual(news(await back.ok(`EXAMINE INBOX (QRESYNC (${Number(known.uidValidity) + 1} 1))`)), []);
  const now = await remember(back);
  assert.deepEqual(news(await back.ok(`EXAMINE INBOX (CONDSTORE QRESYNC (${now.uidValidity} ${now.modseq}))`)), []);
});

test('RFC 7162 §3.2.5.2 below the floor of the log every UID that is not there has vanished, but where numbers still match', async () => {
  const { user, client, known } = await tenMessages();
  await client.ok('UID STORE 2,8 +FLAGS (\\Deleted)');
  await client.ok('EXPUNGE');
  const later = await remember(client);
  await client.ok('UID STORE 9 +FLAGS (\\Deleted)');
  await client.ok('EXPUNGE');
  await client.ok('UID STORE 1 +FLAGS (\\Flagged)');
  await cut(user);
  const back = await fixture.client(user);
  await back.ok('ENABLE QRESYNC');
  const select = `SELECT INBOX (QRESYNC (${known.uidValidity}`;
  assert.deepEqual(news(await back.ok(`${select} ${known.modseq}))`)), [
    '* VANISHED (EARLIER) 2,8:9',
    '* 1 FETCH (UID 1 FLAGS (\\Flagged) MODSEQ)',
  ]);
  assert.deepEqual(news(await back.ok(`${select} ${later.modseq} 1:7,9:10))`))[0], '* VANISHED (EARLIER) 2,9');
  // The client saw 2 and 8 go: its message 6 is UID 7 as here, its message 7 is UID 9, which is gone.
  assert.deepEqual(
    news(await back.ok(`${select} ${later.modseq} 1,3:7,9:10 (1,5:8 1,6:7,9:10)))`))[0],
    '* VANISHED (EARLIER) 9',
  );
  // A modseq that was never given out is as good as none.
  assert.deepEqual(news(await back.ok(`${select} 9999999 1:5))`)), ['* VANISHED (EARLIER) 2']);
});

test('RFC 7162 §7 what breaks the grammar of QRESYNC is BAD', async () => {
  const client = await fixture.client(await fixture.user());
  await client.ok('ENABLE QRESYNC');
  for (const parameter of [
    'QRESYNC',
    'QRESYNC ()',
    'QRESYNC (1)',
    'QRESYNC (0 1)',
    'QRESYNC (1 0)',
    'QRESYNC (1 1 *)',
    'QRESYNC (1 1 1:*)',
    'QRESYNC (1 1 1:5 (1:3 1:4))',
    'QRESYNC (1 1 1:5 (1:3))',
    'QRESYNC (1 1 1:5 (1 1) 2)',
    'OTHER',
  ])
    assert.match((await client.run(`SELECT INBOX (${parameter})`)).tagged, /^BAD/, parameter);
  // Ranges of thousands of millions cost nothing.
  assert.match(
    (await client.run('SELECT INBOX (QRESYNC (1 1 1:4294967295 (1:4294967295 1:4294967295)))')).tagged,
    /^OK/,
  );
});

test('RFC 7162 §3.2.6 UID FETCH (CHANGEDSINCE n VANISHED) tells both, and once only', async () => {
  const { client, known, user } = await tenMessages();
  const fetch = `UID FETCH 1:* (FLAGS) (CHANGEDSINCE ${known.modseq} VANISHED)`;
  assert.equal((await client.run(fetch)).tagged, 'BAD Enable QRESYNC first');
  await client.ok('ENABLE QRESYNC');
  assert.match((await client.run(`FETCH 1:* (FLAGS) (CHANGEDSINCE ${known.modseq} VANISHED)`)).tagged, /^BAD/);
  assert.match((await client.run('UID FETCH 1:* (FLAGS) (VANISHED)')).tagged, /^BAD/);
  const other = await fixture.client(user, 'INBOX');
  await other.ok('STORE 9:10 +FLAGS (\\Deleted)');
  await other.ok('EXPUNGE');
  await other.ok('STORE 1 +FLAGS (\\Seen)');
  // Here 9 and 10 are still in the view: they go as VANISHED, at the end, and not as EARLIER.
  const first = news(await client.ok(fetch));
  assert.deepEqual(first.slice(0, 2), ['* 1 FETCH (UID 1 FLAGS (\\Seen) MODSEQ)', '* VANISHED 9:10']);
  assert.deepEqual(news(await client.ok(fetch)), [
    '* VANISHED (EARLIER) 9:10',
    '* 1 FETCH (UID 1 FLAGS (\\Seen) MODSEQ)',
  ]);
  assert.deepEqual(news(await client.ok(`UID FETCH 1:9 (FLAGS) (CHANGEDSINCE ${known.modseq} VANISHED)`)), [
    '* VANISHED (EARLIER) 9',
    '* 1 FETCH (UID 1 FLAGS (\\Seen) MODSEQ)',
  ]);
});

test('RFC 7162 §3.2.10.2 VANISHED takes the place of EXPUNGE, never while sequence numbers are in use', async () => {
  const { client, user } = await tenMessages();
  await client.ok('ENABLE QRESYNC');
  await client.ok('STORE 1:2,5 +FLAGS.SILENT (\\Deleted)');
  const { lines, tagged } = await client.run('EXPUNGE');
  assert.deepEqual(lines, ['* VANISHED 1:2,5']);
  assert.match(tagged, /^OK \[HIGHESTMODSEQ \d+\]/);
  assert.ok((await client.ok('UID MOVE 3 Archive')).includes('* VANISHED 3'));
  const other = await fixture.client(user, 'INBOX');
  await other.ok('UID STORE 10 +FLAGS (\\Deleted)');
  assert.deepEqual(
    (await other.ok('UID EXPUNGE 10')).filter((line) => line.includes('EXPUNGE')),
    ['* 6 EXPUNGE'],
  );
  assert.deepEqual(
    news(await client.ok('FETCH 1:* (UID)')).filter((line) => line.includes('VANISHED')),
    [],
  );
  assert.deepEqual(
    (await client.ok('NOOP')).filter((line) => /VANISHED|EXPUNGE/.test(line)),
    ['* VANISHED 10'],
  );
  // RFC 7162 §3.2.11 the border between two mailboxes; §3.2.8 CLOSE tells no HIGHESTMODSEQ.
  assert.equal((await client.ok('SELECT Archive'))[0], '* OK [CLOSED] Previous mailbox closed');
  await client.ok('STORE 1 +FLAGS (\\Deleted)');
  assert.deepEqual(await client.run('CLOSE'), { lines: [], tagged: 'OK Close completed' });
});

test('RFC 7162 §3.2 imapflow takes up a mailbox again', async () => {
  const { user, client, known } = await tenMessages();
  const flow = new ImapFlow({
    host: '127.0.0.1',
    port: fixture.server.tlsPort!,
    secure: true,
    tls: { rejectUnauthorized: false },
    auth: { user: user.address, pass: PASSWORD },
    logger: false,
    qresync: true,
  });
  await flow.connect();
  after(() => flow.close());
  assert.ok(flow.enabled.has('QRESYNC'));
  await client.ok('UID STORE 3:4 +FLAGS (\\Deleted)');
  await client.ok('EXPUNGE');
  await client.ok('UID STORE 6 +FLAGS (\\Flagged)');
  const gone: unknown[] = [];
  const flags: unknown[] = [];
  flow.on('expunge', ({ uid, vanished, earlier }) => gone.push([uid, vanished, earlier]));
  flow.on('flags', (update) => flags.push([update.uid, [...update.flags!]]));
  await flow.mailboxOpen('INBOX', {
    changedSince: BigInt(known.modseq),
    uidValidity: BigInt(known.uidValidity),
  } as object);
  assert.deepEqual(gone, [
    [3, true, true],
    [4, true, true],
  ]);
  assert.deepEqual(flags, [[6, ['\\Flagged']]]);
  const vanished = event(flow, 'expunge');
  void flow.idle();
  await client.ok('UID STORE 8 +FLAGS (\\Deleted)');
  await client.ok('EXPUNGE');
  const [{ uid, earlier }] = (await vanished) as [{ uid: number; earlier: boolean }];
  assert.deepEqual([uid, earlier], [8, false]);
});
