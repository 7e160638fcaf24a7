import assert from 'node:assert/strict';
import { after, afterEach, test } from 'node:test';
import { Redis } from 'ioredis';
import { RedisSchedule } from '../../../src/delivery/queue/redis-schedule.ts';
import { ScheduleUnavailable } from '../../../src/delivery/queue/schedule.ts';
import type { QueueId } from '../../../src/mail/ids.ts';
import { silentLog } from '../../../src/server/log.ts';
import type { QueueDue } from '../../../src/storage/queue-record.ts';
import { freshKeyPrefix, redisUrl } from '../../support/services.ts';
import { MovingClock } from '../support/moving-clock.ts';

const LIMIT = 3;
const TAKE_MS = 30_000;
const admin = new Redis(redisUrl());
const prefixes: string[] = [];
const open: RedisSchedule[] = [];
afterEach(async () => {
  for (const schedule of open.splice(0)) await schedule.close();
});
after(async () => {
  for (const prefix of prefixes) await wipe(prefix);
  admin.disconnect();
});

/** What FLUSHALL does to this test's keys: other files use the same server. */
async function wipe(prefix: string): Promise<void> {
  const keys = await admin.keys(`${prefix}*`);
  if (keys.length > 0) await admin.del(...keys);
}

async function schedule(clock: MovingClock, prefix: string, owner = 'one'): Promise<RedisSchedule> {
  prefixes.push(prefix);
  const made = new RedisSchedule({ url: redisUrl(), keyPrefix: prefix, owner, takeMs: TAKE_MS, clock, log: silentLog });
  open.push(made);
  await made.open();
  return made;
}
const due = (lane: string, id: string, at: Date): QueueDue => ({ lane, id: id as QueueId, at });
const names = (items: readonly { readonly lane: string; readonly id: string }[]): string[] =>
  items.map(({ lane, id }) => `${lane} ${id}`);
const later = (clock: MovingClock, ms: number): Date => new Date(clock.now().getTime() + ms);

test('items come when they are due, the oldest of a lane first, and not twice', async () => {
  const clock = new MovingClock();
  const one = await schedule(clock, freshKeyPrefix());
  await one.add([
    due('a.test', '2', clock.now()),
    due('a.test', '1', later(clock, -5)),
    due('a.test', '3', later(clock, 1_000)),
  ]);
  const first = await one.take('remote', 10, LIMIT);
  assert.deepEqual(names(first.items), ['a.test 1', 'a.test 2']);
  assert.equal(first.nextAtMs, clock.now().getTime() + 1_000);
  assert.deepEqual((await one.take('remote', 10, LIMIT)).items, []);
  clock.advance(1_000);
  assert.deepEqual(names((await one.take('remote', 10, LIMIT)).items), ['a.test 3']);
});

test('lanes are served in turn: one with a thousand messages does not delay another with one', async () => {
  const clock = new MovingClock();
  const one = await schedule(clock, freshKeyPrefix());
  await one.add(Array.from({ length: 1_000 }, (_, i) => due('bulk.test', `b${i}`, later(clock, -1_000 + i / 2))));
  assert.equal((await one.take('remote', 1, 100)).items[0]!.lane, 'bulk.test');
  await one.add([due('x.test', 'x', clock.now()), due('y.test', 'y', clock.now())]);
  const lanes = (await one.take('remote', 6, 100)).items.map(({ lane }) => lane);
  assert.deepEqual([...lanes].sort(), ['bulk.test', 'bulk.test', 'bulk.test', 'bulk.test', 'x.test', 'y.test']);
  assert.ok(lanes.indexOf('x.test') < 3 && lanes.indexOf('y.test') < 4, lanes.join());
});

test('a lane has no more items in flight than tokens, in all processes together, and goes on when one is done', async () => {
  const clock = new MovingClock();
  const prefix = freshKeyPrefix();
  const one = await schedule(clock, prefix, 'one');
  const two = await schedule(clock, prefix, 'two');
  await one.add(Array.from({ length: 10 }, (_, i) => due('a.test', `${i}`, later(clock, -10 + i))));
  const mine = await one.take('remote', 2, LIMIT);
  const theirs = await two.take('remote', 10, LIMIT);
  assert.equal(mine.items.length + theirs.items.length, LIMIT);
  const none = await two.take('remote', 10, LIMIT);
  // Nothing before a take ends.
  assert.deepEqual(none, { items: [], nextAtMs: clock.now().getTime() + TAKE_MS });
  const rung = new Promise<number>((resolve) => two.onBell((_class, atMs) => resolve(atMs)));
  await one.finish(mine.items[0]!, null);
  assert.ok((await rung) <= clock.now().getTime());
  assert.equal((await two.take('remote', 10, LIMIT)).items.length, 1);
});

test('an addition is idempotent: the earlier time stays, a taken item comes up again after its taker', async () => {
  const clock = new MovingClock();
  const one = await schedule(clock, freshKeyPrefix());
  await one.add([due('a.test', '1', later(clock, 500))]);
  await one.add([due('a.test', '1', later(clock, 9_000))]);
  clock.advance(500);
  assert.deepEqual(names((await one.take('remote', 10, LIMIT)).items), ['a.test 1']);
  await one.add([due('a.test', '1', clock.now())]);
  const { items } = await one.take('remote', 10, LIMIT);
  assert.deepEqual(items, []);
  await one.finish({ lane: 'a.test', id: '1' as QueueId }, later(clock, 60_000));
  assert.deepEqual(names((await one.take('remote', 10, LIMIT)).items), ['a.test 1']);
  await one.finish({ lane: 'a.test', id: '1' as QueueId }, null);
  assert.deepEqual(await one.take('remote', 10, LIMIT), { items: [], nextAtMs: null });
});

