/**
 * Leases: one compare-and-set on the row gives the due recipients of a lane to one worker, with a fence that no other lease of the entry has.
 * Done by the server in one step, so that lanes of one entry never wait for each other.
 */
import type { Document } from 'mongodb';
import type { QueueId } from '../../mail/ids.ts';
import type { Database } from '../mongo/database.ts';
import type { QueueRow } from '../mongo/documents.ts';
import { FINAL_STATES, type Lane, type Lease, LOCAL_LANE } from '../queue-record.ts';
import { entryOf } from './queue-rows.ts';

/** Null when nothing of the lane is due. */
export async function claimLease(
  database: Pick<Database, 'queue'>,
  id: QueueId,
  lane: Lane,
  owner: string,
  now: Date,
  leaseMs: number,
): Promise<Lease | null> {
  const until = new Date(now.getTime() + leaseMs);
  const isDue = {
    $and: [
      { $eq: ['$$r.lane', { $literal: lane }] },
      {
        $or: [
          { $and: [{ $in: ['$$r.state', ['ready', 'deferred']] }, { $lte: ['$$r.nextAt', now] }] },
          { $and: [{ $in: ['$$r.state', ['leased', 'sending']] }, { $lte: ['$$r.lease.until', now] }] },
        ],
      },
    ],
  };
  const lease = { owner: { $literal: owner }, fence: '$fence', until };
  const row = (await database.queue.findOneAndUpdate(
    {
      _id: id,
      due: { $lte: now },
      recipients: {
        $elemMatch: {
          lane,
          $or: [
            { state: { $in: ['ready', 'deferred'] }, nextAt: { $lte: now } },
            { state: { $in: ['leased', 'sending'] }, 'lease.until': { $lte: now } },
          ],
        },
      },
    },
    [
      { $set: { fence: { $add: ['$fence', 1] } } },
      { $set: { recipients: mapRecipients(isDue, { state: 'leased', lease }, FLAG_SENDING) } },
      SET_DUE,
    ],
    {
      returnDocument: 'after',
      // Whoever delivers here needs the index; whoever sends it away doesn't.
      ...(lane !== LOCAL_LANE && { projection: { index: 0 } }),
      // A local claim that a fail-over forgets does no harm: the delivery's dedupe key makes its repetition one. So it needn't wait for the journal.
      writeConcern: lane === LOCAL_LANE ? { w: 1, journal: false } : { w: 'majority', journal: true },
    },
  )) as QueueRow | null;
  if (row === null) return null;
  const entry = entryOf(row);
  const recipients = entry.recipients
    .map((recipient, index) => ({ index, recipient }))
    .filter(({ index }) => row.recipients[index]?.lease?.fence === row.fence);
  return { entry, lane, owner, fence: row.fence, until, recipients };
}

/** False: another has it, or it was recorded. */
export async function extendLease(
  database: Pick<Database, 'queue'>,
  lease: Pick<Lease, 'entry' | 'owner' | 'fence'>,
  until: Date,
): Promise<boolean> {
  const { owner, fence } = lease;
  const isMine = {
    $and: [{ $eq: ['$$r.lease.fence', fence] }, { $eq: ['$$r.lease.owner', { $literal: owner }] }],
  };
  const done = await database.queue.updateOne(
    { _id: lease.entry.id, recipients: { $elemMatch: { 'lease.fence': fence, 'lease.owner': owner } } },
    [{ $set: { recipients: mapRecipients(isMine, { lease: { until } }) } }, SET_DUE],
  );
  return done.matchedCount > 0;
}

/**
 * The step before the final dot: from here on a lease that ends leaves the question whether the remote has the message.
 * False: another has the lease of one of them.
 */
export async function beginSending(
  database: Pick<Database, 'queue'>,
  lease: Pick<Lease, 'entry' | 'owner' | 'fence'>,
  indices: readonly number[],
  attempt: { readonly id: string; readonly at: Date },
): Promise<boolean> {
  const filter: Document = { _id: lease.entry.id };
  const $set: Document = {};
  for (const index of indices) {
    filter[`recipients.${index}.lease.fence`] = lease.fence;
    filter[`recipients.${index}.lease.owner`] = lease.owner;
    $set[`recipients.${index}.state`] = 'sending';
    $set[`recipients.${index}.lastSending`] = attempt;
  }
  const done = await database.queue.updateOne(filter, { $set });
  return done.matchedCount > 0;
}

/** Of a recipient taken over in the state 'sending': whoever had it died between the final dot and the record. */
const FLAG_SENDING: Document = {
  $cond: [
    { $eq: ['$$r.state', 'sending'] },
    { mayBeSentTwice: { $add: [{ $ifNull: ['$$r.mayBeSentTwice', 0] }, 1] } },
    {},
  ],
};

/** `recipients` with `change`, and `more`, laid over those that fulfil `condition`. */
export function mapRecipients(condition: Document, change: Document, more: Document = {}): Document {
  const { lease: given, ...rest } = change;
  const lease = 'owner' in (given ?? {}) ? given : { $mergeObjects: ['$$r.lease', given] };
  const changed = { $mergeObjects: ['$$r', given === undefined ? rest : { ...rest, lease }, more] };
  return { $map: { input: '$recipients', as: 'r', in: { $cond: [condition, changed, '$$r'] } } };
}

export const NOT_FINAL: Document = { $not: [{ $in: ['$$r.state', [...FINAL_STATES]] }] };

/** `due` as `dueOf` has it. Only for rows of which something is left to do. */
export const SET_DUE: Document = {
  $set: {
    due: {
      $min: {
        $map: {
          input: {
            $filter: { input: '$recipients', as: 'r', cond: NOT_FINAL },
          },
          as: 'r',
          in: { $ifNull: ['$$r.lease.until', '$$r.nextAt'] },
        },
      },
    },
  },
};
