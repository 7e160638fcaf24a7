/**
 * Deliveries whose answer the client has seen: their dedupe keys are taken off the messages, in one write for an account and a moment. Until that is
 * written a delivery under the same key waits for it. What can't be written is written with the next; `close` writes what is left.
 */
import type { AccountId } from '../../mail/ids.ts';
import type { Clock } from '../../server/clock.ts';
import type { Log } from '../../server/log.ts';

export type ForgetKeys = (account: AccountId, keys: readonly string[]) => Promise<void>;

const FORGET_DELAY_MS = 200;
/** Keys that wait at most; beyond it the oldest stay on their messages. */
const MAX_WAITING = 10_000;

export class SeenAnswers {
  readonly #forget: ForgetKeys;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #waiting = new Map<string, AccountId>();
  readonly #end = new AbortController();
  #soon: Promise<void> | null = null;
  #writing: Promise<void> = Promise.resolve();

  constructor(forget: ForgetKeys, clock: Clock, log: Log) {
    this.#forget = forget;
    this.#clock = clock;
    this.#log = log;
  }

  add(account: AccountId, key: string): void {
    this.#waiting.set(key, account);
    if (this.#waiting.size > MAX_WAITING) this.#waiting.delete(this.#waiting.keys().next().value!);
    this.#soon ??= this.#clock
      .wait(FORGET_DELAY_MS, this.#end.signal)
      .catch(() => undefined)
      .then(() => {
        this.#soon = null;
        return this.#write();
      });
  }

  /** Before a delivery under `key`. */
  async settle(key: string): Promise<void> {
    if (this.#waiting.has(key)) await this.#write();
  }

  async close(): Promise<void> {
    this.#end.abort();
    await this.#soon;
    await this.#write();
  }

  /** One at a time, so that whoever waits for it knows that its key is done. */
  #write(): Promise<void> {
    this.#writing = this.#writing.then(() => this.#writeNow());
    return this.#writing;
  }

  async #writeNow(): Promise<void> {
    const byAccount = new Map<AccountId, string[]>();
    for (const [key, account] of this.#waiting) byAccount.set(account, [...(byAccount.get(account) ?? []), key]);
    for (const [account, keys] of byAccount) {
      try {
        await this.#forget(account, keys);
        for (const key of keys) this.#waiting.delete(key);
      } catch (cause) {
        this.#log.warn({ account, cause }, 'seen answers not written yet');
      }
    }
  }
}
