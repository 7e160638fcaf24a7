/**
 * Sizes of the bodies room. The chunk size is part of the record: a reader finds a chunk by arithmetic, without asking the files document.
 */
import { CHUNK_BYTES } from '../mongo/documents.ts';

/** A body up to here travels inside the transaction that makes it durable. */
export const SMALL_BODY_BYTES = 64 * 1024;
/** `readBodies` fetches bodies of at most one chunk. */
export const MAX_BATCH_BODY_BYTES = CHUNK_BYTES;
/** And at most so many octets in one call; the rest is left out like the large ones. */
export const MAX_BATCH_BYTES = 16 * 1024 * 1024;
/** Octets of small bodies that a process remembers. */
export const CACHE_BYTES = 16 * 1024 * 1024;
/** Chunks of one insert, and inserts of one upload under way at once: 1.5 MB of a large body in memory, and as much again being filled. */
export const CHUNKS_PER_WRITE = 2;
export const WRITES_IN_FLIGHT = 3;
/** Chunks a reader asks for at once. */
export const CHUNKS_PER_READ = 4;
/** A body that nothing refers to is kept so long: whoever is about to refer to it has this much time. */
export const SWEEP_GRACE_MS = 24 * 3600_000;
/** Bodies looked at together by the sweep. */
export const SWEEP_BATCH = 1_000;

export const chunkCount = (size: number): number => Math.ceil(size / CHUNK_BYTES);
