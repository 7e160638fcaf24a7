/** Mail out: submission with a password, ended in the trap of the development profile. */

import { sampleMessage } from '../../test/support/mail-samples.ts';
import { openSender } from '../../test/support/senders.ts';
import { type Bench, PASSWORD } from '../support/bench-server.ts';
import { measure, type Row, repeat } from '../support/measure.ts';

export async function* submissionRows(bench: Bench, scale: number): AsyncIterable<Row> {
  for (const connections of [1, 16]) {
    const senders = await Promise.all(
      Array.from({ length: connections }, () =>
        openSender('submission', bench.server.port('submission'), { user: bench.hot, password: PASSWORD }),
      ),
    );
    const count = Math.round((connections === 1 ? 300 : 1_500) * scale);
    yield await measure(
      `Submission 4 KB accepted, ${connections} connection${connections === 1 ? '' : 's'}`,
      bench.pids,
      async () => ({
        count,
        timesMs: await repeat(count, connections, async (lane) => {
          const octets = sampleMessage({ from: bench.hot, to: 'somebody@elsewhere.example', bytes: 4096 });
          await senders[lane]?.send(bench.hot, 'somebody@elsewhere.example', octets);
        }),
      }),
    );
    await Promise.all(senders.map((sender) => sender.close()));
  }
}
