import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { Refusal } from '../../../src/mail/refusal.ts';
import { systemClock } from '../../../src/server/clock.ts';
import { silentLog } from '../../../src/server/log.ts';
import { BodyStore } from '../../../src/storage/bodies/body-store.ts';
import { insertSmallBodies } from '../../../src/storage/bodies/small-bodies.ts';
import type { StagedBody } from '../../../src/storage/model.ts';
import { type Database, openDatabase } from '../../../src/storage/mongo/database.ts';
import { CHUNK_BYTES } from '../../../src/storage/mongo/documents.ts';
import { prepareDatabase } from '../../../src/storage/mongo/indexes.ts';
import { freshDatabase, mongodbUri } from '../../support/services.ts';

const MB = 1024 * 1024;
const name = freshDatabase();
let database: Database;
let bodies: BodyStore;

before(async () => {
  database = await openDatabase({ uri: mongodbUri(), database: name });
  await prepareDatabase(database);
  bodies = new BodyStore(database, systemClock, silentLog, { cacheBytes: 0 });
});
after(() => database.client.close());

async function* pieces(octets: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < octets.length; at += size) yield octets.subarray(at, at + size);
}
async function gathered(source: AsyncIterable<Buffer>): Promise<Buffer> {
  const all: Buffer[] = [];
  for await (const piece of source) all.push(Buffer.from(piece));
  return Buffer.concat(all);
}
async function keep(...staged: StagedBody[]): Promise<void> {
  await database.client.withSession((session) =>
    session.withTransaction(() => insertSmallBodies(database, session, staged, new Date())),
  );
}
const message = (size: number): Buffer => {
  const head = Buffer.from('Subject: octets\r\n\r\n');
  return Buffer.concat([head, randomBytes(Math.max(0, size - head.length))]);
};

describe('receiveBody', () => {
  test('a small body stays in memory, with its head, hash and index, until its transaction writes it', async () => {
    const octets = Buffer.from('Subject: hello\r\n\r\nworld\r\n');
    const head = Buffer.from('Received: by here\r\n');
    const staged = await bodies.receive(pieces(octets, 5), { maxBytes: MB, head });
    const whole = Buffer.concat([head, octets]);
    assert.deepEqual(staged.octets, whole);
    assert.equal(staged.ref.size, whole.length);
    assert.equal(staged.index.subject, 'hello');
    assert.equal(staged.index.receivedCount, 1);
    assert.equal(staged.sha256, createHash('sha256').update(whole).digest('hex'));
    assert.equal(await database.bodyFiles.countDocuments({ _id: staged.ref.id }), 0);
    await keep(staged);
    assert.deepEqual(await gathered(bodies.read(staged.ref)), whole);
  });

  test('a source that uses its buffer again does not change what was received', async () => {
    const shared = Buffer.alloc(4);
    async function* reusing(): AsyncGenerator<Buffer> {
      for (const text of ['Subj', 'ect:', ' abc', '\r\n\r\n']) {
        shared.write(text);
        yield shared;
      }
    }
    const staged = await bodies.receive(reusing(), { maxBytes: MB });
    assert.equal(staged.octets?.toString(), 'Subject: abc\r\n\r\n');
  });

  for (const size of [64 * 1024 + 1, CHUNK_BYTES, CHUNK_BYTES + 1, 4 * CHUNK_BYTES, 3 * MB + 17]) {
    test(`a body of ${size} octets comes back to the octet`, async () => {
      const octets = message(size);
      const staged = await bodies.receive(pieces(octets, 16_384), { maxBytes: 4 * MB });
      assert.equal(staged.octets, undefined);
      assert.equal(staged.ref.size, size);
      assert.ok((await gathered(bodies.read(staged.ref))).equals(octets));
      const file = await database.bodyFiles.findOne({ _id: staged.ref.id });
      assert.equal(file?.length, size);
      assert.equal(file?.metadata.sha256, createHash('sha256').update(octets).digest('hex'));
      assert.equal(await database.bodyUnfinished.countDocuments({ _id: staged.ref.id }), 0);
    });
  }

  test('equal large octets are kept once', async () => {
    const octets = message(300_000);
    const one = await bodies.receive(pieces(octets, 65_536), { maxBytes: MB });
    const two = await bodies.receive(pieces(octets, 1_000), { maxBytes: MB });
    assert.equal(two.ref.id, one.ref.id);
    const file = await database.bodyFiles.findOne({ _id: one.ref.id });
    assert.ok(file?.metadata.touchedAt, 'the shared body is young again for the sweep');
  });

  test('a body over the limit is refused as soon as the limit is passed, and leaves no chunk', async () => {
    let taken = 0;
    let isClosed = false;
    async function* endless(): AsyncGenerator<Buffer> {
      try {
        for (;;) {
          taken += 65_536;
          yield randomBytes(65_536);
        }
      } finally {
        isClosed = true;
      }
    }
    const chunks = await database.bodyChunks.countDocuments();
    await assert.rejects(
      bodies.receive(endless(), { maxBytes: 2 * MB }),
      (error: unknown) => error instanceof Refusal && error.code === 'tooLarge',
    );
    assert.ok(taken <= 2 * MB + 65_536);
    assert.ok(isClosed);
    await until(async () => (await database.bodyUnfinished.countDocuments()) === 0);
    assert.equal(await database.bodyChunks.countDocuments(), chunks);
  });

  test('a peer that goes away in the middle leaves nothing', async () => {
    async function* broken(): AsyncGenerator<Buffer> {
      yield randomBytes(MB);
      yield randomBytes(MB);
      throw new Error('connection lost');
    }
    const chunks = await database.bodyChunks.countDocuments();
    await assert.rejects(bodies.receive(broken(), { maxBytes: 9 * MB }), /connection lost/);
    await until(async () => (await database.bodyUnfinished.countDocuments()) === 0);
    assert.equal(await database.bodyChunks.countDocuments(), chunks);
  });

  test('one staged body in two transactions at once is stored once', async () => {
    const staged = await bodies.receive(pieces(Buffer.from('Subject: two\r\n\r\n'), 99), { maxBytes: MB });
    await Promise.all([keep(staged), keep(staged), keep(staged, staged)]);
    await keep(staged);
    assert.equal(await database.bodyFiles.countDocuments({ _id: staged.ref.id }), 1);
    assert.equal(await database.bodyChunks.countDocuments({ files_id: staged.ref.id }), 1);
  });

  test('an empty body is a body', async () => {
    const staged = await bodies.receive(pieces(Buffer.alloc(0), 1), { maxBytes: MB });
    await keep(staged);
    assert.equal((await gathered(bodies.read(staged.ref))).length, 0);
    assert.equal((await bodies.readWhole([staged.ref])).get(staged.ref.id)?.length, 0);
  });
});

