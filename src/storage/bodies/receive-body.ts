/**
 * Takes the octets of a body in, once: hash, index and storage see the same chunks as they pass.
 *
 * Promise: a small body is handed back in memory for its transaction; a large one is durable on return (files document last, at majority) and,
 * when equal octets were there already, is that older body. Failure: Refusal 'tooLarge' as soon as the limit is passed, whatever the source throws,
 * or the database's error; the chunks written so far are removed, or left to the sweep when that fails. The source is closed
 * (`return()`) when it isn't read to its end. Memory: one small body or about 3 MB.
 */
import { createHash } from 'node:crypto';
import { MongoServerError } from 'mongodb';
import { MessageIndexer } from '../../mail/format/message-indexer.ts';
import { type BodyId, bucketOf, newBodyId, newBucket } from '../../mail/ids.ts';
import { Refusal } from '../../mail/refusal.ts';
import type { Clock } from '../../server/clock.ts';
import type { Log } from '../../server/log.ts';
import type { ReceiveOptions } from '../mail-store.ts';
import type { StagedBody } from '../model.ts';
import type { Database } from '../mongo/database.ts';
import { CHUNK_BYTES } from '../mongo/documents.ts';
import { ChunkWriter } from './chunk-writer.ts';
import { touchBody } from './touch-body.ts';

export interface ReceiveContext {
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Log;
  /** At most one chunk. */
  readonly smallBodyBytes: number;
}

export async function receiveBody(
  context: ReceiveContext,
  source: AsyncIterable<Buffer>,
  options: ReceiveOptions,
): Promise<StagedBody> {
  const now = context.clock.now();
  const id = newBodyId(options.near === undefined ? newBucket() : bucketOf(options.near), now.getTime());
  const hash = createHash('sha256');
  const indexer = new MessageIndexer();
  let size = 0;
  let held: Buffer[] = [];
  let writer: ChunkWriter | null = null;

  const take = async (octets: Buffer): Promise<void> => {
    size += octets.length;
    if (size > options.maxBytes) throw new Refusal('tooLarge', `larger than ${options.maxBytes} octets`);
    hash.update(octets);
    indexer.push(octets);
    if (writer !== null) return writer.write(octets);
    // The source may use its buffer again as soon as it is asked for more.
    held.push(Buffer.from(octets));
    if (size <= context.smallBodyBytes) return;
    writer = new ChunkWriter(context.database, id, now);
    const early = held;
    held = [];
    for (const piece of early) await writer.write(piece);
  };

  try {
    if (options.head !== undefined && options.head.length > 0) await take(options.head);
    for await (const octets of source) if (octets.length > 0) await take(octets);
    const index = indexer.finish();
    const sha256 = hash.digest('hex');
    const finished = writer as ChunkWriter | null;
    if (finished === null) return { ref: { id, size }, index, sha256, octets: Buffer.concat(held, size) };
    const body = await keepLarge(context, finished, { id, size, sha256 });
    return { ref: { id: body, size }, index, sha256 };
  } catch (error) {
    const abandoned = writer as ChunkWriter | null;
    if (abandoned !== null) discardSoon(context, abandoned, id);
    throw error;
  }
}

/** Makes the files document, last, or finds that equal octets are stored already; the body to refer to. */
async function keepLarge(
  context: ReceiveContext,
  writer: ChunkWriter,
  own: { readonly id: BodyId; readonly size: number; readonly sha256: string },
): Promise<BodyId> {
  const { database, clock } = context;
  const { id, size, sha256 } = own;
  const claimed = await database.bodyAddresses.findOne({ _id: sha256 });
  if (claimed !== null && claimed.size === size && (await touchBody(database, claimed.body, clock.now())) !== null) {
    discardSoon(context, writer, id);
    return claimed.body;
  }
  await writer.finish();
  await database.bodyFiles.insertOne({
    _id: id,
    length: size,
    chunkSize: CHUNK_BYTES,
    uploadDate: clock.now(),
    metadata: { sha256 },
  });
  // From here the body stands by itself. The address is a convenience: two equal uploads at the same time may both be kept.
  await claimAddress(database, { _id: sha256, body: id, size }, claimed?.body ?? null);
  await database.bodyUnfinished.deleteOne({ _id: id });
  return id;
}

/** A free address is taken; one whose body the sweep has removed meanwhile is taken over. */
async function claimAddress(
  database: Database,
  row: { readonly _id: string; readonly body: BodyId; readonly size: number },
  gone: BodyId | null,
): Promise<void> {
  if (gone !== null) {
    const taken = await database.bodyAddresses.updateOne({ _id: row._id, body: gone }, { $set: { body: row.body } });
    if (taken.matchedCount > 0) return;
  }
  try {
    await database.bodyAddresses.insertOne(row);
  } catch (error) {
    if (!(error instanceof MongoServerError && error.code === DUPLICATE_KEY)) throw error;
  }
}
const DUPLICATE_KEY = 11000;

/** Nobody waits for the removal: the peer is answered at once. */
function discardSoon(context: ReceiveContext, writer: ChunkWriter, id: BodyId): void {
  writer.discard().catch((cause: unknown) => {
    context.log.warn({ body: id, cause }, 'chunks of an abandoned upload stay until the next sweep');
  });
}
