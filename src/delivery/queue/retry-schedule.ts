/**
 * When a deferred recipient is tried again, when its sender is told that it waits, and when it is given up. Pure: time and chance are passed in.
 * RFC 5321 §4.5.4.1: the first retries come quickly, later ones at growing distances, and give-up takes days.
 */
export interface RetryPolicy {
  /** Waits between attempts in seconds; the last one repeats. */
  readonly retrySeconds: readonly number[];
  readonly giveUpSeconds: number;
  /** Age at which the sender is told once that the message waits. */
  readonly delayNoticeSeconds: number;
}

export const DEFAULT_RETRY_POLICY: RetryPolicy = {
  retrySeconds: [60, 300, 900, 1_800, 3_600, 7_200, 14_400],
  giveUpSeconds: 72 * 3_600,
  delayNoticeSeconds: 4 * 3_600,
};

/** Share of a wait by which chance lengthens or shortens it, so that what failed together doesn't come back together. */
export const JITTER = 0.2;

export interface RetryQuestion {
  readonly acceptedAt: Date;
  readonly now: Date;
  /** Attempts so far, the one that just failed counted: 1 at least. */
  readonly attempts: number;
  /** When the attempt before this one ended, or null. */
  readonly previousAttemptAt: Date | null;
  /** From 0 up to 1. */
  readonly random: number;
}

export type RetryDecision =
  | { readonly kind: 'expired' }
  | { readonly kind: 'retry'; readonly at: Date; readonly isDelayNoticeDue: boolean };

/**
 * The last attempt comes at the moment of give-up, not after it: a wait that would end later is cut to it.
 * The delay notice is due at the first failure past its age, told by the attempt before, so that no further state is needed.
 */
export function decideRetry(policy: RetryPolicy, question: RetryQuestion): RetryDecision {
  const { acceptedAt, now, attempts, previousAttemptAt, random } = question;
  const giveUpAtMs = acceptedAt.getTime() + policy.giveUpSeconds * 1_000;
  if (now.getTime() >= giveUpAtMs) return { kind: 'expired' };
  const step = Math.min(Math.max(attempts, 1), policy.retrySeconds.length) - 1;
  const waitMs = (policy.retrySeconds[step] ?? 60) * 1_000 * (1 + JITTER * (2 * random - 1));
  const at = new Date(Math.min(now.getTime() + Math.round(waitMs), giveUpAtMs));
  const noticeAtMs = acceptedAt.getTime() + policy.delayNoticeSeconds * 1_000;
  const wasNoticed = previousAttemptAt !== null && previousAttemptAt.getTime() >= noticeAtMs;
  return { kind: 'retry', at, isDelayNoticeDue: now.getTime() >= noticeAtMs && !wasNoticed };
}
