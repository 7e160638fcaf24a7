/**
 * Small bodies: GridFS documents that are written by the transaction that refers to them, so that there is one journal flush in all and
 * never a row without its octets (P1).
 *
 * Promise: the same staged body may go into several transactions (two recipients of one LMTP message, a retried group): it is stored once.
 * Failure: an insert that collides with the same body committed meanwhile is labelled transient, and the retry of the transaction passes.
 */
import { Binary, type ClientSession, MongoServerError, ObjectId } from 'mongodb';
import type { StagedBody } from '../model.ts';
import type { Database } from '../mongo/database.ts';
import { type BodyChunkRow, type BodyFileRow, CHUNK_BYTES } from '../mongo/documents.ts';

/** Staged bodies that some transaction has tried to write already: from then on they may exist. */
const offered = new WeakSet<StagedBody>();

/** The GridFS documents of a small body; throws for a large one, which is durable already. An empty body has no chunk. */
export function smallBodyDocuments(
  staged: StagedBody,
  now: Date,
): { readonly file: BodyFileRow; readonly chunk: BodyChunkRow | null } {
  const { octets, ref, sha256 } = staged;
  if (octets === undefined || octets.length !== ref.size || octets.length > CHUNK_BYTES) {
    throw new Error(`body ${ref.id} is not a small body`);
  }
  return {
    file: { _id: ref.id, length: ref.size, chunkSize: CHUNK_BYTES, uploadDate: now, metadata: { sha256 } },
    chunk: octets.length === 0 ? null : { _id: new ObjectId(), files_id: ref.id, n: 0, data: new Binary(octets) },
  };
}

/**
 * Writes those of `staged` that are small and not yet known to be stored, in two inserts, inside the caller's transaction.
 * To be called with everything the transaction will refer to; large bodies are passed over.
 */
export async function insertSmallBodies(
  database: Pick<Database, 'bodyFiles' | 'bodyChunks'>,
  session: ClientSession,
  staged: Iterable<StagedBody>,
  now: Date,
): Promise<void> {
  const fresh = new Map<string, StagedBody>();
  const again = new Map<string, StagedBody>();
  for (const body of staged) {
    if (body.octets !== undefined) (offered.has(body) ? again : fresh).set(body.ref.id, body);
  }
  if (again.size > 0) {
    const ids = [...again.values()].map((body) => body.ref.id);
    const stored = await database.bodyFiles.find({ _id: { $in: ids } }, { session, projection: { _id: 1 } }).toArray();
    for (const { _id } of stored) again.delete(_id);
  }
  const files: BodyFileRow[] = [];
  const chunks: BodyChunkRow[] = [];
  for (const body of new Map([...fresh, ...again]).values()) {
    const { file, chunk } = smallBodyDocuments(body, now);
    offered.add(body);
    files.push(file);
    if (chunk) chunks.push(chunk);
  }
  if (files.length === 0) return;
  try {
    await database.bodyFiles.insertMany(files, { session });
    if (chunks.length > 0) await database.bodyChunks.insertMany(chunks, { session });
  } catch (error) {
    // Another transaction with the same staged body was faster: the next try finds it stored.
    if (error instanceof MongoServerError && error.code === DUPLICATE_KEY)
      error.addErrorLabel('TransientTransactionError');
    throw error;
  }
}
const DUPLICATE_KEY = 11000;
