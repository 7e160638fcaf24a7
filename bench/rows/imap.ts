/** Reading and changing over IMAP in a mailbox of 10,000 messages, APPEND, the way from 250 to IDLE, and idle TLS sessions. */
import { LineClient } from '../../test/support/line-client.ts';
import { sampleMessage } from '../../test/support/mail-samples.ts';
import { openSender } from '../../test/support/senders.ts';
import { type Bench, PASSWORD } from '../support/bench-server.ts';
import { measure, percentile, type Row, repeat } from '../support/measure.ts';
import { residentBytes } from '../support/process-usage.ts';

const LISTING = 'UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE)';
const APPENDS = 300;
const IDLE_MESSAGES = 100;

/** Puts `count` messages of 4 KB into the lister's Inbox. */
export async function fillMailbox(bench: Bench, count: number): Promise<void> {
  const senders = await Promise.all(Array.from({ length: 16 }, () => openSender('lmtp', bench.server.port('lmtp'))));
  await repeat(count, senders.length, async (lane, turn) => {
    const octets = sampleMessage({
      from: 'sender@remote.example',
      to: bench.lister,
      bytes: 4096,
      subject: `Message ${turn} of the large mailbox`,
    });
    await senders[lane]?.send('sender@remote.example', bench.lister, octets);
  });
  await Promise.all(senders.map((sender) => sender.close()));
}

export async function* imapRows(bench: Bench, messages: number, scale: number): AsyncIterable<Row> {
  const client = await bench.login(bench.lister);
  const turns = (count: number): number => Math.max(3, Math.round(count * scale));
  const timed = (operation: string, count: number, work: (turn: number) => Promise<void>): Promise<Row> =>
    measure(operation, bench.pids, async () => ({
      count,
      timesMs: await repeat(count, 1, (_lane, turn) => work(turn)),
    }));
  const ok = async (command: string): Promise<readonly string[]> => {
    const { untagged, status } = await client.imap('b', command);
    if (!status.startsWith('OK')) throw new Error(`${command}: ${status}`);
    return untagged;
  };

  yield await timed(`IMAP SELECT, ${messages} messages`, turns(100), async () => void (await ok('SELECT INBOX')));
  yield await listingRow(bench, client, messages, turns(5));
  yield await timed(
    `IMAP UID FETCH 1:* (FLAGS), ${messages} messages`,
    turns(5),
    async () => void (await ok('UID FETCH 1:* (FLAGS)')),
  );
  yield await timed(
    'IMAP UID FETCH of 100 bodies, 4 KB each',
    turns(20),
    async (turn) => void (await ok(`UID FETCH ${turn * 100 + 1}:${turn * 100 + 100} (BODY.PEEK[])`)),
  );
  yield await timed(
    'IMAP UID FETCH of one body, 4 KB',
    turns(200),
    async (turn) => void (await ok(`UID FETCH ${turn + 1} (BODY.PEEK[])`)),
  );
  yield await timed(
    'IMAP UID STORE +FLAGS of one message',
    turns(300),
    async (turn) => void (await ok(`UID STORE ${turn + 1} +FLAGS (\\Flagged)`)),
  );
  yield await timed(
    'IMAP UID STORE of 1,000 messages',
    turns(6),
    async (turn) => void (await ok(`UID STORE 1:1000 ${turn % 2 ? '-' : '+'}FLAGS.SILENT (work)`)),
  );
  yield await timed(
    `IMAP UID SEARCH SUBJECT, ${messages} messages`,
    turns(5),
    async () => void (await ok('UID SEARCH SUBJECT "4711"')),
  );
  client.destroy();
  yield await appendRow(bench, Math.round(APPENDS * scale), 1);
  yield await appendRow(bench, Math.round(APPENDS * 4 * scale), 8);
}

