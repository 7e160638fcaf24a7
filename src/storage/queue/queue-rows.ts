/**
 * Between queue rows and the words of queue-record.ts, and the times that follow from a row. Pure.
 */
import type { SmtpReply } from '../../mail/status-code.ts';
import { decodeIndex, type QueueRecipientRow, type QueueRow } from '../mongo/documents.ts';
import { FINAL_STATES, LOCAL_LANE, type QueueDue, type QueueEntry, type QueueRecipient } from '../queue-record.ts';

export const isFinal = (recipient: Pick<QueueRecipientRow, 'state'>): boolean => FINAL_STATES.includes(recipient.state);

/** When somebody should look at the recipient again; null when never. */
export function wakeAt(recipient: QueueRecipientRow): Date | null {
  if (isFinal(recipient)) return null;
  return recipient.lease?.until ?? recipient.nextAt;
}

/** The row's `due`: the earliest of its recipients; null when all are final. */
export function dueOf(recipients: readonly QueueRecipientRow[]): Date | null {
  let earliest: Date | null = null;
  for (const recipient of recipients) {
    const at = wakeAt(recipient);
    if (at !== null && (earliest === null || at < earliest)) earliest = at;
  }
  return earliest;
}

/** One for each lane that is not done, at its earliest recipient. */
export function duesOf(row: Pick<QueueRow, '_id' | 'recipients'>): QueueDue[] {
  const lanes = new Map<string, Date>();
  for (const recipient of row.recipients) {
    const at = wakeAt(recipient);
    if (at === null) continue;
    const known = lanes.get(recipient.lane);
    if (known === undefined || at < known) lanes.set(recipient.lane, at);
  }
  return [...lanes].map(([lane, at]) => ({ id: row._id, lane, at }));
}

/** What becomes of a row when its recipients are `recipients`: the fields that follow from them. Undefined: to be unset. */
export function consequences(
  recipients: readonly QueueRecipientRow[],
  now: Date,
): { readonly due: Date | undefined; readonly finishedAt: Date | undefined; readonly keepsIndex: boolean } {
  const due = dueOf(recipients);
  return {
    due: due ?? undefined,
    finishedAt: due === null ? now : undefined,
    keepsIndex: recipients.some((recipient) => recipient.lane === LOCAL_LANE && !isFinal(recipient)),
  };
}

export function entryOf(row: QueueRow): QueueEntry {
  return {
    id: row._id,
    body: row.body,
    skip: row.skip,
    sender: row.sender,
    senderAccount: row.senderAccount,
    submission: row.submission,
    source: row.source,
    recipients: row.recipients.map(recipientOf),
    acceptedAt: row.acceptedAt,
    ...(row.index !== undefined && { index: decodeIndex(row.index) }),
  };
}

function recipientOf(row: QueueRecipientRow): QueueRecipient {
  const { lease: _lease, recordedFence: _fence, lastReply, ...rest } = row;
  if (lastReply === undefined) return rest;
  return { ...rest, lastReply: { ...lastReply, status: lastReply.status as SmtpReply['status'] } };
}
