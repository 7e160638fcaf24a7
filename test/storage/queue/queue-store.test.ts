import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type AccountId, newAccountId, newSubmissionId, type QueueId } from '../../../src/mail/ids.ts';
import type { Clock } from '../../../src/server/clock.ts';
import { systemClock } from '../../../src/server/clock.ts';
import { silentLog } from '../../../src/server/log.ts';
import { BodyStore } from '../../../src/storage/bodies/body-store.ts';
import { type Database, openDatabase } from '../../../src/storage/mongo/database.ts';
import { prepareDatabase } from '../../../src/storage/mongo/indexes.ts';
import { QueueStore, RESEND_WINDOW_MS } from '../../../src/storage/queue/queue-store.ts';
import type { Lease, NewQueueEntry, QueueDue, RecipientOutcome } from '../../../src/storage/queue-record.ts';
import { freshDatabase, mongodbUri } from '../../support/services.ts';

const name = freshDatabase();
let database: Database;
let bodies: BodyStore;
let queue: QueueStore;
let offsetMs = 0;
const clock: Clock = { now: () => new Date(Date.now() + offsetMs), wait: systemClock.wait };
/** Accounts are the operations' room: here nobody is there. */
const noAccounts = { mutate: () => Promise.reject(new Error('no account is reached in this test')) };

before(async () => {
  database = await openDatabase({ uri: mongodbUri(), database: name });
  await prepareDatabase(database);
  bodies = new BodyStore(database, clock, silentLog);
  queue = new QueueStore(database, noAccounts, clock, silentLog);
});
after(async () => {
  await queue.close();
  await database.client.close();
});

async function* once(text: string): AsyncGenerator<Buffer> {
  yield Buffer.from(text);
}
async function entry(lanes: readonly string[], more: Partial<NewQueueEntry> = {}): Promise<NewQueueEntry> {
  return {
    id: queue.newId(),
    staged: await bodies.receive(once(`Subject: queued\r\n\r\n${Math.random()}\r\n`), { maxBytes: 1_000 }),
    skip: 0,
    sender: { address: 'sender@example.org' },
    senderAccount: null,
    source: 'smtp',
    recipients: lanes.map((lane, i) => ({ address: `r${i}@${lane}`, lane })),
    ...more,
  };
}
async function accepted(
  lanes: readonly string[],
  more: Partial<NewQueueEntry> = {},
  into: QueueStore = queue,
): Promise<QueueId> {
  const one = await entry(lanes, more);
  await into.accept(one);
  return one.id;
}
const outcome = (index: number, state: RecipientOutcome['state'], nextAt?: Date): RecipientOutcome => ({
  index,
  state,
  reply: { code: state === 'sent' ? 250 : 450, status: null, lines: ['so'] },
  from: 'mx.example',
  ...(nextAt && { nextAt }),
});
const allOf = (lease: Lease, state: RecipientOutcome['state']): RecipientOutcome[] =>
  lease.recipients.map(({ index }) => outcome(index, state));
async function dues(options: { before?: Date; limit?: number } = {}): Promise<QueueDue[]> {
  const all: QueueDue[] = [];
  for await (const batch of queue.due(options)) all.push(...batch);
  return all;
}

describe('accept', () => {
  test('body and row are there when it returns, and the bell has rung once for each lane', async () => {
    const rung: QueueDue[] = [];
    const stop = queue.onAccepted((due) => rung.push(...due));
    const one = await entry(['local', 'a.example', 'a.example']);
    await queue.accept(one);
    stop();
    assert.deepEqual(rung.map((due) => due.lane).sort(), ['a.example', 'local']);
    const found = await queue.get(one.id);
    assert.equal(found?.recipients.length, 3);
    assert.equal(found?.index?.subject, 'queued');
    const chunk = await database.bodyChunks.findOne({ files_id: one.staged.ref.id });
    assert.ok(chunk && Buffer.from(chunk.data.buffer).equals(one.staged.octets!));
  });

  test('the same entry handed in again changes nothing', async () => {
    const one = await entry(['local']);
    await Promise.all([queue.accept(one), queue.accept(one)]);
    await queue.accept(one);
    assert.equal(await database.queue.countDocuments({ _id: one.id }), 1);
  });

  test('an entry that can not be stored fails alone', async () => {
    const good = await Promise.all(Array.from({ length: 20 }, () => entry(['local'])));
    const bad = await entry(['local'], { sender: { address: 'x'.repeat(17 * 1024 * 1024) } });
    const ends = await Promise.allSettled([...good.slice(0, 10), bad, ...good.slice(10)].map((e) => queue.accept(e)));
    assert.deepEqual(ends.map((end) => end.status).filter((status) => status === 'rejected').length, 1);
    assert.equal(ends[10]?.status, 'rejected');
    assert.equal(await database.queue.countDocuments({ _id: { $in: good.map((e) => e.id) } }), 20);
  });

  test('an entry held for later is not due before', async () => {
    const notBefore = new Date(clock.now().getTime() + 3_600_000);
    const id = await accepted(['local'], { notBefore });
    assert.equal(await queue.claim(id, 'local', 'w', 1_000), null);
    assert.deepEqual((await dues()).find((due) => due.id === id)?.at, notBefore);
    assert.ok(!(await dues({ before: clock.now() })).some((due) => due.id === id));
  });
});

