/**
 * One item of the schedule from claim to record: the lease is claimed in MongoDB by compare-and-set, the attempt made, its outcome written with the
 * fence together with the notices it makes due (P4). What can't be written now is written as soon as it can: a remote's 250 must not be forgotten.
 */
import { randomBytes } from 'node:crypto';
import { Deferral } from '../../mail/refusal.ts';
import type { Clock } from '../../server/clock.ts';
import type { Log } from '../../server/log.ts';
import {
  FINAL_STATES,
  type Lease,
  type NewQueueEntry,
  type QueueEntry,
  type QueueRecord,
} from '../../storage/queue-record.ts';
import { LeaseKeeper } from './lease-keeper.ts';
import { type AttemptResult, type Decision, decideOutcomes, type NoticeGroup, ownReply } from './outcome.ts';
import type { RetryPolicy } from './retry-schedule.ts';
import type { Schedule, ScheduledItem } from './schedule.ts';

/** What an attempt may ask of its surroundings. */
export interface AttemptContext {
  /** Aborted when the lease was lost or the worker must end: stop as soon as it can be done cleanly. */
  readonly signal: AbortSignal;
  /**
   * Asked before the final dot, for the recipients that it is for: true once the record says that they are being sent. False: the lease was lost, and
   * the dot must not be sent. Throws Deferral: the record can't be written, and the dot must not be sent either.
   */
  readonly beginSending: (indices: readonly number[]) => Promise<boolean>;
}
/** One result for every recipient of the lease. Never throws for a reason that lies outside this program. */
export type Attempt = (lease: Lease, context: AttemptContext) => Promise<readonly AttemptResult[]>;
/** A notice as a queue entry, or null when its receiver can't be reached by any way. `isBare`: without anything of the original. */
export type ComposeNotice = (
  entry: QueueEntry,
  group: NoticeGroup,
  options: { readonly isBare: boolean },
) => Promise<NewQueueEntry | null>;

export interface WorkOptions {
  readonly queue: Pick<QueueRecord, 'claim' | 'extend' | 'beginSending' | 'record' | 'get'>;
  readonly schedule: Schedule;
  readonly attempt: Attempt;
  readonly composeNotice: ComposeNotice;
  readonly owner: string;
  readonly leaseMs: number;
  readonly policy: RetryPolicy;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  /** Aborted when what is in flight must end. */
  readonly signal: AbortSignal;
}

/** Between tries to write an outcome while MongoDB can't commit. */
const RECORD_RETRY_MS = 1_000;
const CLAIM_RETRY_MS = 5_000;
/** Tries to compose a whole notice before a bare one is made. */
const NOTICE_TRIES = 3;

/** Never throws. */
export async function workItem(options: WorkOptions, item: ScheduledItem): Promise<void> {
  const { queue, schedule, owner, leaseMs, clock, log } = options;
  let nextAt: Date | null = null;
  try {
    const lease = await queue.claim(item.id, item.lane, owner, leaseMs);
    nextAt = lease === null ? await whenElse(options, item) : await workLease(options, lease, item);
  } catch (cause) {
    log.warn({ queueId: item.id, lane: item.lane, cause }, 'queue entry not worked on, again soon');
    nextAt = new Date(clock.now().getTime() + CLAIM_RETRY_MS);
  }
  // A schedule that is gone is rebuilt from the record.
  await schedule.finish(item, nextAt).catch(() => undefined);
}

/**
 * Why there was nothing to claim. Mostly it is done; where another holder has it, it comes up again after that holder's lease, in case the
 * holder is gone.
 */
async function whenElse({ queue, clock, leaseMs }: WorkOptions, item: ScheduledItem): Promise<Date | null> {
  const entry = await queue.get(item.id);
  const times = (entry?.recipients ?? [])
    .filter((recipient) => recipient.lane === item.lane && !FINAL_STATES.includes(recipient.state))
    .map((recipient) =>
      recipient.state === 'leased' || recipient.state === 'sending'
        ? clock.now().getTime() + leaseMs
        : Math.max(recipient.nextAt.getTime(), 0),
    );
  return times.length === 0 ? null : new Date(Math.max(Math.min(...times), clock.now().getTime() + CLAIM_RETRY_MS));
}

