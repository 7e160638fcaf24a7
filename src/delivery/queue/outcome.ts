/**
 * From what an attempt brought to what the record is told: final or to be tried again, when, and which notices that makes due. Pure.
 * RFC 3461 §4.1 (NOTIFY), §6.2 (the kinds of notice), RFC 5321 §4.5.5 (nothing is ever sent back to the null reverse-path).
 */
import type { EnvelopeRecipient } from '../../mail/envelope.ts';
import type { SmtpReply, StatusCode } from '../../mail/status-code.ts';
import {
  FINAL_STATES,
  type Lease,
  type QueueEntry,
  type QueueRecipient,
  type RecipientOutcome,
} from '../../storage/queue-record.ts';
import { decideRetry, type RetryPolicy } from './retry-schedule.ts';

/** What one attempt brought for one recipient. */
export interface AttemptResult {
  /** Of `entry.recipients`. */
  readonly index: number;
  readonly result: 'sent' | 'deferred' | 'bounced';
  readonly reply: SmtpReply;
  /** The host that answered, or '' when it was this one. */
  readonly from: string;
  /** 'final': into a mailbox; 'dsn': the next hop notifies; 'none': a next hop without the DSN extension took it (RFC 3461 §5.2.2). */
  readonly handover?: 'final' | 'dsn' | 'none';
  /** For 'deferred': at most this long until the next attempt. */
  readonly retryWithinMs?: number;
  /** For 'deferred': the final dot was sent and its answer never came (RFC 1047). */
  readonly isUncertain?: boolean;
}

/** RFC 3464 §2.3.3. */
export type NoticeKind = 'failed' | 'delayed' | 'delivered' | 'relayed';

export interface NoticeRecipient {
  readonly recipient: QueueRecipient;
  readonly reply: SmtpReply;
  readonly from: string;
  readonly isExpired: boolean;
}
export interface NoticeGroup {
  readonly kind: NoticeKind;
  readonly recipients: readonly NoticeRecipient[];
  /** For 'delayed' (RFC 3464 §2.3.9). */
  readonly retryUntil: Date;
}

export interface Decision {
  readonly outcomes: readonly RecipientOutcome[];
  readonly notices: readonly NoticeGroup[];
  /** When the lane of this entry is due next; null: never. */
  readonly nextAt: Date | null;
}

export interface DecisionInput {
  readonly lease: Lease;
  /** One for every recipient of the lease. */
  readonly results: readonly AttemptResult[];
  readonly policy: RetryPolicy;
  readonly now: Date;
  /** From 0 up to 1. */
  readonly random: () => number;
}

export function decideOutcomes({ lease, results, policy, now, random }: DecisionInput): Decision {
  const { entry } = lease;
  const outcomes: RecipientOutcome[] = [];
  const groups = new Map<NoticeKind, NoticeRecipient[]>();
  const isNoticeWanted = mayNotify(entry);
  const notify = (kind: NoticeKind, recipient: QueueRecipient, result: AttemptResult, isExpired = false): void => {
    if (!isNoticeWanted || !wants(recipient, kind)) return;
    const group = groups.get(kind) ?? [];
    group.push({ recipient, reply: result.reply, from: result.from, isExpired });
    groups.set(kind, group);
  };

  for (const result of results) {
    const recipient = entry.recipients[result.index]!;
    const base = { index: result.index, reply: result.reply, from: result.from };
    if (result.result === 'sent') {
      outcomes.push({ ...base, state: 'sent' });
      if (result.handover === 'final') notify('delivered', recipient, result);
      else if (result.handover !== 'dsn') notify('relayed', recipient, result);
      continue;
    }
    if (result.result === 'bounced') {
      outcomes.push({ ...base, state: 'bounced' });
      notify('failed', recipient, result);
      continue;
    }
    const retry = decideRetry(policy, {
      acceptedAt: entry.acceptedAt,
      now,
      attempts: recipient.attempts + 1,
      previousAttemptAt: recipient.lastReply?.at ?? null,
      random: random(),
    });
    if (retry.kind === 'expired') {
      outcomes.push({ ...base, state: 'expired' });
      notify('failed', recipient, result, true);
      continue;
    }
    const soonest =
      result.retryWithinMs === undefined ? Number.POSITIVE_INFINITY : now.getTime() + result.retryWithinMs;
    outcomes.push({
      ...base,
      state: 'deferred',
      nextAt: new Date(Math.min(retry.at.getTime(), soonest)),
      ...(result.isUncertain && { isUncertain: true }),
    });
    if (retry.isDelayNoticeDue) notify('delayed', recipient, result);
  }

  const retryUntil = new Date(entry.acceptedAt.getTime() + policy.giveUpSeconds * 1_000);
  const notices = [...groups].map(([kind, recipients]) => ({ kind, recipients, retryUntil }));
  return { outcomes, notices, nextAt: nextDue(lease, outcomes) };
}

/** The earliest of what was deferred now and of what waits in this lane outside the lease. */
function nextDue(lease: Lease, outcomes: readonly RecipientOutcome[]): Date | null {
  const covered = new Set(outcomes.map((outcome) => outcome.index));
  const times = outcomes.flatMap((outcome) => (outcome.nextAt === undefined ? [] : [outcome.nextAt.getTime()]));
  lease.entry.recipients.forEach((recipient, index) => {
    const isWaiting = recipient.lane === lease.lane && !FINAL_STATES.includes(recipient.state);
    if (isWaiting && !covered.has(index)) times.push(recipient.nextAt.getTime());
  });
  return times.length === 0 ? null : new Date(Math.min(...times));
}

/** RFC 5321 §4.5.5, RFC 3464 §2: nothing about a message with a null reverse-path, least of all about a notice. */
export const mayNotify = (entry: QueueEntry): boolean => entry.sender.address !== '' && entry.source !== 'notice';

/** RFC 3461 §4.1: without NOTIFY failures are told, and delays as we choose; success only when asked for. */
function wants(recipient: EnvelopeRecipient, kind: NoticeKind): boolean {
  const { notify } = recipient;
  if (kind === 'delivered' || kind === 'relayed') return notify?.includes('success') ?? false;
  return notify?.includes(kind === 'failed' ? 'failure' : 'delay') ?? true;
}

/** A reply in the words of the trade for what no host said. */
export const ownReply = (code: number, status: StatusCode, text: string): SmtpReply => ({
  code,
  status,
  lines: [text],
});
