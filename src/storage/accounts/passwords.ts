/**
 * Password hashes: argon2id with the parameters OWASP names, off the main thread, a few at a time.
 *
 * Promise: checking against no hash takes as long as against a real one. Failure: Deferral 'busy' when too many checks are waiting, so that a flood of
 * wrong passwords can neither fill the memory (19 MiB each) nor hold up everybody for long.
 */
import { hash, verify } from '@node-rs/argon2';
import { Deferral, Refusal } from '../../mail/refusal.ts';

/** OWASP Password Storage Cheat Sheet: 19 MiB, two passes, one lane. 2 is argon2id. */
const ARGON2 = { algorithm: 2, memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;
export const MAX_PASSWORD_OCTETS = 1_024;
const MAX_AT_ONCE = 2;
const MAX_WAITING = 256;

export class Passwords {
  #running = 0;
  readonly #waiting: (() => void)[] = [];
  #dummy: Promise<string> | null = null;

  /** A new hash in PHC form. Refusal 'invalid' for an empty or an absurdly long password. */
  async hash(password: string): Promise<string> {
    const octets = prepared(password);
    if (octets === null) throw new Refusal('invalid', `a password has 1 to ${MAX_PASSWORD_OCTETS} octets`);
    return this.#inTurn(() => hash(octets, ARGON2));
  }

  /** `stored` null: nobody has this password; the time is the same. */
  async verify(stored: string | null, password: string): Promise<boolean> {
    const octets = prepared(password);
    this.#dummy ??= hash('no one has this password', ARGON2);
    const against = stored === null || octets === null ? await this.#dummy : stored;
    const isEqual = await this.#inTurn(() => verify(against, octets ?? ' '));
    return isEqual && stored !== null && octets !== null;
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= MAX_AT_ONCE) {
      if (this.#waiting.length >= MAX_WAITING) throw new Deferral('busy', 'too many logins at once, try again later');
      // Whoever ends hands its turn on, so `#running` stays as it is.
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else this.#running++;
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#running--;
    }
  }
}

/** RFC 8265 §4.2.2: composed characters, so that two keyboards make the same password. */
function prepared(password: string): Buffer | null {
  const octets = Buffer.from(password.normalize('NFC'), 'utf8');
  return octets.length === 0 || octets.length > MAX_PASSWORD_OCTETS ? null : octets;
}
