import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Redis } from 'ioredis';
import { asModseq, type Modseq } from '../../../src/mail/ids.ts';
import { Refusal } from '../../../src/mail/refusal.ts';
import { type Clock, systemClock } from '../../../src/server/clock.ts';
import { cutLog } from '../../../src/storage/changes/change-log.ts';
import type { AccountStore } from '../../../src/storage/mail-store.ts';
import { openDatabase } from '../../../src/storage/mongo/database.ts';
import { redisUrl } from '../../support/services.ts';
import { messageFor, openFixture } from '../operations/store-fixture.ts';

/** Resolves when the account is known to be at `modseq` or further. */
function reaches(account: AccountStore, modseq: () => number): Promise<Modseq> {
  return new Promise((resolve) => {
    const unfollow = account.follow((now) => {
      if (now < modseq()) return;
      unfollow();
      resolve(now);
    });
  });
}

/** Waits only when told to go on: what a poll would find can't be what a bell has brought. */
function stoppedClock(): Clock & { tick(): void } {
  let waiting: (() => void)[] = [];
  return {
    now: () => new Date(),
    wait: (_ms, signal) =>
      new Promise((resolve, reject) => {
        waiting.push(resolve);
        signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
      }),
    tick: () => {
      for (const go of waiting.splice(0)) go();
      waiting = [];
    },
  };
}

const fixture = await openFixture({ clock: systemClock });

test('a follower in the same process is called after the commit, and not inside the call', async () => {
  const account = await fixture.account();
  let target = Number.POSITIVE_INFINITY;
  const reached = reaches(account, () => target);
  const { modseq } = await account.append([await messageFor(fixture.store, { role: 'inbox' })]);
  target = modseq;
  await account.append([await messageFor(fixture.store, { role: 'inbox' })]);
  assert.ok((await reached) >= modseq);
});

test('the doorbell tells another process without any poll', { timeout: 20_000 }, async () => {
  const clock = stoppedClock();
  const far = await openFixture({ clock });
  const made = await far.account();
  // A second store of the same record and the same bell, whose own clock never polls.
  const other = await far.another();
  const watched = await other.openAccount(made.account, made.account);
  // The first call says that the bell is being listened to.
  await reaches(watched, () => 1);
  const target = (await made.state()).modseq + 1;
  const reached = reaches(watched, () => target);
  await made.append([await messageFor(far.store, { role: 'inbox' })]);
  assert.ok((await reached) >= target);
});

test('without Redis a poll tells', { timeout: 20_000 }, async () => {
  const clock = stoppedClock();
  const far = await openFixture({ clock, redisUrl: null });
  const made = await far.account();
  const other = await far.another();
  const watched = await other.openAccount(made.account, made.account);
  const target = (await made.state()).modseq + 1;
  let isReached = false;
  const reached = reaches(watched, () => target).then(() => {
    isReached = true;
  });
  await made.append([await messageFor(far.store, { role: 'inbox' })]);
  assert.equal(isReached, false);
  while (!isReached) {
    clock.tick();
    await Promise.race([reached, new Promise((resolve) => setImmediate(resolve))]);
  }
});

test('a Redis that is not there fails no mutation and no follower', { timeout: 20_000 }, async () => {
  const far = await openFixture({ redisUrl: 'redis://127.0.0.1:1', fastPollMs: 10 });
  const made = await far.account();
  const watched = await (await far.another()).openAccount(made.account, made.account);
  const target = (await made.state()).modseq + 1;
  const reached = reaches(watched, () => target);
  const { modseq } = await made.append([await messageFor(far.store, { role: 'inbox' })]);
  assert.ok((await reached) >= modseq);
});

test('a bell that was cut off is heard again, and what rang meanwhile is looked for', { timeout: 20_000 }, async () => {
  const clock = stoppedClock();
  const far = await openFixture({ clock });
  const made = await far.account();
  const watched = await (await far.another()).openAccount(made.account, made.account);
  await reaches(watched, () => 1);
  const admin = new Redis(redisUrl());
  const target = (await made.state()).modseq + 1;
  const reached = reaches(watched, () => target);
  const clients = String(await admin.client('LIST')).split('\n');
  const ours = clients.filter((line) => line.includes(` name=${far.options.keyPrefix}bell `));
  assert.ok(ours.length >= 2);
  for (const line of ours) await admin.client('KILL', 'ID', /\bid=(\d+)/.exec(line)![1]!);
  await made.append([await messageFor(far.store, { role: 'inbox' })]);
  assert.ok((await reached) >= target);
  admin.disconnect();
});

test('whoever stopped following is not called any more', async () => {
  const account = await fixture.account();
  let calls = 0;
  const unfollow = account.follow(() => calls++);
  unfollow();
  unfollow();
  const reached = reaches(account, () => 2);
  await account.append([await messageFor(fixture.store, { role: 'inbox' })]);
  await reached;
  assert.equal(calls, 0);
});

test('RFC 8620 §5.2 pages through the log, and refuses cursors from outside it', async () => {
  const account = await fixture.account();
  const start = (await account.state()).modseq;
  for (let i = 0; i < 5; i++) await account.append([await messageFor(fixture.store, { role: 'inbox' })]);
  const first = await account.changesSince(start, 2);
  assert.deepEqual([first.rows.length, first.upTo, first.hasMore], [2, start + 2, true]);
  const rest = await account.changesSince(first.upTo, 10);
  assert.deepEqual([rest.rows.length, rest.upTo, rest.hasMore], [3, start + 5, false]);
  assert.deepEqual(await account.changesSince(rest.upTo), { rows: [], upTo: rest.upTo, hasMore: false });
  const isRefused = (error: unknown): boolean => error instanceof Refusal && error.code === 'cannotCalculateChanges';
  await assert.rejects(account.changesSince(asModseq(start + 6)), isRefused);

  const { uri, database: name } = fixture.options;
  const database = await openDatabase({ uri, database: name });
  try {
    const third = await database.changes.findOne({ account: account.account, modseq: start + 3 });
    assert.ok((await cutLog(database, account.account, third!.at)) >= 2);
  } finally {
    await database.client.close();
  }
  await assert.rejects(account.changesSince(asModseq(0)), isRefused);
  const { floor, modseq } = await account.state();
  assert.equal((await account.changesSince(floor)).rows.length, modseq - floor);
  await assert.rejects(account.changesSince(asModseq(floor - 1)), isRefused);
});
