/** A message of nearly 50 MB in by LMTP and out by IMAP: throughput, and how much the server's memory grew. */

import { openSender } from '../../test/support/senders.ts';
import type { Bench } from '../support/bench-server.ts';
import { measure, type Row } from '../support/measure.ts';
import { residentBytes } from '../support/process-usage.ts';

const BYTES = 49 * 1024 * 1024;

export async function* largeRows(bench: Bench): AsyncIterable<Row> {
  const [account = ''] = bench.many;
  const line = `${'QUJD'.repeat(19)}\r\n`;
  const head = `From: a@remote.example\r\nTo: ${account}\r\nSubject: large\r\nMIME-Version: 1.0\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n`;
  const octets = Buffer.from(head + line.repeat(Math.floor((BYTES - head.length) / line.length)), 'latin1');
  const mib = octets.length / 1024 ** 2;

  const sender = await openSender('lmtp', bench.server.port('lmtp'));
  const before = residentBytes(bench.pids.server);
  const watch = watchMemory(bench.pids.server);
  const inRow = await measure(`LMTP one message of ${mib.toFixed(0)} MB`, bench.pids, async () => {
    const startedAt = performance.now();
    await sender.send('a@remote.example', account, octets);
    return { count: 1, timesMs: [performance.now() - startedAt] };
  });
  yield {
    ...inRow,
    note: `${(mib / ((inRow.p50Ms ?? 1) / 1000)).toFixed(0)} MB/s, at most ${((watch.stop() - before) / 1024 ** 2).toFixed(1)} MiB more`,
  };
  await sender.close();

  const client = await bench.login(account);
  await client.imap('b', 'SELECT INBOX');
  const beforeOut = residentBytes(bench.pids.server);
  const watchOut = watchMemory(bench.pids.server);
  const outRow = await measure(`IMAP FETCH of one message of ${mib.toFixed(0)} MB`, bench.pids, async () => {
    const startedAt = performance.now();
    await client.send('c UID FETCH * (BODY.PEEK[])');
    const first = (await client.line()) ?? '';
    await client.octets(Number(/\{(\d+)\}$/.exec(first)?.[1]));
    await client.imapResponse('c');
    return { count: 1, timesMs: [performance.now() - startedAt] };
  });
  client.destroy();
  yield {
    ...outRow,
    note: `${(mib / ((outRow.p50Ms ?? 1) / 1000)).toFixed(0)} MB/s, at most ${((watchOut.stop() - beforeOut) / 1024 ** 2).toFixed(1)} MiB more`,
  };
}

/** Looks at resident memory ten times a second; `stop` gives the greatest value seen. */
function watchMemory(pid: number): { stop(): number } {
  let greatest = residentBytes(pid);
  const timer = setInterval(() => {
    greatest = Math.max(greatest, residentBytes(pid));
  }, 100);
  return {
    stop: () => {
      clearInterval(timer);
      return Math.max(greatest, residentBytes(pid));
    },
  };
}
