/**
 * Credentials that were right a moment ago, so that HTTP Basic authentication doesn't pay for argon2 with every request.
 *
 * Promise: no password is kept, only an HMAC under a key that lives and dies with the process; an entry is worth nothing as soon as the
 * account's password hash has changed, in whatever process; it ends by itself after a minute.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { AccountId } from '../../mail/ids.ts';
import type { Clock } from '../../server/clock.ts';

export const CREDENTIAL_TTL_MS = 60_000;
const MAX_ENTRIES = 10_000;

export interface VerifiedCredential {
  readonly account: AccountId;
  /** The hash that the password matched: what makes the entry void when it changes. */
  readonly passwordHash: string;
}

export class VerifiedCredentials {
  readonly #key = randomBytes(32);
  readonly #clock: Clock;
  readonly #entries = new LRUCache<string, VerifiedCredential & { readonly untilMs: number }>({ max: MAX_ENTRIES });

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The name of an address with a password; says nothing without the key. */
  digest(address: string, password: string): string {
    return createHmac('sha256', this.#key).update(`${address.length}:${address}:${password}`).digest('base64');
  }

  find(digest: string): VerifiedCredential | null {
    const entry = this.#entries.get(digest);
    return entry !== undefined && entry.untilMs > this.#clock.now().getTime() ? entry : null;
  }

  remember(digest: string, credential: VerifiedCredential): void {
    this.#entries.set(digest, { ...credential, untilMs: this.#clock.now().getTime() + CREDENTIAL_TTL_MS });
  }

  forget(digest: string): void {
    this.#entries.delete(digest);
  }
}
