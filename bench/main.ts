/**
 * `npm run bench`: one table of what the server does on this machine, on mail that it makes itself.
 * Words on the command line choose rows (`npm run bench -- imap`); `--quick` does a tenth; `--json` prints JSON at the end.
 */

import { deliveryRows } from './rows/delivery.ts';
import { fillMailbox, idleConnectionsRow, idleLatencyRow, imapRows } from './rows/imap.ts';
import { jmapRows } from './rows/jmap.ts';
import { largeRows } from './rows/large.ts';
import { submissionRows } from './rows/submission.ts';
import { openBench } from './support/bench-server.ts';
import type { Row } from './support/measure.ts';
import { headLine, rowLine } from './support/table.ts';

const words = process.argv.slice(2);
if (words.includes('--help')) {
  console.log(
    'npm run bench -- [delivery] [imap] [jmap] [submission] [idle] [large] [--quick] [--json] [--messages N]',
  );
  process.exit(0);
}
const isQuick = words.includes('--quick');
const scale = isQuick ? 0.1 : 1;
const at = words.indexOf('--messages');
const messages = at >= 0 ? Number(words[at + 1]) : isQuick ? 1_000 : 10_000;
const chosen = words.filter((word, i) => !word.startsWith('--') && !(at >= 0 && i === at + 1));
const wants = (group: string): boolean => chosen.length === 0 || chosen.includes(group);

const uri = process.env.WAXWING_TEST_MONGODB_URI;
const redis = process.env.WAXWING_TEST_REDIS_URL;
if (!uri || !redis) throw new Error('run it by `npm run bench`, which starts the services');

const bench = await openBench(uri, redis);
const rows: Row[] = [];
console.log(headLine());
const take = (row: Row): void => {
  rows.push(row);
  console.log(rowLine(row));
};
try {
  if (wants('idle')) {
    take(await idleConnectionsRow(bench, isQuick ? 200 : 1_000));
    take(await idleLatencyRow(bench, scale));
  }
  if (wants('large')) for await (const row of largeRows(bench)) take(row);
  if (wants('delivery')) for await (const row of deliveryRows(bench, scale)) take(row);
  if (wants('submission')) for await (const row of submissionRows(bench, scale)) take(row);
  if (wants('imap') || wants('jmap')) {
    process.stderr.write(`filling a mailbox with ${messages} messages …\n`);
    await fillMailbox(bench, messages);
  }
  if (wants('imap')) for await (const row of imapRows(bench, messages, scale)) take(row);
  if (wants('jmap')) for await (const row of jmapRows(bench, messages, scale)) take(row);
} finally {
  await bench.close();
}
if (words.includes('--json')) console.log(JSON.stringify(rows, null, 2));
