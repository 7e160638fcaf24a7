/**
 * Confirmed receptions (P2): the digest by which a resend would be recognised is taken off the row, in one write for all that were confirmed within a
 * moment. What can't be written stays here and is written later; `close` writes what is left.
 */
import type { QueueId } from '../../mail/ids.ts';
import type { Clock } from '../../server/clock.ts';
import type { Log } from '../../server/log.ts';
import type { Database } from '../mongo/database.ts';

export const CONFIRM_DELAY_MS = 200;
const RETRY_MS = 2_000;
const MAX_PER_WRITE = 1_000;

export class Confirmations {
  readonly #database: Pick<Database, 'queue'>;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #waiting = new Set<QueueId>();
  readonly #end = new AbortController();
  #writing: Promise<void> | null = null;

  constructor(database: Pick<Database, 'queue'>, clock: Clock, log: Log) {
    this.#database = database;
    this.#clock = clock;
    this.#log = log;
  }

  /** Confirmed here, though perhaps not yet in the record. */
  has(id: QueueId): boolean {
    return this.#waiting.has(id);
  }

  add(id: QueueId): void {
    this.#waiting.add(id);
    this.#writing ??= this.#writeSoon().finally(() => {
      this.#writing = null;
    });
  }

  /** Writes what is left, once. */
  async close(): Promise<void> {
    this.#end.abort();
    await this.#writing;
    await this.#write().catch((cause: unknown) => {
      this.#log.warn({ cause, entries: this.#waiting.size }, 'confirmed receptions stay marked as unconfirmed');
    });
  }

  async #writeSoon(): Promise<void> {
    let delayMs = CONFIRM_DELAY_MS;
    while (this.#waiting.size > 0) {
      try {
        await this.#clock.wait(delayMs, this.#end.signal);
      } catch {
        return; // closing: `close` writes
      }
      try {
        await this.#write();
      } catch (cause) {
        this.#log.warn({ cause, entries: this.#waiting.size }, 'confirmed receptions not written yet');
        delayMs = RETRY_MS;
      }
    }
  }

  async #write(): Promise<void> {
    while (this.#waiting.size > 0) {
      const ids = [...this.#waiting].slice(0, MAX_PER_WRITE);
      await this.#database.queue.updateMany(
        { _id: { $in: ids } },
        { $unset: { resendDigest: 1, receivedBy: 1, isLost: 1 } },
      );
      for (const id of ids) this.#waiting.delete(id);
    }
  }
}
