/** How many of a kind one account may have running in this process (RFC 8620 §2 maxConcurrentRequests, maxConcurrentUpload). */
import type { AccountId } from '../../mail/ids.ts';
import { RequestError } from './problem.ts';

export class ConcurrencyLimit {
  readonly #max: number;
  readonly #limit: string;
  readonly #running = new Map<AccountId, number>();

  constructor(max: number, limit: string) {
    this.#max = max;
    this.#limit = limit;
  }

  /** RequestError `limit` at once when the account has its number running. */
  async run<T>(account: AccountId, act: () => Promise<T>): Promise<T> {
    const running = this.#running.get(account) ?? 0;
    if (running >= this.#max) {
      throw new RequestError('limit', `At most ${this.#max} at a time.`, { limit: this.#limit });
    }
    this.#running.set(account, running + 1);
    try {
      return await act();
    } finally {
      const left = this.#running.get(account)! - 1;
      if (left === 0) this.#running.delete(account);
      else this.#running.set(account, left);
    }
  }
}
