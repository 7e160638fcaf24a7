/**
 * Writes the chunks of one large body as its octets arrive, a few inserts under way at once, so that memory holds about 2 MB of it.
 *
 * Promise: before the first chunk an `unfinished` row names the id, so that whatever stays behind after a crash is found by the sweep; `discard`
 * removes the chunks at once. Every insert is of majority and journaled: the files document, written last, must never outlive a chunk.
 */
import { Binary, ObjectId } from 'mongodb';
import type { BodyId } from '../../mail/ids.ts';
import type { Database } from '../mongo/database.ts';
import { type BodyChunkRow, CHUNK_BYTES } from '../mongo/documents.ts';
import { CHUNKS_PER_WRITE, WRITES_IN_FLIGHT } from './body-limits.ts';

export class ChunkWriter {
  readonly #database: Pick<Database, 'bodyChunks' | 'bodyUnfinished'>;
  readonly #id: BodyId;
  readonly #inFlight = new Set<Promise<void>>();
  readonly #marked: Promise<void>;
  #failure: { readonly cause: unknown } | null = null;
  #chunk: Buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  #filled = 0;
  #full: Buffer[] = [];
  /** Buffers whose octets are stored, to be filled again: fresh ones would pile up until the garbage collector comes by. */
  readonly #spare: Buffer[] = [];
  #next = 0;

  constructor(database: Pick<Database, 'bodyChunks' | 'bodyUnfinished'>, id: BodyId, now: Date) {
    this.#database = database;
    this.#id = id;
    this.#marked = database.bodyUnfinished.insertOne({ _id: id, at: now }).then(
      () => undefined,
      (cause: unknown) => {
        this.#failure ??= { cause };
      },
    );
  }

  /** Copies the octets; resolves when there is room for more. Throws when a write failed. */
  async write(octets: Buffer): Promise<void> {
    for (let at = 0; at < octets.length; ) {
      const taken = octets.copy(this.#chunk, this.#filled, at);
      this.#filled += taken;
      at += taken;
      if (this.#filled < CHUNK_BYTES) continue;
      this.#closeChunk();
      if (this.#full.length >= CHUNKS_PER_WRITE) await this.#send();
    }
  }

  /** Resolves when every chunk is durable. */
  async finish(): Promise<void> {
    if (this.#filled > 0) this.#closeChunk();
    if (this.#full.length > 0) await this.#send();
    await Promise.all(this.#inFlight);
    this.#throwFailure();
  }

  /** Removes what was written; rejects when that can't be done now, and the sweep does it later. */
  async discard(): Promise<void> {
    this.#full = [];
    await this.#marked;
    await Promise.all(this.#inFlight);
    await this.#database.bodyChunks.deleteMany({ files_id: this.#id });
    await this.#database.bodyUnfinished.deleteOne({ _id: this.#id });
  }

  #closeChunk(): void {
    this.#full.push(this.#chunk.subarray(0, this.#filled));
    this.#chunk = this.#spare.pop() ?? Buffer.allocUnsafeSlow(CHUNK_BYTES);
    this.#filled = 0;
  }

  async #send(): Promise<void> {
    await this.#marked;
    while (this.#inFlight.size >= WRITES_IN_FLIGHT) await Promise.race(this.#inFlight);
    this.#throwFailure();
    const full = this.#full;
    this.#full = [];
    const rows: BodyChunkRow[] = full.map((octets) => ({
      _id: new ObjectId(),
      files_id: this.#id,
      n: this.#next++,
      data: new Binary(octets),
    }));
    const write = this.#database.bodyChunks.insertMany(rows).then(
      () => {
        for (const octets of full) if (octets.length === CHUNK_BYTES) this.#spare.push(octets);
      },
      (cause: unknown) => {
        this.#failure ??= { cause };
      },
    );
    const tracked = write.finally(() => this.#inFlight.delete(tracked));
    this.#inFlight.add(tracked);
  }

  #throwFailure(): void {
    if (this.#failure) throw this.#failure.cause;
  }
}
