/**
 * Slows down who guesses passwords, across all protocols: each failure of a user from an address makes the next answer wait longer, and too
 * many from one address or of one pair are turned away unheard. A success forgets the pair's failures, not the address's.
 *
 * Memory is bounded: the oldest entries go first. In this process alone; LoginBrake is the interface for a shared one.
 * A user can't be locked out by strangers: nothing is counted by user alone.
 */
import { LRUCache } from 'lru-cache';
import { Deferral } from '../../mail/refusal.ts';
import type { Clock } from '../../server/clock.ts';
import { networkOf } from '../stream/network-of.ts';

export interface LoginAttempt {
  readonly remoteAddress: string;
  /** As the client sent it. */
  readonly user: string;
}

export interface LoginBrake {
  /** Before the password is looked at. Deferral 'limited' when there were too many failures. */
  admit(attempt: LoginAttempt): Promise<void>;
  /** Notes a failure; resolves when the answer may be given. */
  failed(attempt: LoginAttempt, signal?: AbortSignal): Promise<void>;
  succeeded(attempt: LoginAttempt): Promise<void>;
}

export interface LoginBrakeLimits {
  /** Failures of one user from one address within the window. */
  readonly maxPairFailures: number;
  /** Failures from one address within the window, whoever it says it is. */
  readonly maxAddressFailures: number;
  readonly windowMs: number;
  /** Of the first failure; doubled by each further one. */
  readonly firstDelayMs: number;
  readonly maxDelayMs: number;
  readonly maxEntries: number;
}
export const LOGIN_BRAKE_LIMITS: LoginBrakeLimits = {
  maxPairFailures: 10,
  maxAddressFailures: 100,
  windowMs: 15 * 60_000,
  firstDelayMs: 250,
  maxDelayMs: 5_000,
  maxEntries: 20_000,
};

interface Failures {
  count: number;
  lastMs: number;
}

export class LocalLoginBrake implements LoginBrake {
  readonly #clock: Clock;
  readonly #limits: LoginBrakeLimits;
  readonly #failures: LRUCache<string, Failures>;

  constructor(clock: Clock, limits: LoginBrakeLimits = LOGIN_BRAKE_LIMITS) {
    this.#clock = clock;
    this.#limits = limits;
    this.#failures = new LRUCache({ max: limits.maxEntries });
  }

  async admit(attempt: LoginAttempt): Promise<void> {
    const isOver =
      this.#count(pairKey(attempt)) >= this.#limits.maxPairFailures ||
      this.#count(addressKey(attempt)) >= this.#limits.maxAddressFailures;
    if (isOver) throw new Deferral('limited', 'too many failed logins, try again later');
  }

  async failed(attempt: LoginAttempt, signal?: AbortSignal): Promise<void> {
    const failures = this.#add(pairKey(attempt));
    this.#add(addressKey(attempt));
    const delayMs = Math.min(this.#limits.firstDelayMs * 2 ** (failures - 1), this.#limits.maxDelayMs);
    await this.#clock.wait(delayMs, signal);
  }

  async succeeded(attempt: LoginAttempt): Promise<void> {
    this.#failures.delete(pairKey(attempt));
  }

  #count(key: string): number {
    const entry = this.#failures.get(key);
    if (entry === undefined) return 0;
    if (this.#clock.now().getTime() - entry.lastMs < this.#limits.windowMs) return entry.count;
    this.#failures.delete(key);
    return 0;
  }

  #add(key: string): number {
    const count = this.#count(key) + 1;
    this.#failures.set(key, { count, lastMs: this.#clock.now().getTime() });
    return count;
  }
}

const addressKey = (attempt: LoginAttempt): string => networkOf(attempt.remoteAddress);
const pairKey = (attempt: LoginAttempt): string =>
  `${networkOf(attempt.remoteAddress)} ${attempt.user.toLowerCase().slice(0, 320)}`;
