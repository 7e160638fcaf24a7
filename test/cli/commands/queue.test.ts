/** `waxwing queue …` as an operator types it, on the real record. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { QueueId } from '../../../src/mail/ids.ts';
import { DeliveryWorld } from '../../delivery/support/delivery-world.ts';
import { freshDatabase, freshKeyPrefix, mongodbUri, redisUrl } from '../../support/services.ts';

const database = freshDatabase();
const keyPrefix = freshKeyPrefix();
const data = mkdtempSync(join(tmpdir(), 'waxwing-cli-'));
const program = fileURLToPath(new URL('../../../src/cli/main.js', import.meta.url));
let world: DeliveryWorld;
before(async () => {
  world = await DeliveryWorld.open({ database, keyPrefix, redisUrl: redisUrl() });
});
after(async () => {
  await world.close();
  rmSync(data, { recursive: true, force: true });
});

interface Answer {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}
function waxwing(...args: readonly string[]): Promise<Answer> {
  const settings = [`mongodb.uri=${mongodbUri()}`, `mongodb.database=${database}`, `redis.url=${redisUrl()}`];
  const all = [...settings, `redis.keyPrefix=${keyPrefix}`].flatMap((setting) => ['--set', setting]);
  return new Promise((resolve) => {
    execFile(process.execPath, [program, '--data', data, ...all, ...args], (error, out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code), out, err });
    });
  });
}
async function done(...args: readonly string[]): Promise<string> {
  const { code, out, err } = await waxwing(...args);
  assert.equal(code, 0, err);
  return out;
}
const accept = (): Promise<QueueId> =>
  world.accept(['you@there.test', 'me@other.test'], Buffer.from('Subject: x\r\n\r\nx\r\n'));
const states = async (id: QueueId): Promise<readonly string[]> =>
  (await world.store.queue.get(id))!.recipients.map(({ state }) => state);

test('show tells who sent a message and what became of each recipient', async () => {
  const id = await accept();
  const lease = (await world.store.queue.claim(id, 'there.test', 'w', 60_000))!;
  assert.ok(await world.store.queue.beginSending(lease, [0], 'attempt-7'));
  const facts = JSON.parse(await done('--json', 'queue', 'show', id)) as {
    readonly id: string;
    readonly recipients: readonly Readonly<Record<string, unknown>>[];
  };
  assert.equal(facts.id, id);
  assert.deepEqual(
    facts.recipients.map(({ address, state }) => [address, state]),
    [
      ['you@there.test', 'sending'],
      ['me@other.test', 'ready'],
    ],
  );
  const text = await done('queue', 'show', id);
  assert.match(text, /<sender@here\.test>/);
  assert.match(text, /you@there\.test +sending/);
});

test('hold keeps what waits, release lets it go, and what is being attempted is left alone', async () => {
  const id = await accept();
  const lease = (await world.store.queue.claim(id, 'there.test', 'w', 60_000))!;
  assert.deepEqual(JSON.parse(await done('--json', 'queue', 'hold', id)), { held: 1, inFlight: 1 });
  assert.deepEqual(await states(id), ['leased', 'held']);
  assert.equal(await world.store.queue.claim(id, 'other.test', 'w', 60_000), null);
  assert.match(await done('queue', 'list'), /me@other\.test +held/);
  const later = new Date(Date.now() + 3_600_000);
  const reply = { code: 451, status: null, lines: ['later'] };
  const outcome = { index: 0, state: 'deferred', reply, from: 'mx', nextAt: later } as const;
  assert.ok(await world.store.queue.record(lease, [outcome], []));
  assert.deepEqual(JSON.parse(await done('--json', 'queue', 'hold', id)), { held: 1, inFlight: 0 });
  assert.match(await done('queue', 'release', id), /Recipients released: 2\./);
  assert.deepEqual(await states(id), ['deferred', 'ready']);
  assert.ok(await world.store.queue.claim(id, 'other.test', 'w', 60_000));
  assert.ok(await world.store.queue.claim(id, 'there.test', 'w', 60_000));
});

test('drop ends what waits or is held, and a row of which nothing is left is done', async () => {
  const id = await accept();
  await done('queue', 'hold', id);
  assert.deepEqual(JSON.parse(await done('--json', 'queue', 'drop', id)), { dropped: 2, inFlight: 0 });
  assert.deepEqual(await states(id), ['cancelled', 'cancelled']);
  assert.equal(await world.store.queue.claim(id, 'there.test', 'w', 60_000), null);
  assert.ok(!(await world.store.queue.list({ limit: 1_000 })).some((entry) => entry.id === id));
  assert.deepEqual(JSON.parse(await done('--json', 'queue', 'drop', id)), { dropped: 0, inFlight: 0 });
});

test('drop leaves a recipient that is being attempted to its worker', async () => {
  const id = await accept();
  const lease = (await world.store.queue.claim(id, 'there.test', 'w', 60_000))!;
  assert.match(await done('queue', 'drop', id), /Recipients dropped: 1\. 1 being attempted now: not dropped\./);
  assert.deepEqual(await states(id), ['leased', 'cancelled']);
  const reply = { code: 250, status: null, lines: ['ok'] };
  assert.ok(await world.store.queue.record(lease, [{ index: 0, state: 'sent', reply, from: 'mx' }], []));
  assert.deepEqual(await states(id), ['sent', 'cancelled']);
});

test('an id that is not there is refused with one sentence, and every command explains itself', async () => {
  for (const verb of ['show', 'hold', 'release', 'drop']) {
    const { code, err } = await waxwing('queue', verb, 'nothing');
    assert.equal(code, 1);
    assert.match(err, /no such message/);
    assert.match(await done('queue', verb, '--help'), new RegExp(`queue ${verb}`));
  }
});
