import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, describe, test } from 'node:test';
import type { Clock } from '../../../src/server/clock.ts';
import { systemClock } from '../../../src/server/clock.ts';
import { silentLog } from '../../../src/server/log.ts';
import { SWEEP_GRACE_MS } from '../../../src/storage/bodies/body-limits.ts';
import { sweepBodies } from '../../../src/storage/bodies/sweep-bodies.ts';
import type { BodyRef, StagedBody } from '../../../src/storage/model.ts';
import { openDatabase } from '../../../src/storage/mongo/database.ts';
import { mailboxOfRole, messageFor, openFixture } from '../operations/store-fixture.ts';

const MAX = { maxBytes: 10_000_000 };
let offsetMs = 0;
const clock: Clock = { now: () => new Date(Date.now() + offsetMs), wait: systemClock.wait };
const fixture = await openFixture({ clock });
const { store } = fixture;
const account = await fixture.account();
const inbox = await mailboxOfRole(account, 'inbox');
const database = await openDatabase({ uri: fixture.options.uri, database: fixture.options.database });
after(() => database.client.close());

const day = (): void => {
  offsetMs += SWEEP_GRACE_MS + 1_000;
};
const sweep = (batch = 3) => sweepBodies(database, { now: clock.now(), batch, log: silentLog });
async function* once(octets: Buffer): AsyncGenerator<Buffer> {
  yield octets;
}
const large = (): Promise<StagedBody> => store.receiveBody(once(randomBytes(300_000)), MAX);
async function isWhole(ref: BodyRef): Promise<boolean> {
  if ((await database.bodyFiles.countDocuments({ _id: ref.id })) === 0) return false;
  let size = 0;
  for await (const piece of store.readBody(ref)) size += piece.length;
  return size === ref.size;
}
const appended = async (staged: StagedBody): Promise<void> => {
  await account.append([{ staged, mailboxes: [inbox], keywords: [], receivedAt: clock.now() }]);
};

