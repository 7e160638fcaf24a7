/**
 * The states of one account as they change, for all the event streams of that account in this process: one follower, one read of the state however many
 * listen, coalesced. It also looks now and then whether the account is still there. Failure: a state that can't be read now is read at the next look.
 */
import type { Clock } from '../../../server/clock.ts';
import type { Log } from '../../../server/log.ts';
import type { AccountInfo, AccountStore, MailStore } from '../../../storage/mail-store.ts';
import type { States } from '../../../storage/model.ts';

export interface FeedListener {
  /** Called with the newest states whenever they may have changed. */
  states(states: States): void;
  /** The account is gone or disabled. */
  gone(): void;
}

export interface FeedParts {
  readonly store: MailStore;
  readonly log: Log;
  readonly clock: Clock;
}

/** How soon a removed account loses its push. */
export const PRESENCE_CHECK_MS = 3_000;

export class AccountFeed {
  readonly #parts: FeedParts;
  readonly #account: AccountStore;
  readonly #principal: AccountInfo['id'];
  readonly #listeners = new Set<FeedListener>();
  readonly #stop = new AbortController();
  readonly #unfollow: () => void;
  #isReading = false;
  #isStale = false;

  constructor(parts: FeedParts, account: AccountStore, principal: AccountInfo['id']) {
    this.#parts = parts;
    this.#account = account;
    this.#principal = principal;
    this.#unfollow = account.follow(() => this.look());
    void this.#watchPresence();
  }

  get size(): number {
    return this.#listeners.size;
  }

  add(listener: FeedListener): void {
    this.#listeners.add(listener);
  }

  /** True when nobody listens any more and the feed ended itself. */
  remove(listener: FeedListener): boolean {
    this.#listeners.delete(listener);
    if (this.#listeners.size > 0) return false;
    this.#unfollow();
    this.#stop.abort();
    return true;
  }

  /** Reads the state once; changes that come meanwhile lead to one more read. */
  look(): void {
    this.#isStale = true;
    if (!this.#isReading) void this.#read();
  }

  async #read(): Promise<void> {
    this.#isReading = true;
    try {
      while (this.#isStale && this.#listeners.size > 0) {
        this.#isStale = false;
        const { states } = await this.#account.state();
        for (const listener of [...this.#listeners]) listener.states(states);
      }
    } catch (error) {
      this.#parts.log.warn({ err: error, account: this.#account.account }, 'push could not read the state');
    } finally {
      this.#isReading = false;
    }
  }

  async #watchPresence(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      try {
        await this.#parts.clock.wait(PRESENCE_CHECK_MS, this.#stop.signal);
      } catch {
        // Aborted: nobody listens any more.
        return;
      }
      try {
        const account = await this.#parts.store.directory.findAccount(this.#principal);
        if (account === null || account.isDisabled) for (const listener of [...this.#listeners]) listener.gone();
        else if (this.#isStale && !this.#isReading) void this.#read();
      } catch (error) {
        this.#parts.log.warn({ err: error, account: this.#account.account }, 'push could not look for the account');
      }
    }
  }
}
