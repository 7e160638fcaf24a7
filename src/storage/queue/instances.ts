/**
 * Which processes that take mail in are alive: each writes the time of the database into a row of its own every few seconds. A row that is old, or gone,
 * belonged to a process whose connections are broken (P2 asks for it). The clock is MongoDB's, so that hosts needn't agree on the time.
 */
import { randomBytes } from 'node:crypto';
import type { Clock } from '../../server/clock.ts';
import type { Log } from '../../server/log.ts';
import type { Database } from '../mongo/database.ts';
import { orUnavailable } from '../mongo/transaction.ts';

export const BEAT_MS = 5_000;
/** Three beats missed, and some patience. */
export const ALIVE_MS = 20_000;

export class Instances {
  /** Names this process in the rows that it writes. */
  readonly own = `instance:${randomBytes(9).toString('base64url')}`;
  readonly #database: Pick<Database, 'meta'>;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #end = new AbortController();
  #beating: Promise<void> | null = null;

  constructor(database: Pick<Database, 'meta'>, clock: Clock, log: Log) {
    this.#database = database;
    this.#clock = clock;
    this.#log = log;
  }

  /** Resolves when the first beat is written: before anything is written under `own`. Later calls cost nothing. */
  async begin(): Promise<void> {
    if (this.#beating !== null) return;
    await orUnavailable(() => this.#beat());
    this.#beating ??= this.#go();
  }

  /** Whether a process was there within `ALIVE_MS`. */
  async isAlive(instance: string): Promise<boolean> {
    const $expr = { $gt: ['$seenAt', { $subtract: ['$$NOW', ALIVE_MS] }] };
    const row = await orUnavailable(() =>
      this.#database.meta.findOne({ _id: instance, $expr }, { projection: { _id: 1 } }),
    );
    return row !== null;
  }

  /** From here on this process counts as gone. */
  async close(): Promise<void> {
    this.#end.abort();
    if (this.#beating === null) return;
    await this.#beating;
    await this.#database.meta.deleteOne({ _id: this.own }).catch((cause: unknown) => {
      this.#log.debug({ cause }, 'the sign of life stays until it is old');
    });
  }

  async #go(): Promise<void> {
    for (;;) {
      try {
        await this.#clock.wait(BEAT_MS, this.#end.signal);
      } catch {
        return;
      }
      await this.#beat().catch((cause: unknown) => this.#log.debug({ cause }, 'no sign of life could be written'));
    }
  }

  async #beat(): Promise<void> {
    await this.#database.meta.updateOne({ _id: this.own }, [{ $set: { seenAt: '$$NOW' } }], { upsert: true });
  }
}