describe('sweepBodies', () => {
  test('what messages, the queue and uploads refer to stays, the rest goes after the grace time with all its rows', async () => {
    const inMessage = await large();
    await appended(inMessage);
    const small = await messageFor(store, [inbox]);
    await account.append([small]);
    const queued = await large();
    await store.queue.accept({
      id: store.queue.newId(),
      staged: queued,
      skip: 0,
      sender: { address: 'a@example.net' },
      senderAccount: null,
      source: 'smtp',
      recipients: [{ address: 'b@example.net', lane: 'example.net' }],
    });
    const orphan = await large();
    assert.equal((await sweep()).removed, 0);
    assert.ok(await isWhole(orphan.ref));
    day();
    const uploaded = await large();
    await account.saveUpload(uploaded, 'text/plain');
    assert.equal((await sweep()).removed, 1);
    assert.equal(await database.bodyFiles.countDocuments({ _id: orphan.ref.id }), 0);
    assert.equal(await database.bodyChunks.countDocuments({ files_id: orphan.ref.id }), 0);
    assert.equal(await database.bodyAddresses.countDocuments({ body: orphan.ref.id }), 0);
    for (const { ref } of [inMessage, small.staged, queued, uploaded]) assert.ok(await isWhole(ref));
    // The upload is as old as the others now, and still there for its row.
    day();
    assert.equal((await sweep()).removed, 0);
    await database.uploads.deleteMany({});
    assert.equal((await sweep()).removed, 1);
  });

  test('a queue entry that is done refers to nothing any more', async () => {
    const staged = await large();
    const id = store.queue.newId();
    await store.queue.accept({
      id,
      staged,
      skip: 0,
      sender: { address: '' },
      senderAccount: null,
      source: 'notice',
      recipients: [{ address: 'b@x.example', lane: 'x.example' }],
    });
    day();
    const lease = (await store.queue.claim(id, 'x.example', 'w', 60_000))!;
    assert.equal((await sweep()).removed, 0);
    await store.queue.record(lease, [{ index: 0, state: 'sent', reply: null, from: '' }], []);
    assert.equal((await sweep()).removed, 1);
  });

  test('a body that is received again, or staged again, is young again', async () => {
    const octets = randomBytes(300_000);
    const first = await store.receiveBody(once(octets), MAX);
    const staged = await large();
    const upload = await account.saveUpload(staged, 'text/plain');
    day();
    const again = await store.receiveBody(once(octets), MAX);
    assert.equal(again.ref.id, first.ref.id);
    await account.stageBlob(upload);
    await database.uploads.deleteMany({});
    assert.equal((await sweep()).removed, 0);
    await appended(again);
    await appended(staged);
    day();
    assert.equal((await sweep()).removed, 0);
    assert.ok(await isWhole(first.ref));
  });

  test('a body that was swept is received anew under its address', async () => {
    const octets = randomBytes(300_000);
    const first = await store.receiveBody(once(octets), MAX);
    day();
    await sweep();
    // As after a crash between the two: the address still names what is gone.
    await database.bodyAddresses.updateOne(
      { _id: first.sha256 },
      { $set: { body: first.ref.id, size: 300_000 } },
      { upsert: true },
    );
    const second = await store.receiveBody(once(octets), MAX);
    assert.notEqual(second.ref.id, first.ref.id);
    const third = await store.receiveBody(once(octets), MAX);
    assert.equal(third.ref.id, second.ref.id);
    assert.ok(await isWhole(second.ref));
  });

  test('chunks of an upload that died are found and go', async () => {
    const staged = await large();
    // As a process leaves it that dies before the files document.
    await database.bodyFiles.deleteOne({ _id: staged.ref.id });
    await database.bodyUnfinished.insertOne({ _id: staged.ref.id, at: clock.now() });
    assert.equal((await sweep()).unfinished, 0);
    day();
    assert.ok((await sweep()).unfinished >= 1);
    assert.equal(await database.bodyChunks.countDocuments({ files_id: staged.ref.id }), 0);
    assert.equal(await database.bodyUnfinished.countDocuments({ _id: staged.ref.id }), 0);
  });

  test('sweeps that run all the time beside appends, copies, shared and staged bodies lose nothing', async () => {
    // A grace time that the test can wait out: a reference must follow its touch within it.
    const graceMs = 1_500;
    let isWriting = true;
    const shared = Array.from({ length: 4 }, () => randomBytes(100_000));
    const kept: BodyRef[] = [];
    const writers = Array.from({ length: 4 }, async (_, writer) => {
      for (let i = 0; i < 25; i++) {
        const octets = i % 3 === 0 ? randomBytes(100_000) : shared[(i + writer) % shared.length]!;
        const staged = await store.receiveBody(once(octets), MAX);
        if (i % 5 === 4) continue; // abandoned
        const upload = i % 4 === 0 ? await account.saveUpload(staged, 'text/plain') : null;
        await appended(upload === null ? staged : await account.stageBlob(upload));
        kept.push(staged.ref);
      }
    });
    const sweeping = Array.from({ length: 2 }, async () => {
      while (isWriting) await sweepBodies(database, { now: clock.now(), graceMs, batch: 7, log: silentLog });
    });
    await Promise.all(writers);
    isWriting = false;
    await Promise.all(sweeping);
    offsetMs += graceMs;
    await sweepBodies(database, { now: clock.now(), graceMs, log: silentLog });
    const abandoned = await database.bodyFiles.countDocuments({ _id: { $nin: kept.map((ref) => ref.id) } });
    assert.ok(abandoned <= 20, `${abandoned} bodies that nothing refers to are left`);
    for (const ref of kept) assert.ok(await isWhole(ref), `body ${ref.id} is lost`);
    const { uids } = (await account.uidMap(inbox))!;
    assert.ok(uids.length >= kept.length);
  });
});
