import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { QueueId } from '../../../src/mail/ids.ts';
import { systemClock } from '../../../src/server/clock.ts';
import { silentLog } from '../../../src/server/log.ts';
import { openMailStore } from '../../../src/storage/open-store.ts';
import { freshDatabase, mongodbUri } from '../../support/services.ts';

/** Beside this file, compiled or not. */
const PROGRAM = fileURLToPath(new URL(`./accepting-process${import.meta.url.slice(-3)}`, import.meta.url));
const ENOUGH = 300;

const database = freshDatabase();
const store = await openMailStore({
  uri: mongodbUri(),
  database,
  redisUrl: null,
  keyPrefix: '',
  clock: systemClock,
  log: silentLog,
});
after(() => store.close());

test('P1 kill -9 while sixteen senders hand in: every acknowledged entry is there with all its octets', async () => {
  const child = spawn(process.execPath, [PROGRAM, mongodbUri(), database], { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
    if (output.split('\n').length > ENOUGH) child.kill('SIGKILL');
  });
  const [, signal] = await once(child, 'close');
  assert.equal(signal, 'SIGKILL');
  const acknowledged = output.split('\n').slice(0, -1) as QueueId[];
  assert.ok(acknowledged.length >= ENOUGH);
  const due = new Set<QueueId>();
  for await (const batch of store.queue.due({})) for (const { id } of batch) due.add(id);
  for (const id of acknowledged) {
    const entry = await store.queue.get(id);
    assert.ok(entry, `entry ${id} was acknowledged and is not there`);
    assert.ok(due.has(id), `entry ${id} is not due`);
    let size = 0;
    for await (const piece of store.readBody(entry.body)) size += piece.length;
    assert.equal(size, entry.body.size);
  }
  // What was not acknowledged is there as a whole or not at all.
  for (const id of due) {
    const entry = (await store.queue.get(id))!;
    for await (const _ of store.readBody(entry.body));
  }
});
