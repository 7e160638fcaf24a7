import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  DEFAULT_RETRY_POLICY,
  decideRetry,
  JITTER,
  type RetryPolicy,
} from '../../../src/delivery/queue/retry-schedule.ts';

const ACCEPTED = new Date('2026-11-25T12:00:00Z');
const at = (seconds: number): Date => new Date(ACCEPTED.getTime() + seconds * 1_000);

test('RFC 5321 §4.5.4.1 attempts come after 1, 5, 15, 30 minutes, 1, 2, 4 hours, then every 4 hours', () => {
  const waits: number[] = [];
  for (let attempts = 1; attempts <= 9; attempts++) {
    const decision = decideRetry(DEFAULT_RETRY_POLICY, {
      acceptedAt: ACCEPTED,
      now: ACCEPTED,
      attempts,
      previousAttemptAt: null,
      random: 0.5,
    });
    assert.equal(decision.kind, 'retry');
    if (decision.kind === 'retry') waits.push((decision.at.getTime() - ACCEPTED.getTime()) / 1_000);
  }
  assert.deepEqual(waits, [60, 300, 900, 1_800, 3_600, 7_200, 14_400, 14_400, 14_400]);
});

test('every wait stays within its jitter, and none reaches past the time of give-up', () => {
  fc.assert(
    fc.property(
      fc.record({
        retrySeconds: fc.array(fc.integer({ min: 1, max: 100_000 }), { minLength: 1, maxLength: 10 }),
        giveUpSeconds: fc.integer({ min: 1, max: 1_000_000 }),
        delayNoticeSeconds: fc.integer({ min: 1, max: 1_000_000 }),
      }),
      fc.integer({ min: 0, max: 2_000_000 }),
      fc.integer({ min: 1, max: 50 }),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      (policy: RetryPolicy, age, attempts, random) => {
        const question = { acceptedAt: ACCEPTED, now: at(age), attempts, previousAttemptAt: null, random };
        const decision = decideRetry(policy, question);
        assert.equal(decision.kind === 'expired', age >= policy.giveUpSeconds);
        if (decision.kind === 'expired') return;
        const wait = policy.retrySeconds[Math.min(attempts, policy.retrySeconds.length) - 1]!;
        const actual = (decision.at.getTime() - at(age).getTime()) / 1_000;
        assert.ok(actual > 0);
        assert.ok(actual <= wait * (1 + JITTER) + 0.001);
        assert.ok(actual >= Math.min(wait * (1 - JITTER), policy.giveUpSeconds - age) - 0.001);
        assert.ok(decision.at.getTime() <= at(policy.giveUpSeconds).getTime());
      },
    ),
  );
});

test('a message that always fails is given up once, and its sender is told of the delay exactly once', () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), { minLength: 1 }),
      (chances) => {
        let now = ACCEPTED;
        let previousAttemptAt: Date | null = null;
        let notices = 0;
        for (let attempts = 1; ; attempts++) {
          assert.ok(attempts < 100, 'ends');
          const random = chances[attempts % chances.length]!;
          const decision = decideRetry(DEFAULT_RETRY_POLICY, {
            acceptedAt: ACCEPTED,
            now,
            attempts,
            previousAttemptAt,
            random,
          });
          if (decision.kind === 'expired') break;
          if (decision.isDelayNoticeDue) notices += 1;
          previousAttemptAt = now;
          now = decision.at;
        }
        assert.equal(notices, 1);
        assert.equal(now.getTime(), at(DEFAULT_RETRY_POLICY.giveUpSeconds).getTime());
      },
    ),
  );
});
