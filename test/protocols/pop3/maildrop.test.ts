import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { AccountId, MailboxId } from '../../../src/mail/ids.ts';
import { LoginDelay } from '../../../src/protocols/pop3/login-delay.ts';
import { Maildrop } from '../../../src/protocols/pop3/maildrop.ts';
import { LocalMaildropLocks } from '../../../src/protocols/pop3/maildrop-locks.ts';
import { systemClock } from '../../../src/server/clock.ts';

function drop(uids: readonly number[], marked: readonly number[] = []): Maildrop {
  const sizes = Uint32Array.from(uids, (uid) => uid * 10);
  return new Maildrop('m' as MailboxId, 7, Uint32Array.from(uids), sizes, (index) => marked.includes(index));
}

test('RFC 1939 §6 the UIDs to remove are those of the deleted messages and no other', () => {
  const history = fc.tuple(
    fc.uniqueArray(fc.integer({ min: 1, max: 60 }), { maxLength: 40 }),
    fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 40 }),
  );
  fc.assert(
    fc.property(history, ([some, deletions]) => {
      const uids = some.toSorted((a, b) => a - b);
      const maildrop = drop(uids);
      const expected = new Set<number>();
      for (const message of deletions) {
        if (!maildrop.has(message)) continue;
        maildrop.delete(message);
        expected.add(uids[message - 1]!);
      }
      const named: number[] = [];
      for (const { from, to } of maildrop.deletedUids()) for (let uid: number = from; uid <= to; uid++) named.push(uid);
      assert.deepEqual(
        named,
        [...expected].sort((a, b) => a - b),
      );
      const left = uids.filter((uid) => !expected.has(uid));
      assert.equal(maildrop.count, left.length);
      assert.equal(
        maildrop.octets,
        left.reduce((sum, uid) => sum + uid * 10, 0),
      );
      maildrop.restore();
      assert.equal(maildrop.count, uids.length);
      assert.deepEqual(maildrop.deletedUids(), []);
    }),
  );
});

test('messages that were marked before the session are told apart from those that it marks', () => {
  const maildrop = drop([3, 4, 5], [1]);
  for (const message of [1, 2, 3]) maildrop.delete(message);
  assert.deepEqual(maildrop.deletedUids(), [{ from: 3, to: 5 }]);
  assert.deepEqual(maildrop.deletedUids('notMarkedBefore'), [
    { from: 3, to: 3 },
    { from: 5, to: 5 },
  ]);
});

test('RFC 1939 §7 a unique id is made of UIDVALIDITY and UID', () => {
  assert.equal(drop([3, 9]).uniqueId(2), '7-9');
  const longest = new Maildrop(
    'm' as MailboxId,
    0xffffffff,
    Uint32Array.of(0xffffffff),
    new Uint32Array(1),
    () => false,
  );
  assert.match(longest.uniqueId(1), /^[\x21-\x7e]{1,70}$/);
});

test('RFC 1939 §4 a drop has one lease at a time, and a late release takes none away', async () => {
  const locks = new LocalMaildropLocks();
  const account = 'a' as AccountId;
  const first = (await locks.acquire(account))!;
  assert.equal(await locks.acquire(account), null);
  assert.notEqual(await locks.acquire('b' as AccountId), null);
  await first.release();
  assert.equal(first.isHeld, false);
  const second = (await locks.acquire(account))!;
  await first.release();
  assert.equal(await second.confirm(), true);
  assert.equal(await first.confirm(), false);
});

test('RFC 2449 §6.5 a login delay is over when its time has passed', () => {
  let nowMs = 0;
  const delay = new LoginDelay(1_000, { ...systemClock, now: () => new Date(nowMs) });
  const account = 'a' as AccountId;
  assert.equal(delay.isOver(account), true);
  delay.noteLogin(account);
  nowMs = 999;
  assert.equal(delay.isOver(account), false);
  assert.equal(delay.isOver('b' as AccountId), true);
  nowMs = 1_000;
  assert.equal(delay.isOver(account), true);
});
