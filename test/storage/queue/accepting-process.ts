/**
 * A process of its own that accepts as fast as it can, and names each acknowledged entry on a line of its standard output: what a test kills.
 * Arguments: the URI of MongoDB and the name of the database.
 */
import { writeSync } from 'node:fs';
import { systemClock } from '../../../src/server/clock.ts';
import { silentLog } from '../../../src/server/log.ts';
import { openMailStore } from '../../../src/storage/open-store.ts';

const [uri, database] = process.argv.slice(2);
const store = await openMailStore({
  uri: uri!,
  database: database!,
  redisUrl: null,
  keyPrefix: '',
  clock: systemClock,
  log: silentLog,
});

async function* octets(n: number, size: number): AsyncGenerator<Buffer> {
  yield Buffer.from(`Subject: ${n}\r\n\r\n`);
  yield Buffer.alloc(size, `${n} `);
}

async function sender(from: number): Promise<never> {
  for (let n = from; ; n += 16) {
    // One in ten is too large for its transaction.
    const staged = await store.receiveBody(octets(n, n % 10 === 0 ? 150_000 : 2_000), { maxBytes: 1_000_000 });
    const id = store.queue.newId();
    await store.queue.accept({
      id,
      staged,
      skip: 0,
      sender: { address: 'sender@example.net' },
      senderAccount: null,
      source: 'smtp',
      recipients: [{ address: 'bob@example.org', lane: 'local' }],
    });
    writeSync(1, `${id}\n`);
  }
}
for (let i = 0; i < 16; i++) void sender(i);
