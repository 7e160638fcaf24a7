/**
 * What an operator does to a message that waits: hold it, let it go again, drop it. One compare-and-set on the server each, and only for recipients that
 * no worker has: what is being attempted stays with its lease (P4), and the answer tells how many that are.
 */
import type { Document } from 'mongodb';
import type { QueueId } from '../../mail/ids.ts';
import type { Database } from '../mongo/database.ts';
import type { QueueRow } from '../mongo/documents.ts';
import { LOCAL_LANE, type Operated } from '../queue-record.ts';
import { mapRecipients, NOT_FINAL, SET_DUE } from './claim-lease.ts';

/** When somebody looks at a held recipient by himself: never. */
export const HELD_UNTIL = new Date('9999-01-01T00:00:00Z');

const WAITING = ['ready', 'deferred'] as const;
const HELD = ['held'] as const;
type State = (typeof WAITING)[number] | (typeof HELD)[number];

/** Null: there is no such entry. */
export async function holdEntry(database: Pick<Database, 'queue'>, id: QueueId): Promise<Operated | null> {
  const change = { state: 'held', nextAt: HELD_UNTIL };
  const before = await operate(database, id, WAITING, [
    { $set: { recipients: mapRecipients(isIn(WAITING), change) } },
    SET_DUE,
  ]);
  return before && countOf(before, WAITING);
}

/** The row as it is then: somebody has to be told that it is due. */
export async function releaseEntry(
  database: Pick<Database, 'queue'>,
  id: QueueId,
  now: Date,
): Promise<{ readonly operated: Operated; readonly row: QueueRow } | null> {
  const state = { $cond: [{ $gt: ['$$r.attempts', 0] }, 'deferred', 'ready'] };
  const recipients = mapRecipients(isIn(HELD), { state, nextAt: now });
  const before = await operate(database, id, HELD, [{ $set: { recipients } }, SET_DUE]);
  const row = before && (await database.queue.findOne({ _id: id }, { projection: { index: 0 } }));
  return row && before && { operated: countOf(before, HELD), row };
}

/** Recipients that wait or are held become 'cancelled'. Nobody is told but the submission they came by. */
export async function dropEntry(
  database: Pick<Database, 'queue'>,
  id: QueueId,
  now: Date,
): Promise<{ readonly operated: Operated; readonly row: QueueRow } | null> {
  const states = [...WAITING, ...HELD];
  const isHereLeft = { $and: [{ $eq: ['$$r.lane', LOCAL_LANE] }, NOT_FINAL] };
  const before = await operate(database, id, states, [
    { $set: { recipients: mapRecipients(isIn(states), { state: 'cancelled' }) } },
    SET_DUE,
    {
      $set: {
        due: { $ifNull: ['$due', '$$REMOVE'] },
        finishedAt: { $cond: [{ $eq: ['$due', null] }, now, '$$REMOVE'] },
        index: {
          $cond: [
            { $anyElementTrue: { $map: { input: '$recipients', as: 'r', in: isHereLeft } } },
            '$index',
            '$$REMOVE',
          ],
        },
        reportDue: {
          $cond: [{ $and: [{ $ne: ['$submission', null] }, { $ne: ['$senderAccount', null] }] }, now, '$$REMOVE'],
        },
      },
    },
  ]);
  const row = before && (await database.queue.findOne({ _id: id }, { projection: { index: 0 } }));
  return row && before && { operated: countOf(before, states), row };
}

/** The row as it was; unchanged where no recipient is in one of the states. */
async function operate(
  database: Pick<Database, 'queue'>,
  id: QueueId,
  states: readonly State[],
  pipeline: Document[],
): Promise<QueueRow | null> {
  const changed = await database.queue.findOneAndUpdate(
    { _id: id, 'recipients.state': { $in: [...states] } },
    pipeline,
    { returnDocument: 'before', projection: { index: 0 } },
  );
  return changed ?? database.queue.findOne({ _id: id }, { projection: { index: 0 } });
}

const isIn = (states: readonly State[]): Document => ({ $in: ['$$r.state', [...states]] });

function countOf(row: QueueRow, states: readonly State[]): Operated {
  const count = (wanted: readonly string[]): number =>
    row.recipients.filter(({ state }) => wanted.includes(state)).length;
  return { recipients: count(states), inFlight: count(['leased', 'sending']) };
}