async function workLease(options: WorkOptions, lease: Lease, item: ScheduledItem): Promise<Date | null> {
  const keeper = new LeaseKeeper(options, lease, item);
  try {
    const signal = AbortSignal.any([keeper.signal, options.signal]);
    for (const { index, recipient } of lease.recipients) {
      const { mayBeSentTwice, lastSending } = recipient;
      if (mayBeSentTwice === undefined) continue;
      const fields = { queueId: lease.entry.id, lane: lease.lane, index, attempt: lastSending?.id, mayBeSentTwice };
      options.log.warn(fields, 'tried again without knowing whether an earlier attempt arrived: may be sent twice');
    }
    const attemptId = randomBytes(9).toString('base64url');
    const beginSending = async (indices: readonly number[]): Promise<boolean> =>
      (await keeper.isHeld()) && options.queue.beginSending(lease, indices, attemptId);
    const results = await attemptSafely(options, lease, { signal, beginSending });
    const now = options.clock.now();
    const decision = decideOutcomes({ lease, results, policy: options.policy, now, random: options.random });
    await record(options, lease, decision);
    return decision.nextAt;
  } finally {
    await keeper.stop();
  }
}

/** A defect in an attempt defers: mail isn't lost and not returned for our own fault. */
async function attemptSafely(options: WorkOptions, lease: Lease, context: AttemptContext) {
  try {
    return await options.attempt(lease, context);
  } catch (cause) {
    options.log.error({ queueId: lease.entry.id, lane: lease.lane, cause }, 'attempt failed by a defect');
    const reply = ownReply(451, '4.3.0', 'Local error, the message is kept');
    return lease.recipients.map(({ index }): AttemptResult => ({ index, result: 'deferred', reply, from: '' }));
  }
}

async function record(options: WorkOptions, lease: Lease, decision: Decision): Promise<void> {
  const { queue, clock, log, signal } = options;
  const fields = { queueId: lease.entry.id, lane: lease.lane };
  const notices = await composeAll(options, lease, decision);
  for (;;) {
    try {
      const isWritten = await queue.record(lease, decision.outcomes, notices);
      if (isWritten) logOutcomes(log, lease, decision);
      else log.warn(fields, 'lease lost: the outcome was not written, the next holder repeats the attempt');
      return;
    } catch (cause) {
      log.warn({ ...fields, cause }, 'outcome not written, again soon');
      if (signal.aborted) throw cause;
      await clock.wait(RECORD_RETRY_MS, signal);
    }
  }
}

async function composeAll(options: WorkOptions, lease: Lease, decision: Decision): Promise<readonly NewQueueEntry[]> {
  const notices: NewQueueEntry[] = [];
  for (const group of decision.notices) {
    for (let tries = 1; ; tries++) {
      try {
        const notice = await options.composeNotice(lease.entry, group, { isBare: tries > NOTICE_TRIES });
        if (notice !== null) notices.push(notice);
        break;
      } catch (cause) {
        options.log.error({ queueId: lease.entry.id, kind: group.kind, tries, cause }, 'notice not composed');
        // While the record can't be reached the outcome couldn't be written either.
        if (cause instanceof Deferral) tries -= 1;
        if (tries > NOTICE_TRIES || options.signal.aborted) throw cause;
        await options.clock.wait(RECORD_RETRY_MS, options.signal);
      }
    }
  }
  return notices;
}

function logOutcomes(log: Log, lease: Lease, decision: Decision): void {
  for (const { index, state, reply, from, nextAt } of decision.outcomes) {
    const fields = {
      queueId: lease.entry.id,
      lane: lease.lane,
      index,
      state,
      from,
      code: reply?.code,
      status: reply?.status,
      ...(nextAt === undefined ? {} : { nextAt }),
    };
    log.info(fields, 'recipient recorded');
  }
}