describe('leases', () => {
  test('of eight workers that want every entry each recipient is leased to exactly one', async () => {
    const ids = await Promise.all(Array.from({ length: 24 }, () => accepted(['local', 'b.example'])));
    const taken = new Map<string, number>();
    await Promise.all(
      Array.from({ length: 8 }, async (_, worker) => {
        for (const id of ids) {
          for (const lane of ['local', 'b.example']) {
            const lease = await queue.claim(id, lane, `w${worker}`, 60_000);
            for (const { index } of lease?.recipients ?? []) {
              taken.set(`${id} ${index}`, (taken.get(`${id} ${index}`) ?? 0) + 1);
            }
            if (lease) assert.ok(await queue.record(lease, allOf(lease, 'sent'), []));
          }
        }
      }),
    );
    assert.equal(taken.size, 48);
    assert.ok([...taken.values()].every((times) => times === 1));
    for (const id of ids) assert.ok((await queue.get(id))?.recipients.every((r) => r.attempts === 1));
  });

  test('a lease that is over is taken over, and its first holder can not write, extend or notify any more', async () => {
    const id = await accepted(['c.example']);
    const first = await queue.claim(id, 'c.example', 'one', 1_000);
    assert.ok(first);
    assert.equal(await queue.claim(id, 'c.example', 'two', 1_000), null);
    offsetMs += 1_001;
    const second = await queue.claim(id, 'c.example', 'two', 60_000);
    assert.ok(second && second.fence > first.fence);
    assert.equal(await queue.extend(first, 1_000), false);
    const notice = await entry(['local']);
    assert.equal(await queue.record(first, allOf(first, 'bounced'), [notice]), false);
    assert.equal(await queue.get(notice.id), null);
    assert.equal((await queue.get(id))?.recipients[0]?.state, 'leased');
    assert.ok(await queue.extend(second, 90_000));
    assert.ok(await queue.record(second, allOf(second, 'sent'), []));
    assert.equal(await queue.extend(second, 90_000), false);
  });

  test('P4 a worker that lost its lease and took it again can not write under the old one', async () => {
    const id = await accepted(['l.example']);
    const first = (await queue.claim(id, 'l.example', 'same', 1_000))!;
    offsetMs += 1_001;
    const second = (await queue.claim(id, 'l.example', 'same', 60_000))!;
    assert.ok(second.fence > first.fence);
    assert.equal(await queue.record(first, allOf(first, 'bounced'), []), false);
    assert.equal(await queue.extend(first, 60_000), false);
    assert.equal(await queue.beginSending(first, [0], 'attempt-1'), false);
    assert.equal((await queue.get(id))?.recipients[0]?.state, 'leased');
    assert.ok(await queue.record(second, allOf(second, 'sent'), []));
    assert.equal((await queue.get(id))?.recipients[0]?.state, 'sent');
  });

  test('P4 what was being sent when its lease ended is flagged by the next claim, once for each time', async () => {
    const id = await accepted(['j.example', 'j.example']);
    const first = (await queue.claim(id, 'j.example', 'one', 1_000))!;
    assert.ok(await queue.beginSending(first, [1], 'attempt-1'));
    assert.equal((await queue.get(id))?.recipients[1]?.state, 'sending');
    assert.ok(await queue.extend(first, 1_000), 'a lease that sends is extended like any other');
    assert.equal(await queue.claim(id, 'j.example', 'two', 1_000), null);
    offsetMs += 1_001;
    const second = (await queue.claim(id, 'j.example', 'two', 1_000))!;
    assert.deepEqual(
      second.recipients.map(({ recipient }) => [recipient.state, recipient.mayBeSentTwice, recipient.lastSending?.id]),
      [
        ['leased', undefined, undefined],
        ['leased', 1, 'attempt-1'],
      ],
    );
    assert.equal(await queue.beginSending(first, [0], 'attempt-1'), false, 'the lease is another one');
    assert.ok(await queue.beginSending(second, [0, 1], 'attempt-2'));
    offsetMs += 1_001;
    const third = (await queue.claim(id, 'j.example', 'three', 60_000))!;
    assert.deepEqual(
      third.recipients.map(({ recipient }) => recipient.mayBeSentTwice),
      [1, 2],
    );
    assert.ok(await queue.beginSending(third, [0, 1], 'attempt-3'));
    assert.ok(await queue.record(third, allOf(third, 'sent'), []));
    assert.equal(await queue.beginSending(third, [0, 1], 'attempt-3'), false, 'it is recorded');
  });

  test('names that look like operators are only names', async () => {
    const id = await accepted(['$fence']);
    const lease = await queue.claim(id, '$fence', '$recipients', 1_000);
    assert.equal(lease?.recipients.length, 1);
    assert.ok(await queue.extend(lease!, 1_000));
    assert.ok(await queue.record(lease!, allOf(lease!, 'sent'), []));
  });

  test('a lease covers only what is due of its lane', async () => {
    const id = await accepted(['d.example', 'd.example', 'e.example']);
    const lease = await queue.claim(id, 'd.example', 'w', 60_000);
    assert.deepEqual(
      lease?.recipients.map((r) => r.index),
      [0, 1],
    );
    const later = new Date(clock.now().getTime() + 600_000);
    assert.ok(await queue.record(lease!, [outcome(0, 'sent'), outcome(1, 'deferred', later)], []));
    assert.equal(await queue.claim(id, 'd.example', 'w', 60_000), null);
    assert.equal(await queue.retryNow(id), 1);
    assert.deepEqual(
      (await queue.claim(id, 'd.example', 'w', 60_000))?.recipients.map((r) => r.index),
      [1],
    );
  });
});

