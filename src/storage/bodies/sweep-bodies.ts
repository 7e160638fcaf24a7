/**
 * Mark and sweep: removes bodies that nothing refers to and that nobody has touched for a grace time, and the chunks of uploads that never ended.
 *
 * Promise: never a body that is referred to, or is about to be. A reference appears either with the body itself (small ones), or within the grace time of
 * its reception or of `touchBody`; the files document is removed by compare-and-set with that age, and only then its chunks. A reference moves only from
 * the queue to a message and from an upload to a message: the queue and the uploads are asked first, so that it is seen at one end. Copies within an account
 * are seen because each question is one snapshot.
 * Memory: one batch of ids. May be interrupted anywhere and run by several processes. It reads the whole bucket: a named exception to the shard-key rule.
 */
import type { BodyId } from '../../mail/ids.ts';
import type { Log } from '../../server/log.ts';
import type { Database } from '../mongo/database.ts';
import { SWEEP_BATCH, SWEEP_GRACE_MS } from './body-limits.ts';

export interface SweepOptions {
  readonly now: Date;
  readonly graceMs?: number;
  readonly batch?: number;
  readonly signal?: AbortSignal;
  readonly log: Log;
}
export interface Swept {
  readonly examined: number;
  readonly removed: number;
  /** Uploads that never ended. */
  readonly unfinished: number;
}

export async function sweepBodies(database: Database, options: SweepOptions): Promise<Swept> {
  const { now, signal, log } = options;
  const cutoff = new Date(now.getTime() - (options.graceMs ?? SWEEP_GRACE_MS));
  const limit = options.batch ?? SWEEP_BATCH;
  let examined = 0;
  let removed = 0;
  for (let after: BodyId | null = null; !signal?.aborted; ) {
    const files = await database.bodyFiles
      .find(after === null ? {} : { _id: { $gt: after } }, {
        sort: { _id: 1 },
        limit,
        projection: { uploadDate: 1, metadata: 1 },
      })
      .toArray();
    const last = files.at(-1);
    if (last === undefined) break;
    after = last._id;
    const old = files.filter(({ uploadDate, metadata }) => uploadDate < cutoff && !(metadata.touchedAt! >= cutoff));
    examined += old.length;
    const referred = await referredOf(
      database,
      old.map((file) => file._id),
    );
    for (const { _id, metadata } of old) {
      if (referred.has(_id)) continue;
      if (await removeBody(database, _id, metadata.sha256, cutoff, now)) removed++;
    }
  }
  const unfinished = await sweepUnfinished(database, cutoff, signal);
  if (removed + unfinished > 0) log.info({ examined, removed, unfinished }, 'unreferenced bodies removed');
  return { examined, removed, unfinished };
}

/** Which of the bodies something refers to. The order of the questions is the promise: see above. */
async function referredOf(database: Database, ids: readonly BodyId[]): Promise<Set<BodyId>> {
  const found = new Set<BodyId>();
  if (ids.length === 0) return found;
  for (const rows of ['queue', 'uploads', 'messages'] as const) {
    const asked = ids.filter((id) => !found.has(id));
    if (asked.length === 0) break;
    // A queue row that is done refers to nothing any more: its `due` is gone.
    const filter = { 'body.id': { $in: asked }, ...(rows === 'queue' && { due: { $exists: true } }) };
    const referring = database.db
      .collection<{ readonly body: { readonly id: BodyId } }>(database[rows].collectionName)
      .find(filter, { projection: { _id: 0, 'body.id': 1 }, readConcern: { level: 'snapshot' } });
    for await (const { body } of referring) found.add(body.id);
  }
  return found;
}

/** False: somebody has touched it meanwhile. */
async function removeBody(database: Database, body: BodyId, sha256: string, cutoff: Date, now: Date): Promise<boolean> {
  // From here on the chunks are found again, whatever happens.
  await database.bodyUnfinished.updateOne({ _id: body }, { $setOnInsert: { at: now, sha256 } }, { upsert: true });
  const gone = await database.bodyFiles.deleteOne({
    _id: body,
    uploadDate: { $lt: cutoff },
    'metadata.touchedAt': { $not: { $gte: cutoff } },
  });
  // Touched, or being removed by another sweep that may yet need the mark: a later round takes it away.
  if (gone.deletedCount === 0) return false;
  await removeOctets(database, body, sha256);
  return true;
}

async function removeOctets(database: Database, body: BodyId, sha256: string | undefined): Promise<void> {
  if (sha256 !== undefined) await database.bodyAddresses.deleteOne({ _id: sha256, body });
  await database.bodyChunks.deleteMany({ files_id: body });
  await database.bodyUnfinished.deleteOne({ _id: body });
}

/** Chunks without a files document, of uploads that broke off and removals that were interrupted. */
async function sweepUnfinished(database: Database, cutoff: Date, signal: AbortSignal | undefined): Promise<number> {
  let removed = 0;
  const old = database.bodyUnfinished.find({ at: { $lt: cutoff } }, { sort: { at: 1 } });
  for await (const { _id, sha256 } of old) {
    if (signal?.aborted) break;
    if ((await database.bodyFiles.findOne({ _id }, { projection: { _id: 1 } })) === null) {
      await removeOctets(database, _id, sha256);
      removed++;
    } else {
      // It was finished, or touched: only the mark stayed behind.
      await database.bodyUnfinished.deleteOne({ _id });
    }
  }
  return removed;
}