describe('readBody', () => {
  test('ranges cut at every side of a chunk', async () => {
    const octets = message(2 * CHUNK_BYTES + 100);
    const { ref } = await bodies.receive(pieces(octets, 50_000), { maxBytes: MB });
    const ends = [
      0,
      1,
      CHUNK_BYTES - 1,
      CHUNK_BYTES,
      CHUNK_BYTES + 1,
      2 * CHUNK_BYTES,
      octets.length - 1,
      octets.length,
    ];
    for (const from of ends) {
      for (const to of [...ends, octets.length + 5]) {
        const read = await gathered(bodies.read(ref, { from, to }));
        assert.ok(read.equals(octets.subarray(from, Math.max(from, to))), `${from}..${to}`);
      }
    }
  });

  test('a missing or short chunk is an error, never a short body', async () => {
    const octets = message(3 * CHUNK_BYTES);
    const { ref } = await bodies.receive(pieces(octets, 50_000), { maxBytes: MB });
    await database.bodyChunks.deleteOne({ files_id: ref.id, n: 1 });
    await assert.rejects(gathered(bodies.read(ref)), /chunk .* is missing|chunk 1 has/);
    await database.bodyChunks.deleteOne({ files_id: ref.id, n: 2 });
    await assert.rejects(gathered(bodies.read(ref)), /chunk 1 is missing/);
    await assert.rejects(gathered(bodies.read({ ...ref, size: CHUNK_BYTES - 1 })), /chunk 0 has/);
  });

  test('small bodies come together, large ones are left out', async () => {
    const staged = await Promise.all(
      [100, 2_000, 60_000].map((n) => bodies.receive(pieces(message(n), 999), { maxBytes: MB })),
    );
    await keep(...staged);
    const large = await bodies.receive(pieces(message(300_000), 9_999), { maxBytes: MB });
    const found = await bodies.readWhole([...staged, large].map((s) => s.ref));
    assert.equal(found.size, 3);
    for (const s of staged) assert.ok(found.get(s.ref.id)?.equals(s.octets!));
  });

  test('the cache gives the same octets and ranges', async () => {
    const caching = new BodyStore(database, systemClock, silentLog);
    const octets = message(1_000);
    const staged = await caching.receive(pieces(octets, 99), { maxBytes: MB });
    assert.ok((await gathered(caching.read(staged.ref, { from: 10, to: 20 }))).equals(octets.subarray(10, 20)));
    assert.equal((await gathered(caching.read(staged.ref, { from: 20, to: 10 }))).length, 0);
  });
});

async function until(isTrue: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!(await isTrue())) {
    if (Date.now() > deadline) assert.fail('the condition did not come true in ten seconds');
    await new Promise((resolve) => setImmediate(resolve));
  }
}
