/** Queue entries and leases for tests that need no record. */
import type { BodyId, QueueId } from '../../../src/mail/ids.ts';
import type { Lease, QueueEntry, QueueRecipient } from '../../../src/storage/queue-record.ts';

export const EPOCH = new Date('2026-11-25T12:00:00Z');

export function recipientOf(address: string, more: Partial<QueueRecipient> = {}): QueueRecipient {
  return {
    address,
    lane: address.slice(address.lastIndexOf('@') + 1),
    state: 'leased',
    attempts: 0,
    nextAt: EPOCH,
    isNotified: false,
    ...more,
  };
}

export function entryOf(
  body: Buffer,
  recipients: readonly QueueRecipient[],
  more: Partial<QueueEntry> = {},
): QueueEntry {
  return {
    id: 'aaqueue' as QueueId,
    body: { id: 'aabody' as BodyId, size: body.length },
    skip: 0,
    sender: { address: 'sender@here.test' },
    senderAccount: null,
    submission: null,
    source: 'submission',
    recipients,
    acceptedAt: EPOCH,
    ...more,
  };
}

export function leaseOf(entry: QueueEntry, lane = entry.recipients[0]!.lane): Lease {
  return {
    entry,
    lane,
    owner: 'test',
    fence: 1,
    until: new Date(EPOCH.getTime() + 60_000),
    recipients: entry.recipients.flatMap((recipient, index) => (recipient.lane === lane ? [{ index, recipient }] : [])),
  };
}

/** The part of the store that an attempt reads. */
export const bodyStore = (body: Buffer, chunk = 65_536) => ({
  async *readBody(_ref: unknown, range: { readonly from: number; readonly to: number } = { from: 0, to: body.length }) {
    for (let from = range.from; from < range.to; from += chunk)
      yield body.subarray(from, Math.min(from + chunk, range.to));
  },
});