describe('record', () => {
  test('a repeated record of one lease is done once and answered alike', async () => {
    const id = await accepted(['f.example']);
    const lease = (await queue.claim(id, 'f.example', 'w', 60_000))!;
    const notice = await entry(['local'], { source: 'notice' });
    const ends = await Promise.all([1, 2].map(() => queue.record(lease, allOf(lease, 'bounced'), [notice])));
    assert.deepEqual(ends, [true, true]);
    assert.ok(await queue.record(lease, allOf(lease, 'bounced'), [notice]));
    const recipient = (await queue.get(id))?.recipients[0];
    assert.equal(recipient?.attempts, 1);
    assert.ok(recipient?.isNotified);
    assert.equal((await queue.get(notice.id))?.recipients[0]?.state, 'ready');
    assert.equal(await database.bodyChunks.countDocuments({ files_id: notice.staged.ref.id }), 1);
  });

  test('a row that is done leaves the schedule, keeps no index, and is marked for its end', async () => {
    const id = await accepted(['local', 'g.example']);
    const here = (await queue.claim(id, 'local', 'w', 60_000))!;
    assert.ok(here.entry.index);
    await queue.record(here, allOf(here, 'sent'), []);
    assert.equal((await queue.get(id))?.index, undefined);
    const there = (await queue.claim(id, 'g.example', 'w', 60_000))!;
    await queue.record(there, allOf(there, 'sent'), []);
    const row = await database.queue.findOne({ _id: id });
    assert.equal(row?.due, undefined);
    assert.ok(row?.finishedAt);
    assert.ok(!(await dues()).some((due) => due.id === id));
    assert.ok(!(await queue.list({ limit: 1_000 })).some((e) => e.id === id));
    assert.ok((await queue.list({ limit: 1_000, includeFinal: true })).some((e) => e.id === id));
  });

  test('many outcomes at once are each written', async () => {
    const ids = await Promise.all(Array.from({ length: 50 }, () => accepted(['local'])));
    const leases = await Promise.all(ids.map((id) => queue.claim(id, 'local', 'w', 60_000)));
    const ends = await Promise.all(leases.map((lease) => queue.record(lease!, allOf(lease!, 'sent'), [])));
    assert.ok(ends.every((end) => end));
    assert.equal(await database.queue.countDocuments({ _id: { $in: ids }, finishedAt: { $exists: true } }), 50);
  });

  test('lanes of one entry that end at the same time do not lose each other', async () => {
    const lanes = Array.from({ length: 12 }, (_, i) => `lane${i}.example`);
    const id = await accepted(lanes);
    await Promise.all(
      lanes.map(async (lane) => {
        const lease = await queue.claim(id, lane, lane, 60_000);
        assert.ok(lease);
        assert.ok(await queue.extend(lease, 60_000));
        assert.ok(await queue.record(lease, allOf(lease, 'sent'), []));
      }),
    );
    const row = await database.queue.findOne({ _id: id });
    assert.ok(row?.recipients.every((r) => r.state === 'sent' && r.attempts === 1));
    assert.equal(row?.due, undefined);
  });
});

