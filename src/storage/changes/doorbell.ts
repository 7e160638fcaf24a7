/**
 * The doorbell: Redis pub/sub, one channel an account. It says "look again" and nothing else.
 *
 * Promise: nothing here can fail or delay a mutation: a ring that can't be sent is dropped, the followers' slow poll covers it. While Redis can't be
 * reached `isUp` is false. A listener is told when the bell comes (back), since rings in between were lost.
 */
import { Redis } from 'ioredis';
import type { AccountId, Modseq } from '../../mail/ids.ts';
import { asModseq } from '../../mail/ids.ts';
import type { Log } from '../../server/log.ts';

export interface Doorbell {
  readonly isUp: boolean;
  ring(account: AccountId, modseq: Modseq): void;
  /** Answered by `onListening` when rings of these accounts will be heard from now on. */
  listen(accounts: readonly AccountId[]): void;
  leave(account: AccountId): void;
  /** 'Valkey 9.1.0'; null when it doesn't answer. */
  version(): Promise<string | null>;
  close(): void;
}

export interface DoorbellEvents {
  onRing(account: AccountId, modseq: Modseq): void;
  onListening(accounts: readonly AccountId[]): void;
  /** Up: nothing is listened to yet. */
  onTurn(isUp: boolean): void;
}

export interface RedisDoorbellOptions {
  readonly url: string;
  readonly keyPrefix: string;
  readonly log: Log;
  readonly events: DoorbellEvents;
}

const COMMAND_TIMEOUT_MS = 3_000;
const CONNECT_TIMEOUT_MS = 3_000;
const MAX_RECONNECT_WAIT_MS = 1_000;
/** Channels of one SUBSCRIBE. */
const BATCH = 500;

export class RedisDoorbell implements Doorbell {
  readonly #options: RedisDoorbellOptions;
  readonly #out: Redis;
  readonly #in: Redis;
  #isUp = false;

  constructor(options: RedisDoorbellOptions) {
    this.#options = options;
    const connection = {
      connectTimeout: CONNECT_TIMEOUT_MS,
      commandTimeout: COMMAND_TIMEOUT_MS,
      maxRetriesPerRequest: 0,
      enableOfflineQueue: false,
      autoResubscribe: false,
      // How an operator, and a test, finds the connection in CLIENT LIST.
      connectionName: `${options.keyPrefix}bell`,
      retryStrategy: (times: number) => Math.min(MAX_RECONNECT_WAIT_MS, times * 50),
    };
    this.#out = new Redis(options.url, connection);
    this.#in = new Redis(options.url, connection);
    // Every failure shows as a change of state as well, which is logged once.
    this.#out.on('error', ignore);
    this.#in.on('error', ignore);
    this.#in.on('ready', () => this.#turn(true));
    this.#in.on('close', () => this.#turn(false));
    this.#in.on('message', (channel: string, text: string) => {
      const modseq = Number(text);
      if (Number.isSafeInteger(modseq)) {
        options.events.onRing(channel.slice(this.#channel('').length) as AccountId, asModseq(modseq));
      }
    });
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  ring(account: AccountId, modseq: Modseq): void {
    if (this.#out.status === 'ready') this.#out.publish(this.#channel(account), String(modseq)).catch(ignore);
  }

  listen(accounts: readonly AccountId[]): void {
    if (!this.#isUp) return;
    for (let i = 0; i < accounts.length; i += BATCH) {
      const some = accounts.slice(i, i + BATCH);
      this.#in
        .subscribe(...some.map((account) => this.#channel(account)))
        .then(() => this.#options.events.onListening(some))
        // Not heard: a new connection will tell of itself, and until then the poll is quick.
        .catch(() => this.#in.disconnect(true));
    }
  }

  leave(account: AccountId): void {
    if (this.#isUp) this.#in.unsubscribe(this.#channel(account)).catch(ignore);
  }

  async version(): Promise<string | null> {
    try {
      const info = await this.#out.info('server');
      const valkey = /^valkey_version:(\S+)/m.exec(info);
      const redis = /^redis_version:(\S+)/m.exec(info);
      return valkey ? `Valkey ${valkey[1]}` : redis ? `Redis ${redis[1]}` : null;
    } catch {
      return null;
    }
  }

  close(): void {
    this.#out.disconnect();
    this.#in.disconnect();
  }

  #channel(account: string): string {
    return `${this.#options.keyPrefix}bell:${account}`;
  }

  #turn(isUp: boolean): void {
    if (isUp === this.#isUp) return;
    this.#isUp = isUp;
    if (isUp) this.#options.log.info({}, 'the doorbell is connected');
    else this.#options.log.warn({}, 'the doorbell is gone: changes by other processes are polled for');
    this.#options.events.onTurn(isUp);
  }
}

const ignore = (): void => undefined;
