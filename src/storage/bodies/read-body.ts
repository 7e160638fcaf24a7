/**
 * Reads octets back, by chunk number alone: the reference carries the size, so the files document is never asked.
 *
 * Promise: exactly the octets of the range, in order, or an error: a missing chunk or one of the wrong length is never passed over.
 * Memory: the chunks of one batch (1 MB).
 */
import type { BodyId } from '../../mail/ids.ts';
import type { BodyRef } from '../model.ts';
import type { Database } from '../mongo/database.ts';
import { CHUNK_BYTES } from '../mongo/documents.ts';
import { orUnavailable } from '../mongo/transaction.ts';
import { CHUNKS_PER_READ, chunkCount, MAX_BATCH_BODY_BYTES, MAX_BATCH_BYTES } from './body-limits.ts';

/** The octets from <= n < to, in pieces of at most a chunk. A range that leaves the body is cut to it. */
export async function* readChunks(
  database: Pick<Database, 'bodyChunks'>,
  body: BodyRef,
  range: { readonly from: number; readonly to: number },
): AsyncGenerator<Buffer, void, undefined> {
  const from = Math.max(0, range.from);
  const to = Math.min(body.size, range.to);
  if (from >= to) return;
  const first = Math.floor(from / CHUNK_BYTES);
  const last = chunkCount(to) - 1;
  let next = first;
  while (next <= last) {
    const until = Math.min(last, next + CHUNKS_PER_READ - 1);
    const numbers = { $gte: next, $lte: until };
    const rows = await orUnavailable(() =>
      database.bodyChunks
        .find(
          { files_id: body.id, n: numbers },
          { projection: { _id: 0, n: 1, data: 1 }, sort: { n: 1 }, promoteBuffers: true, singleBatch: true },
        )
        .toArray(),
    );
    if (rows.length !== until - next + 1) throw new Error(`body ${body.id}: chunk ${next + rows.length} is missing`);
    for (const row of rows) {
      const start = next * CHUNK_BYTES;
      const octets = checkedChunk(body, next, row);
      yield octets.subarray(Math.max(0, from - start), Math.min(octets.length, to - start));
      next++;
    }
  }
}

/** The bodies that are small enough, whole, in one find. */
export async function readWhole(
  database: Pick<Database, 'bodyChunks'>,
  bodies: readonly BodyRef[],
): Promise<Map<BodyId, Buffer>> {
  const found = new Map<BodyId, Buffer>();
  const wanted = new Map<BodyId, BodyRef>();
  let total = 0;
  for (const body of bodies) {
    if (body.size === 0) found.set(body.id, Buffer.alloc(0));
    else if (body.size <= MAX_BATCH_BODY_BYTES && total + body.size <= MAX_BATCH_BYTES && !wanted.has(body.id)) {
      wanted.set(body.id, body);
      total += body.size;
    }
  }
  if (wanted.size === 0) return found;
  const rows = await database.bodyChunks
    .find(
      { files_id: { $in: [...wanted.keys()] }, n: 0 },
      { projection: { _id: 0, files_id: 1, n: 1, data: 1 }, promoteBuffers: true, batchSize: wanted.size + 1 },
    )
    .toArray();
  for (const row of rows) found.set(row.files_id, checkedChunk(wanted.get(row.files_id)!, 0, row));
  for (const body of wanted.values()) if (!found.has(body.id)) throw new Error(`body ${body.id}: chunk 0 is missing`);
  return found;
}

/** With `promoteBuffers` the driver gives a Buffer where the type says Binary. */
function checkedChunk(body: BodyRef, n: number, row: { readonly n: number; readonly data: unknown }): Buffer {
  const octets = row.data as Buffer;
  const expected = Math.min(CHUNK_BYTES, body.size - n * CHUNK_BYTES);
  if (row.n !== n || octets.length !== expected) {
    throw new Error(`body ${body.id}: chunk ${n} has ${octets.length} octets, not ${expected}`);
  }
  return octets;
}
