/**
 * Looking at the whole queue: for the rebuild of the schedule, for a world without Redis, and for the operator. Named exceptions to the rule that every
 * query has its shard key; the partial index on `due` keeps them away from what is done.
 */
import type { Filter } from 'mongodb';
import type { QueueId } from '../../mail/ids.ts';
import type { Database } from '../mongo/database.ts';
import type { QueueRow } from '../mongo/documents.ts';
import type { QueueDue, QueueEntry } from '../queue-record.ts';
import { duesOf, entryOf } from './queue-rows.ts';

const DUE_BATCH = 500;
const DUE_PROJECTION = {
  'recipients.lane': 1,
  'recipients.state': 1,
  'recipients.nextAt': 1,
  'recipients.lease.until': 1,
} as const;
const MAX_LIST = 1_000;

/** By due time, in batches of rows; `limit` counts rows. Lanes of a row that are due later than `before` are left out. */
export async function* dueEntries(
  database: Pick<Database, 'queue'>,
  options: { readonly before?: Date; readonly limit?: number },
): AsyncGenerator<readonly QueueDue[], void, undefined> {
  const { before, limit } = options;
  const cursor = database.queue.find(
    { due: before === undefined ? { $exists: true } : { $exists: true, $lte: before } },
    {
      sort: { due: 1 },
      hint: { due: 1 },
      projection: DUE_PROJECTION,
      batchSize: DUE_BATCH,
      ...(limit !== undefined && { limit }),
    },
  );
  try {
    while (await cursor.hasNext()) {
      const dues = cursor
        .readBufferedDocuments()
        .flatMap(duesOf)
        .filter((due) => before === undefined || due.at <= before);
      if (dues.length > 0) yield dues;
    }
  } finally {
    await cursor.close();
  }
}

/** Ascending by id. */
export async function listEntries(
  database: Pick<Database, 'queue'>,
  options: { readonly limit: number; readonly after?: QueueId; readonly includeFinal?: boolean },
): Promise<readonly QueueEntry[]> {
  const filter: Filter<QueueRow> = {
    ...(options.after !== undefined && { _id: { $gt: options.after } }),
    ...(!options.includeFinal && { due: { $exists: true } }),
  };
  const rows = await database.queue
    .find(filter, { sort: { _id: 1 }, limit: Math.min(options.limit, MAX_LIST), projection: { index: 0 } })
    .toArray();
  return rows.map(entryOf);
}

/** Makes deferred recipients due now; the rows as they are then, and how many recipients it were. */
export async function makeDue(
  database: Pick<Database, 'queue'>,
  now: Date,
  id?: QueueId,
): Promise<{ readonly rows: readonly QueueRow[]; readonly recipients: number }> {
  const isWaiting = { state: 'deferred', nextAt: { $gt: now } } as const;
  const filter: Filter<QueueRow> = {
    ...(id !== undefined ? { _id: id } : { due: { $exists: true } }),
    recipients: { $elemMatch: isWaiting },
  };
  const found = database.queue.find(filter, { projection: { _id: 1 }, batchSize: DUE_BATCH });
  const rows: QueueRow[] = [];
  let recipients = 0;
  for await (const { _id } of found) {
    // Row by row, and only where it is still so: a worker may have claimed it meanwhile.
    const before = await database.queue.findOneAndUpdate(
      { _id, recipients: { $elemMatch: isWaiting } },
      { $set: { 'recipients.$[r].nextAt': now }, $min: { due: now } },
      {
        arrayFilters: [{ 'r.state': 'deferred', 'r.nextAt': { $gt: now } }],
        returnDocument: 'before',
        projection: { index: 0 },
      },
    );
    if (before === null) continue;
    const isMoved = (r: QueueRow['recipients'][number]): boolean => r.state === 'deferred' && r.nextAt > now;
    recipients += before.recipients.filter(isMoved).length;
    rows.push({
      ...before,
      due: now,
      recipients: before.recipients.map((r) => (isMoved(r) ? { ...r, nextAt: now } : r)),
    });
  }
  return { rows, recipients };
}
