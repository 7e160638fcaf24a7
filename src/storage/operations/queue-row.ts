/**
 * The queue row of a message that was just accepted: every recipient ready, due at once or when asked for.
 */
import type { SubmissionId } from '../../mail/ids.ts';
import { encodeIndex, type QueueRow } from '../mongo/documents.ts';
import type { NewQueueEntry } from '../queue-record.ts';
import { LOCAL_LANE } from '../queue-record.ts';

export function queueRowOf(
  entry: NewQueueEntry,
  submission: SubmissionId | null,
  at: Date,
  receivedBy?: string,
): QueueRow {
  const due = entry.notBefore !== undefined && entry.notBefore > at ? entry.notBefore : at;
  const isForSomeoneHere = entry.recipients.some((recipient) => recipient.lane === LOCAL_LANE);
  return {
    _id: entry.id,
    body: { id: entry.staged.ref.id, size: entry.staged.ref.size },
    skip: entry.skip,
    sender: entry.sender,
    senderAccount: entry.senderAccount,
    submission,
    source: entry.source,
    recipients: entry.recipients.map((recipient) => ({
      ...recipient,
      state: 'ready',
      attempts: 0,
      nextAt: due,
      isNotified: false,
    })),
    acceptedAt: at,
    fence: 0,
    due,
    ...(entry.resendDigest !== undefined && {
      resendDigest: entry.resendDigest,
      ...(receivedBy !== undefined && { receivedBy }),
    }),
    ...(isForSomeoneHere && { index: encodeIndex(entry.staged.index) }),
  };
}