describe('due', () => {
  test('everything not final comes once for each lane, in order of time', async () => {
    const ids = await Promise.all(Array.from({ length: 30 }, () => accepted(['local', 'h.example'])));
    const lease = (await queue.claim(ids[0]!, 'h.example', 'w', 5_000))!;
    const all = await dues();
    for (const id of ids)
      assert.deepEqual(
        all
          .filter((d) => d.id === id)
          .map((d) => d.lane)
          .sort(),
        ['h.example', 'local'],
      );
    const leased = all.find((d) => d.id === ids[0] && d.lane === 'h.example');
    assert.deepEqual(leased?.at, lease.until);
    assert.ok((await dues({ limit: 3 })).length <= 6);
  });

  test('a consumer that stops early closes the cursor', async () => {
    for await (const _ of queue.due({})) break;
  });
});

describe('resends', () => {
  test('P2 the digest of a broken connection is found, a confirmed one is not, not even before it is written', async () => {
    const id = await accepted(['local'], { resendDigest: 'digest-1' });
    assert.equal(await queue.findUnconfirmed('digest-1'), null, 'the connection lives');
    queue.abandon(id);
    assert.equal(await queue.findUnconfirmed('digest-1'), id);
    assert.equal(await queue.findUnconfirmed('digest-2'), null);
    queue.confirm(id);
    assert.equal(await queue.findUnconfirmed('digest-1'), null);
    const closing = new QueueStore(database, noAccounts, clock, silentLog);
    const other = await accepted(['local'], { resendDigest: 'digest-3' });
    closing.confirm(other);
    await closing.close();
    assert.equal((await database.queue.findOne({ _id: other }))?.resendDigest, undefined);
  });

  test('P2 another process takes a resend for one when the first has noted the broken connection, or has ended', async () => {
    const other = new QueueStore(database, noAccounts, clock, silentLog);
    const lost = await accepted(['local'], { resendDigest: 'digest-5' }, other);
    const cut = await accepted(['local'], { resendDigest: 'digest-6' }, other);
    assert.equal(await queue.findUnconfirmed('digest-5'), null, 'its process lives, and so may its connection');
    other.abandon(lost);
    while ((await database.queue.findOne({ _id: lost }))?.isLost !== true);
    assert.equal(await queue.findUnconfirmed('digest-5'), lost);
    assert.equal(await queue.findUnconfirmed('digest-6'), null);
    await other.close();
    assert.equal(await queue.findUnconfirmed('digest-6'), cut, 'its process is gone');
  });

  test('P2 a sender that stays silent for a minute may be cut off', async () => {
    const id = await accepted(['local'], { resendDigest: 'digest-7' });
    assert.equal(await queue.findUnconfirmed('digest-7'), null);
    offsetMs += 60_000;
    assert.equal(await queue.findUnconfirmed('digest-7'), id);
    offsetMs -= 60_000;
  });

  test('P2 after five days equal octets are a new message', async () => {
    const id = await accepted(['local'], { resendDigest: 'digest-4' });
    queue.abandon(id);
    await database.queue.updateOne(
      { _id: id },
      { $set: { acceptedAt: new Date(clock.now().getTime() - RESEND_WINDOW_MS - 1) } },
    );
    assert.equal(await queue.findUnconfirmed('digest-4'), null);
  });
});

test('an outcome is marked to be reported to the submission, and stays marked while that fails', async () => {
  const account: AccountId = newAccountId();
  const id = await accepted(['i.example']);
  await database.queue.updateOne({ _id: id }, { $set: { submission: newSubmissionId(1), senderAccount: account } });
  const lease = (await queue.claim(id, 'i.example', 'w', 60_000))!;
  await queue.record(lease, allOf(lease, 'sent'), []);
  assert.ok((await database.queue.findOne({ _id: id }))?.reportDue);
});