async function listingRow(bench: Bench, client: LineClient, messages: number, count: number): Promise<Row> {
  const firstByte: number[] = [];
  const row = await measure(`IMAP listing with ENVELOPE BODYSTRUCTURE, ${messages} messages`, bench.pids, async () => ({
    count,
    timesMs: await repeat(count, 1, async () => {
      const startedAt = performance.now();
      await client.send(`b ${LISTING}`);
      await client.imapLine();
      firstByte.push(performance.now() - startedAt);
      const { untagged } = await client.imapResponse('b');
      if (untagged.length !== messages - 1) throw new Error(`${untagged.length + 1} of ${messages} were listed`);
    }),
  }));
  return {
    ...row,
    note: `first byte p50 ${percentile(
      firstByte.toSorted((a, b) => a - b),
      0.5,
    )?.toFixed(1)} ms`,
  };
}

async function appendRow(bench: Bench, count: number, connections: number): Promise<Row> {
  const clients = await Promise.all(Array.from({ length: connections }, () => bench.login(bench.hot)));
  const octets = sampleMessage({ from: bench.hot, to: bench.hot, bytes: 4096 });
  const row = await measure(
    `IMAP APPEND 4 KB, ${connections} connection${connections === 1 ? '' : 's'}`,
    bench.pids,
    async () => ({
      count,
      timesMs: await repeat(count, connections, async (lane) => {
        const client = clients[lane];
        if (!client) return;
        await client.write(`a APPEND Sent (\\Seen) {${octets.length}+}\r\n`);
        await client.write(octets);
        await client.write('\r\n');
        const { status } = await client.imapResponse('a');
        if (!status.startsWith('OK')) throw new Error(status);
      }),
    }),
  );
  for (const client of clients) client.destroy();
  return row;
}

/** From the 250 of SMTP to the untagged EXISTS in an idle session. */
export async function idleLatencyRow(bench: Bench, scale: number): Promise<Row> {
  const count = Math.max(5, Math.round(IDLE_MESSAGES * scale));
  const [account = ''] = bench.many;
  const client = await bench.login(account);
  await client.imap('b', 'SELECT INBOX');
  await client.send('i IDLE');
  await client.line();
  const sender = await openSender('smtp', bench.server.port('smtp'));
  const timesMs: number[] = [];
  const row = await measure('SMTP 250 to IDLE EXISTS', bench.pids, async () => {
    for (let turn = 0; turn < count; turn++) {
      const seen = untilExists(client);
      await sender.send(
        'sender@remote.example',
        account,
        sampleMessage({ from: 'sender@remote.example', to: account, bytes: 4096 }),
      );
      const acceptedAt = performance.now();
      await seen;
      timesMs.push(performance.now() - acceptedAt);
    }
    return { count, timesMs };
  });
  await sender.close();
  client.destroy();
  return row;
}

async function untilExists(client: LineClient): Promise<void> {
  for (;;) {
    const line = await client.line();
    if (line === null) throw new Error('the idle session ended');
    if (/^\* \d+ EXISTS/.test(line)) return;
  }
}

/** Memory of logged-in, selected, idle sessions over TLS. */
export async function idleConnectionsRow(bench: Bench, connections: number): Promise<Row> {
  const before = residentBytes(bench.pids.server);
  const clients: LineClient[] = [];
  const row = await measure(`IMAP idle over TLS, ${connections} sessions`, bench.pids, async () => {
    const timesMs = await repeat(connections, 8, async (_lane, turn) => {
      const client = await LineClient.open(bench.server.port('imaps'), { tls: true });
      await client.line();
      await client.imap('a', `LOGIN ${bench.many[turn % bench.many.length]} "${PASSWORD}"`);
      await client.imap('b', 'SELECT INBOX');
      await client.send('c IDLE');
      await client.line();
      clients.push(client);
    });
    return { count: connections, timesMs };
  });
  const kib = (residentBytes(bench.pids.server) - before) / 1024 / connections;
  for (const client of clients) client.destroy();
  return { ...row, note: `${kib.toFixed(1)} KiB each` };
}