test('an item that is finished with a time comes again then', async () => {
  const clock = new MovingClock();
  const one = await schedule(clock, freshKeyPrefix());
  await one.add([due('a.test', '1', clock.now())]);
  const [item] = (await one.take('remote', 1, LIMIT)).items;
  await one.finish(item!, later(clock, 60_000));
  assert.equal((await one.take('remote', 1, LIMIT)).nextAtMs, clock.now().getTime() + 60_000);
  clock.advance(60_000);
  assert.deepEqual(names((await one.take('remote', 1, LIMIT)).items), ['a.test 1']);
});

test('a take that is not extended ends, its token comes back, and its former owner ends nothing any more', async () => {
  const clock = new MovingClock();
  const prefix = freshKeyPrefix();
  const one = await schedule(clock, prefix, 'one');
  const two = await schedule(clock, prefix, 'two');
  await one.add([due('a.test', '1', clock.now()), due('a.test', '2', clock.now())]);
  const { items } = await one.take('remote', 2, 2);
  clock.advance(TAKE_MS - 1);
  assert.equal(await one.extend(items[1]!), true);
  clock.advance(1);
  assert.deepEqual(names((await two.take('remote', 5, 2)).items), names([items[0]!]));
  assert.equal(await one.extend(items[0]!), false);
  await one.finish(items[0]!, null);
  // Both tokens are still held: by two and by one.
  await one.add([due('a.test', '3', clock.now())]);
  assert.deepEqual((await two.take('remote', 5, 2)).items, []);
});

test('mailboxes here and hosts elsewhere are taken apart', async () => {
  const clock = new MovingClock();
  const one = await schedule(clock, freshKeyPrefix());
  await one.add([due('local', '1', clock.now()), due('a.test', '1', clock.now())]);
  assert.deepEqual(names((await one.take('local', 9, LIMIT)).items), ['local 1']);
  assert.deepEqual(names((await one.take('remote', 9, LIMIT)).items), ['a.test 1']);
});

test('an addition rings in every process', async () => {
  const clock = new MovingClock();
  const prefix = freshKeyPrefix();
  const one = await schedule(clock, prefix, 'one');
  const two = await schedule(clock, prefix, 'two');
  const rung = new Promise<string>((resolve) => {
    two.onBell((laneClass, atMs) => {
      if (atMs > 0) resolve(`${laneClass} ${atMs}`);
    });
  });
  const at = later(clock, 5_000);
  await one.add([due('a.test', '1', at)]);
  assert.equal(await rung, `remote ${at.getTime()}`);
});

test('a schedule whose data are gone says so, is entered anew, and asks for a rebuild by one process', async () => {
  const clock = new MovingClock();
  const prefix = freshKeyPrefix();
  const one = await schedule(clock, prefix, 'one');
  const two = await schedule(clock, prefix, 'two');
  assert.equal(await (await one.beginRebuild())!.finish(), true);
  assert.equal(await two.beginRebuild(), null, 'complete');
  await wipe(prefix);
  const entered = new Promise<void>((resolve) => {
    one.onChange(() => {
      if (one.isUsable) resolve();
    });
  });
  await assert.rejects(one.take('remote', 1, LIMIT), ScheduleUnavailable);
  await entered;
  const rebuild = await one.beginRebuild();
  assert.ok(rebuild !== null);
  await assert.rejects(two.take('remote', 1, LIMIT), ScheduleUnavailable);
  while (!two.isUsable) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(await two.beginRebuild(), null, 'the other is at it');
  await rebuild.add([due('a.test', '1', clock.now())]);
  // Work goes on meanwhile.
  assert.deepEqual(names((await two.take('remote', 1, LIMIT)).items), ['a.test 1']);
  assert.equal(await rebuild.finish(), true);
  assert.equal(await one.beginRebuild(), null);
});

test('data lost in the middle of a rebuild end it without the mark of completeness', async () => {
  const clock = new MovingClock();
  const prefix = freshKeyPrefix();
  const one = await schedule(clock, prefix);
  const rebuild = await one.beginRebuild();
  await wipe(prefix);
  await assert.rejects(rebuild!.add([due('a.test', '1', clock.now())]), ScheduleUnavailable);
  while (!one.isUsable) await new Promise((resolve) => setImmediate(resolve));
  assert.ok((await one.beginRebuild()) !== null);
});

test('without Redis the schedule is not usable, and every call says so at once', async () => {
  const clock = new MovingClock();
  const away = new RedisSchedule({
    url: 'redis://127.0.0.1:1',
    keyPrefix: 'x:',
    owner: 'one',
    takeMs: TAKE_MS,
    clock,
    log: silentLog,
  });
  open.push(away);
  await away.open();
  assert.equal(away.isUsable, false);
  await assert.rejects(away.take('remote', 1, LIMIT), ScheduleUnavailable);
  await assert.rejects(away.add([due('a.test', '1', clock.now())]), ScheduleUnavailable);
});
