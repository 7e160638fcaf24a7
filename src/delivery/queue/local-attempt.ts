/**
 * The attempt of the local lane: each recipient's copy becomes a message in a mailbox here, under a key that makes a repeat harmless (P2).
 * The octets are not moved: the mailbox refers to the body that the queue row refers to. RFC 5321 §4.5.4.1, RFC 3463 §3.
 */
import type { AccountId } from '../../mail/ids.ts';
import { Deferral, Refusal } from '../../mail/refusal.ts';
import type { Log } from '../../server/log.ts';
import type { MailStore } from '../../storage/mail-store.ts';
import type { StagedBody } from '../../storage/model.ts';
import type { Lease, QueueEntry } from '../../storage/queue-record.ts';
import type { LocalDelivery } from '../inbound/deliver-to-mailbox.ts';
import { type AttemptResult, ownReply } from './outcome.ts';

export interface LocalAttemptOptions {
  readonly store: Pick<MailStore, 'readBody' | 'receiveBody'>;
  readonly deliver: (account: AccountId, staged: StagedBody, delivery: LocalDelivery) => Promise<unknown>;
  readonly log: Log;
}

/** Recipients of one message that are delivered to at once. */
const PARALLEL_RECIPIENTS = 16;
/** A store that can't write now is asked again soon: no stranger is bothered by that. */
const LOCAL_RETRY_MS = 15_000;

/** Never throws: every recipient of the lease has a result. */
export async function attemptLocally(options: LocalAttemptOptions, lease: Lease): Promise<readonly AttemptResult[]> {
  const { entry } = lease;
  let staged: StagedBody;
  try {
    staged = await stage(options, entry);
  } catch (cause) {
    options.log.error({ queueId: entry.id, cause }, 'body of a queued message can not be read');
    const reply = ownReply(451, '4.3.0', 'The message can not be read now');
    return lease.recipients.map(({ index }) => ({ index, result: 'deferred', reply, from: '' }));
  }
  const results: AttemptResult[] = [];
  for (let from = 0; from < lease.recipients.length; from += PARALLEL_RECIPIENTS) {
    const batch = lease.recipients.slice(from, from + PARALLEL_RECIPIENTS);
    results.push(...(await Promise.all(batch.map(({ index }) => deliverOne(options, entry, staged, index)))));
  }
  return results;
}

async function deliverOne(
  options: LocalAttemptOptions,
  entry: QueueEntry,
  staged: StagedBody,
  index: number,
): Promise<AttemptResult> {
  const recipient = entry.recipients[index]!;
  if (recipient.account === undefined) {
    return { index, result: 'bounced', reply: ownReply(550, '5.1.1', 'No such user here'), from: '' };
  }
  try {
    await options.deliver(recipient.account, staged, {
      sender: entry.sender.address,
      recipient: recipient.address,
      dedupe: `${entry.id}:${index}`,
      receivedAt: entry.acceptedAt,
    });
    return { index, result: 'sent', reply: ownReply(250, '2.1.5', 'Delivered'), from: '', handover: 'final' };
  } catch (cause) {
    return failure(options.log, entry, index, cause);
  }
}

function failure(log: Log, entry: QueueEntry, index: number, cause: unknown): AttemptResult {
  if (cause instanceof Refusal) {
    switch (cause.code) {
      case 'notFound':
        return { index, result: 'bounced', reply: ownReply(550, '5.1.1', 'No such user here'), from: '' };
      case 'accountDisabled':
        return { index, result: 'bounced', reply: ownReply(550, '5.2.1', 'Mailbox disabled'), from: '' };
      case 'tooLarge':
        return {
          index,
          result: 'bounced',
          reply: ownReply(552, '5.2.3', 'Message too large for the mailbox'),
          from: '',
        };
      case 'overQuota':
        // There may be room again tomorrow; given up with all else that waits.
        return { index, result: 'deferred', reply: ownReply(452, '4.2.2', 'Mailbox full'), from: '' };
      default:
        log.error({ queueId: entry.id, index, cause }, 'delivery refused for an unexpected reason');
        return { index, result: 'deferred', reply: ownReply(451, '4.3.0', 'Delivery failed for now'), from: '' };
    }
  }
  if (!(cause instanceof Deferral)) log.error({ queueId: entry.id, index, cause }, 'delivery failed');
  const reply = ownReply(451, '4.3.0', 'The mailbox can not be reached now');
  return { index, result: 'deferred', reply, from: '', retryWithinMs: LOCAL_RETRY_MS };
}

/** The body is there already; only a row without its index needs the octets once more. */
async function stage(options: LocalAttemptOptions, entry: QueueEntry): Promise<StagedBody> {
  if (entry.index !== undefined) return { ref: entry.body, index: entry.index, sha256: '' };
  return options.store.receiveBody(options.store.readBody(entry.body), { maxBytes: entry.body.size, near: entry.id });
}
