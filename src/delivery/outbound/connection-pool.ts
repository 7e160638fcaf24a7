/**
 * Connections that stay open for a moment after their message, so that the next one for the same host needs no new greeting and handshake; and
 * the bound on how many this process has to one host. Waiters are served in order. RFC 5321 §3.3 allows any number of transactions in a session.
 */
import type { Clock } from '../../server/clock.ts';
import type { SmtpConnection } from './smtp-connection.ts';

export interface PoolOptions {
  readonly maxPerHost: number;
  readonly idleMs: number;
  readonly maxMessages: number;
  readonly clock: Clock;
}
export const DEFAULT_POOL: Omit<PoolOptions, 'clock'> = { maxPerHost: 20, idleMs: 5_000, maxMessages: 100 };

interface Host {
  readonly idle: SmtpConnection[];
  inUse: number;
  readonly waiting: (() => void)[];
}

/** The right to one connection to a host. */
export interface Slot {
  /** An idle connection of that host, newest first; undefined when there is none (any more). */
  reuse(): SmtpConnection | undefined;
  /** Gives the right back, and the connection to whoever comes next when it is still good. */
  release(connection: SmtpConnection | null): void;
}

export class ConnectionPool {
  readonly #options: PoolOptions;
  readonly #hosts = new Map<string, Host>();
  #isClosed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  /** Waits for its turn; rejects with the signal's reason. */
  async acquire(key: string, signal: AbortSignal): Promise<Slot> {
    signal.throwIfAborted();
    const host = this.#hosts.get(key) ?? { idle: [], inUse: 0, waiting: [] };
    this.#hosts.set(key, host);
    if (host.inUse >= this.#options.maxPerHost) await this.#turn(host, signal);
    else host.inUse += 1;
    let isReleased = false;
    return {
      reuse: () => {
        for (let connection = host.idle.pop(); connection !== undefined; connection = host.idle.pop()) {
          if (connection.isOpen) return connection;
        }
        return undefined;
      },
      release: (connection) => {
        if (isReleased) return;
        isReleased = true;
        if (connection !== null) this.#keep(key, host, connection);
        const next = host.waiting.shift();
        if (next !== undefined) next();
        else host.inUse -= 1;
        this.#forget(key, host);
      },
    };
  }

  /** Says QUIT on what is idle. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const idle = [...this.#hosts.values()].flatMap((host) => host.idle.splice(0));
    await Promise.all(idle.map((connection) => connection.quit()));
  }

  /** A releaser hands its right over, so that `inUse` stays as it is. */
  #turn(host: Host, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const go = (): void => {
        signal.removeEventListener('abort', onAbort);
        resolve();
      };
      const onAbort = (): void => {
        host.waiting.splice(host.waiting.indexOf(go), 1);
        reject(signal.reason);
      };
      host.waiting.push(go);
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }

  #keep(key: string, host: Host, connection: SmtpConnection): void {
    if (!connection.isOpen) return;
    if (this.#isClosed || connection.messages >= this.#options.maxMessages) {
      void connection.quit();
      return;
    }
    host.idle.push(connection);
    if (host.waiting.length > 0) return;
    const messages = connection.messages;
    void this.#options.clock.wait(this.#options.idleMs).then(() => {
      const at = host.idle.indexOf(connection);
      if (at === -1 || connection.messages !== messages) return;
      host.idle.splice(at, 1);
      this.#forget(key, host);
      return connection.quit();
    });
  }

  #forget(key: string, host: Host): void {
    if (host.inUse === 0 && host.idle.length === 0 && host.waiting.length === 0) this.#hosts.delete(key);
  }
}
