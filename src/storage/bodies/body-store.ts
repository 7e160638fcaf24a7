/**
 * The bodies room as the rest of storage uses it: receive, read, touch. GridFS layout, one bucket 'bodies'.
 */
import type { BodyId } from '../../mail/ids.ts';
import type { Clock } from '../../server/clock.ts';
import type { Log } from '../../server/log.ts';
import type { ReceiveOptions } from '../mail-store.ts';
import type { BodyRef, StagedBody } from '../model.ts';
import type { Database } from '../mongo/database.ts';
import { type BodyMetadata, CHUNK_BYTES } from '../mongo/documents.ts';
import { orUnavailable } from '../mongo/transaction.ts';
import { BodyCache } from './body-cache.ts';
import { CACHE_BYTES, SMALL_BODY_BYTES } from './body-limits.ts';
import { readChunks, readWhole } from './read-body.ts';
import { receiveBody } from './receive-body.ts';
import { touchBody } from './touch-body.ts';

export interface BodyStoreOptions {
  /** A body up to here travels inside its transaction. At most 255 KiB. */
  readonly smallBodyBytes?: number;
  /** Octets of small bodies that the process remembers; 0: none. */
  readonly cacheBytes?: number;
}

export class BodyStore {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #smallBodyBytes: number;
  readonly #cache: BodyCache;

  constructor(database: Database, clock: Clock, log: Log, options: BodyStoreOptions = {}) {
    this.#database = database;
    this.#clock = clock;
    this.#log = log;
    this.#smallBodyBytes = Math.min(options.smallBodyBytes ?? SMALL_BODY_BYTES, CHUNK_BYTES);
    this.#cache = new BodyCache(options.cacheBytes ?? CACHE_BYTES);
  }

  /** MailStore.receiveBody. */
  async receive(source: AsyncIterable<Buffer>, options: ReceiveOptions): Promise<StagedBody> {
    const context = {
      database: this.#database,
      clock: this.#clock,
      log: this.#log,
      smallBodyBytes: this.#smallBodyBytes,
    };
    const staged = await orUnavailable(() => receiveBody(context, source, options));
    if (staged.octets !== undefined) this.#cache.put(staged.ref.id, staged.octets);
    return staged;
  }

  /** MailStore.readBody. */
  async *read(
    body: BodyRef,
    range: { readonly from: number; readonly to: number } = { from: 0, to: body.size },
  ): AsyncGenerator<Buffer, void, undefined> {
    const cached = this.#cache.get(body.id);
    if (cached !== undefined) {
      const octets = cached.subarray(Math.max(0, range.from), Math.max(0, range.to));
      if (octets.length > 0) yield octets;
      return;
    }
    if (body.size > this.#smallBodyBytes) return yield* readChunks(this.#database, body, range);
    // A small body is read whole: whoever takes its head takes its text next.
    const octets = (await this.readWhole([body])).get(body.id)!;
    const piece = octets.subarray(Math.max(0, range.from), Math.max(0, range.to));
    if (piece.length > 0) yield piece;
  }

  /** MailStore.readBodies. */
  async readWhole(bodies: readonly BodyRef[]): Promise<Map<BodyId, Buffer>> {
    const found = new Map<BodyId, Buffer>();
    const wanted: BodyRef[] = [];
    for (const body of bodies) {
      const cached = this.#cache.get(body.id);
      if (cached === undefined) wanted.push(body);
      else found.set(body.id, cached);
    }
    for (const [id, octets] of await orUnavailable(() => readWhole(this.#database, wanted))) {
      found.set(id, octets);
      // A copy: what the driver gives is a piece of the whole answer and would keep all of it alive.
      if (octets.length <= this.#smallBodyBytes) this.#cache.put(id, Buffer.from(octets));
    }
    return found;
  }

  /** See touchBody. Null: the body is gone. */
  touch(body: BodyId): Promise<BodyMetadata | null> {
    return touchBody(this.#database, body, this.#clock.now());
  }
}
