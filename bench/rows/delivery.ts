/**
 * Mail in: SMTP (accepted, queued, delivered by a worker) and LMTP (delivered before the answer), 4 KB and 64 KB, to 20 accounts and to one
 * hot account, with 1, 16 and 32 connections. The rate counts messages that are in their mailbox; the times are those from MAIL to the final reply.
 */

import { sampleMessage } from '../../test/support/mail-samples.ts';
import { openSender } from '../../test/support/senders.ts';
import type { Bench } from '../support/bench-server.ts';
import { measure, type Row, repeat } from '../support/measure.ts';

const WARM_UP_MESSAGES = 400;

export async function* deliveryRows(bench: Bench, scale: number): AsyncIterable<Row> {
  for (const protocol of ['smtp', 'lmtp'] as const) {
    // Not shown: the first messages of a process run code that isn't compiled yet.
    await deliveryRow(bench, protocol, 4, 'warm-up', bench.many, 4, WARM_UP_MESSAGES);
    for (const kilobytes of [4, 64]) {
      for (const [target, accounts] of [
        ['20 accounts', bench.many],
        ['one hot account', [bench.hot]],
      ] as const) {
        for (const connections of kilobytes === 4 && target === 'one hot account' ? [1, 16, 32] : [1, 16]) {
          const count = Math.round((connections === 1 ? 300 : 1_500) * scale);
          yield await deliveryRow(bench, protocol, kilobytes, target, accounts, connections, count);
        }
      }
    }
  }
}

async function deliveryRow(
  bench: Bench,
  protocol: 'smtp' | 'lmtp',
  kilobytes: number,
  target: string,
  accounts: readonly string[],
  connections: number,
  count: number,
): Promise<Row> {
  const messages = Array.from({ length: count }, (_nothing, i) => {
    const to = accounts[i % accounts.length] ?? '';
    return { to, octets: sampleMessage({ from: 'sender@remote.example', to, bytes: kilobytes * 1024 }) };
  });
  const senders = await Promise.all(
    Array.from({ length: connections }, () => openSender(protocol, bench.server.port(protocol))),
  );
  const before = await bench.storedIn(accounts);
  const row = await measure(
    `${protocol.toUpperCase()} ${kilobytes} KB to ${target}, ${connections} connection${connections === 1 ? '' : 's'}`,
    bench.pids,
    async () => {
      const timesMs = await repeat(count, connections, async (lane, turn) => {
        const message = messages[turn];
        if (message) await senders[lane]?.send('sender@remote.example', message.to, message.octets);
      });
      await bench.untilStored(accounts, before + count);
      return { count, timesMs };
    },
  );
  await Promise.all(senders.map((sender) => sender.close()));
  return row;
}
