/**
 * What one process does for all from time to time: the sweep of bodies, the end of removals that were interrupted.
 *
 * Each chore runs in the process that takes its turn first, by compare-and-set on its row of `meta`. A turn that dies with its process comes again after the
 * interval. Every chore may be interrupted and repeated.
 */
import { MongoServerError } from 'mongodb';
import type { Clock } from '../server/clock.ts';
import type { Log } from '../server/log.ts';
import type { Database } from './mongo/database.ts';

export interface Chore {
  readonly name: string;
  readonly intervalMs: number;
  run(signal: AbortSignal): Promise<unknown>;
}

/** How often each process looks whose turn it is; the first time after one such while. */
export const CHORE_LOOK_MS = 10 * 60_000;
const DUPLICATE_KEY = 11000;

export class Chores {
  readonly #database: Pick<Database, 'meta'>;
  readonly #chores: readonly Chore[];
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #end = new AbortController();
  readonly #loop: Promise<void>;

  /** Begins at once. */
  constructor(database: Pick<Database, 'meta'>, chores: readonly Chore[], clock: Clock, log: Log) {
    this.#database = database;
    this.#chores = chores;
    this.#clock = clock;
    this.#log = log;
    this.#loop = this.#run();
  }

  /** Interrupts what runs and waits for it. */
  async close(): Promise<void> {
    this.#end.abort();
    await this.#loop;
  }

  async #run(): Promise<void> {
    for (;;) {
      try {
        await this.#clock.wait(CHORE_LOOK_MS, this.#end.signal);
      } catch {
        return; // closing
      }
      for (const chore of this.#chores) {
        if (this.#end.signal.aborted) return;
        try {
          if (await this.#takeTurn(chore)) await chore.run(this.#end.signal);
        } catch (cause) {
          this.#log.warn({ chore: chore.name, cause }, 'a chore was not finished, again at its next turn');
        }
      }
    }
  }

  async #takeTurn(chore: Chore): Promise<boolean> {
    const now = this.#clock.now();
    const before = new Date(now.getTime() - chore.intervalMs);
    try {
      const done = await this.#database.meta.updateOne(
        { _id: `chore:${chore.name}`, at: { $lt: before } },
        { $set: { at: now, version: 0 } },
        { upsert: true },
      );
      return done.modifiedCount + done.upsertedCount > 0;
    } catch (error) {
      // The row is there and young: somebody else had the turn.
      if (error instanceof MongoServerError && error.code === DUPLICATE_KEY) return false;
      throw error;
    }
  }
}
