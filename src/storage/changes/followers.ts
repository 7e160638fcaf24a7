/**
 * Who follows which account in this process (IMAP sessions, JMAP push, the indexer), and what tells them to look again: commits of this process at
 * once, the doorbell for those of others, and a slow poll for lost rings: one query for all followed accounts, every second while there is no bell.
 *
 * Promise: after a change that is committed at a majority each follower is called, later and never inside the call that made the change; many changes
 * may be one call. A follower that fails is logged and hurts nobody else.
 */
import type { AccountId, Modseq } from '../../mail/ids.ts';
import { asModseq } from '../../mail/ids.ts';
import type { Clock } from '../../server/clock.ts';
import type { Log } from '../../server/log.ts';
import type { Unfollow } from '../mail-store.ts';
import type { Database } from '../mongo/database.ts';
import { type Doorbell, type DoorbellEvents, RedisDoorbell } from './doorbell.ts';

export interface FollowersOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Log;
  /** Null: there is no Redis. */
  readonly redisUrl: string | null;
  readonly keyPrefix: string;
  readonly slowPollMs?: number;
  readonly fastPollMs?: number;
}

const SLOW_POLL_MS = 30_000;
const FAST_POLL_MS = 1_000;
/** Accounts of one poll query. */
const POLL_BATCH = 1_000;

interface Followed {
  readonly listeners: Set<(modseq: Modseq) => void>;
  /** The newest that is known of; 0: nothing yet. */
  modseq: number;
  isCallDue: boolean;
}

export class Followers {
  readonly #options: FollowersOptions;
  readonly #followed = new Map<AccountId, Followed>();
  readonly #bell: Doorbell | null;
  readonly #end = new AbortController();
  #pollSoon = new AbortController();
  readonly #polling: Promise<void>;

  constructor(options: FollowersOptions) {
    this.#options = options;
    const events: DoorbellEvents = {
      onRing: (account, modseq) => this.#tell(account, modseq),
      onListening: (accounts) => void this.#look(accounts),
      onTurn: (isUp) => {
        if (isUp) this.#bell?.listen([...this.#followed.keys()]);
        this.#pollSoon.abort();
      },
    };
    const { redisUrl, keyPrefix, log } = options;
    this.#bell = redisUrl === null ? null : new RedisDoorbell({ url: redisUrl, keyPrefix, log, events });
    this.#polling = this.#poll();
  }

  follow(account: AccountId, onChange: (modseq: Modseq) => void): Unfollow {
    let followed = this.#followed.get(account);
    if (followed === undefined) {
      followed = { listeners: new Set(), modseq: 0, isCallDue: false };
      this.#followed.set(account, followed);
      this.#bell?.listen([account]);
    }
    const { listeners } = followed;
    // One function may follow twice.
    const listener = (modseq: Modseq): void => onChange(modseq);
    listeners.add(listener);
    return () => {
      if (!listeners.delete(listener) || listeners.size > 0 || this.#followed.get(account)?.listeners !== listeners)
        return;
      this.#followed.delete(account);
      this.#bell?.leave(account);
    };
  }

  /** A commit of this process. */
  committed(account: AccountId, modseq: Modseq): void {
    this.#tell(account, modseq);
    this.#bell?.ring(account, modseq);
  }

  /** Of the doorbell's server; null when there is none, or it doesn't answer. */
  bellVersion(): Promise<string | null> {
    return this.#bell?.version() ?? Promise.resolve(null);
  }

  async close(): Promise<void> {
    this.#end.abort();
    this.#pollSoon.abort();
    this.#bell?.close();
    this.#followed.clear();
    await this.#polling;
  }

  #tell(account: AccountId, modseq: Modseq): void {
    const followed = this.#followed.get(account);
    if (followed === undefined || modseq <= followed.modseq) return;
    followed.modseq = modseq;
    if (followed.isCallDue) return;
    followed.isCallDue = true;
    setImmediate(() => {
      followed.isCallDue = false;
      for (const listener of [...followed.listeners]) {
        try {
          listener(asModseq(followed.modseq));
        } catch (cause) {
          this.#options.log.error({ account, cause }, 'a follower failed');
        }
      }
    });
  }

  async #poll(): Promise<void> {
    const { clock, slowPollMs = SLOW_POLL_MS, fastPollMs = FAST_POLL_MS } = this.#options;
    while (!this.#end.signal.aborted) {
      const waitMs = this.#bell?.isUp ? slowPollMs : fastPollMs;
      try {
        await clock.wait(waitMs, this.#pollSoon.signal);
      } catch {
        // The bell came or went: look now, then wait as long as fits.
        this.#pollSoon = new AbortController();
      }
      if (!this.#end.signal.aborted) await this.#look([...this.#followed.keys()]);
    }
  }

  /** Tells of those accounts that are further than is known. */
  async #look(accounts: readonly AccountId[]): Promise<void> {
    for (let i = 0; i < accounts.length; i += POLL_BATCH) {
      const ids = accounts.slice(i, i + POLL_BATCH);
      try {
        const rows = await this.#options.database.accounts
          .find({ _id: { $in: ids } }, { projection: { modseq: 1 } })
          .toArray();
        for (const row of rows) this.#tell(row._id, asModseq(row.modseq));
      } catch (cause) {
        if (this.#end.signal.aborted) return;
        this.#options.log.debug({ cause }, 'could not look for changes; the next poll will');
      }
    }
  }
}
