/**
 * A small staged body as the GridFS documents that travel inside the transaction that makes it durable (P1: one journal flush for message and body).
 */
import { Binary, ObjectId } from 'mongodb';
import type { StagedBody } from '../model.ts';
import { type BodyChunkRow, type BodyFileRow, CHUNK_BYTES } from './documents.ts';

export interface BodyRows {
  readonly file: BodyFileRow;
  readonly chunks: readonly BodyChunkRow[];
}

/** Null when the body is durable already. */
export function bodyRowsOf(staged: StagedBody, at: Date): BodyRows | null {
  const { octets, ref, sha256 } = staged;
  if (octets === undefined) return null;
  const chunks: BodyChunkRow[] = [];
  for (let n = 0; n * CHUNK_BYTES < octets.length; n++) {
    const data = octets.subarray(n * CHUNK_BYTES, (n + 1) * CHUNK_BYTES);
    chunks.push({ _id: new ObjectId(), files_id: ref.id, n, data: new Binary(data) });
  }
  const file = { _id: ref.id, length: octets.length, chunkSize: CHUNK_BYTES, uploadDate: at, metadata: { sha256 } };
  return { file, chunks };
}
