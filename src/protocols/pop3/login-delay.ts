/**
 * LOGIN-DELAY (RFC 2449 §6.5): the least time between two logins to one drop, for installations whose clients ask too often. In this process
 * alone: it protects its work, not a secret. Memory is bounded, the oldest go first.
 */
import { LRUCache } from 'lru-cache';
import type { AccountId } from '../../mail/ids.ts';
import type { Clock } from '../../server/clock.ts';

const MAX_ACCOUNTS = 50_000;

export class LoginDelay {
  readonly #delayMs: number;
  readonly #clock: Clock;
  readonly #lastMs = new LRUCache<AccountId, number>({ max: MAX_ACCOUNTS });

  constructor(delayMs: number, clock: Clock) {
    this.#delayMs = delayMs;
    this.#clock = clock;
  }

  /** Whether the account may log in now. */
  isOver(account: AccountId): boolean {
    const lastMs = this.#lastMs.get(account);
    return lastMs === undefined || this.#clock.now().getTime() - lastMs >= this.#delayMs;
  }

  noteLogin(account: AccountId): void {
    if (this.#delayMs > 0) this.#lastMs.set(account, this.#clock.now().getTime());
  }
}
