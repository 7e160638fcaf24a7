/**
 * The attempt of a remote lane: the recipients of one message for one domain, taken to its hosts in their order until each recipient is settled
 * or no host is left. 5xx to a recipient or to the message is final, 4xx waits, a host that fails as a whole makes room for the next.
 * RFC 5321 §5.1 (order of hosts), §4.2.1 (classes of replies), §4.5.4.1; RFC 7504 §3 (521 and 556).
 */
import type { SmtpReply } from '../../mail/status-code.ts';
import type { Clock } from '../../server/clock.ts';
import type { Log } from '../../server/log.ts';
import type { MailStore } from '../../storage/mail-store.ts';
import type { Lease, QueueEntry } from '../../storage/queue-record.ts';
import { type AttemptResult, ownReply } from '../queue/outcome.ts';
import type { AttemptContext } from '../queue/work-item.ts';
import type { ConnectionPool, Slot } from './connection-pool.ts';
import { findAddresses, findWay, type NextHop, type RouteOptions } from './next-hop.ts';
import { ConnectionFailure, RFC_TIMEOUTS, SmtpConnection, type SmtpTimeouts } from './smtp-connection.ts';
import { transact } from './transaction.ts';
import { needsUtf8 } from './utf8-need.ts';

export interface RemoteAttemptOptions extends RouteOptions {
  readonly store: Pick<MailStore, 'readBody'>;
  readonly pool: ConnectionPool;
  /** How we call ourselves: the name of this host (RFC 5321 §4.1.1.1). */
  readonly heloName: string;
  readonly timeouts?: SmtpTimeouts;
  readonly clock: Clock;
  readonly log: Log;
}

/** Connections tried for one message: a domain with many dead hosts is not worth more. */
const MAX_TRIES = 6;
/** RFC 5321 §4.5.3.1.8: every server takes at least this many recipients. */
const RECIPIENTS_PER_TRANSACTION = 100;

/** One result for every recipient of the lease. */
export async function attemptRemotely(
  options: RemoteAttemptOptions,
  lease: Lease,
  context: AttemptContext,
): Promise<readonly AttemptResult[]> {
  const attempt = new RemoteAttempt(options, lease, context);
  await attempt.run();
  return attempt.results();
}

class RemoteAttempt {
  readonly #options: RemoteAttemptOptions;
  readonly #entry: QueueEntry;
  readonly #lane: string;
  readonly #context: AttemptContext;
  readonly #pending: Set<number>;
  readonly #settled: AttemptResult[] = [];
  /** What stands for the recipients that no host settled. */
  #last: { readonly reply: SmtpReply; readonly from: string } = {
    reply: ownReply(451, '4.4.1', 'No host could be reached'),
    from: '',
  };
  #tries = 0;

  constructor(options: RemoteAttemptOptions, lease: Lease, context: AttemptContext) {
    this.#options = options;
    this.#entry = lease.entry;
    this.#lane = lease.lane;
    this.#context = context;
    this.#pending = new Set(lease.recipients.map(({ index }) => index));
  }

  results(): readonly AttemptResult[] {
    const left = [...this.#pending].map((index): AttemptResult => ({ index, result: 'deferred', ...this.#last }));
    return [...this.#settled, ...left];
  }

  async run(): Promise<void> {
    const way = await findWay(this.#options, this.#lane);
    if (way.kind !== 'hosts') {
      this.#settleAll(way.kind, way.reply, '');
      return;
    }
    let refusal: { readonly reply: SmtpReply; readonly from: string } | null = null;
    let isEveryHostImpossible = true;
    for (const hop of way.hosts) {
      if (this.#pending.size === 0 || this.#context.signal.aborted || this.#tries >= MAX_TRIES) break;
      const outcome = await this.#tryHost(hop);
      if (outcome === 'impossible') refusal = this.#last;
      else isEveryHostImpossible = false;
    }
    if (this.#context.signal.aborted) {
      this.#last = { reply: ownReply(451, '4.3.2', 'Interrupted, tried again'), from: '' };
    } else if (refusal !== null && isEveryHostImpossible) {
      // Not one host has a usable address, or all say that they never take mail.
      this.#settleAll('bounced', refusal.reply, refusal.from);
    }
  }

  async #tryHost(hop: NextHop): Promise<'tried' | 'impossible'> {
    const key = `${hop.host}:${hop.port}`;
    let slot: Slot;
    try {
      slot = await this.#options.pool.acquire(key, this.#context.signal);
    } catch {
      return 'tried'; // the signal: `run` says so
    }
    let connection: SmtpConnection | null = null;
    try {
      connection = slot.reuse() ?? null;
      if (connection !== null) {
        if (await this.#deliver(connection, hop)) return 'tried';
        connection = null; // closed while it was idle: a fresh one tells more
      }
      const addresses = await findAddresses(this.#options, hop);
      if (addresses.kind !== 'addresses') {
        this.#last = { reply: addresses.reply, from: '' };
        return addresses.kind === 'bounced' ? 'impossible' : 'tried';
      }
      let refusals = 0;
      for (const address of addresses.addresses) {
        if (this.#pending.size === 0 || this.#context.signal.aborted || this.#tries >= MAX_TRIES) break;
        this.#tries += 1;
        try {
          connection = await this.#open(hop, address);
        } catch (cause) {
          if (!(cause instanceof ConnectionFailure)) throw cause;
          this.#note(cause, hop);
          // RFC 7504 §3: a host that says 521 never takes mail.
          if (cause.reply?.code === 521 || cause.reply?.code === 556) refusals += 1;
          continue;
        }
        await this.#deliver(connection, hop);
        if (this.#pending.size > 0) {
          void connection.quit();
          connection = null;
        }
      }
      return refusals > 0 && refusals === addresses.addresses.length ? 'impossible' : 'tried';
    } finally {
      slot.release(connection);
    }
  }

  /** RFC 7435 §3: where TLS is offered and fails, plain text is what is left. */
  async #open(hop: NextHop, address: string): Promise<SmtpConnection> {
    const { heloName, timeouts = RFC_TIMEOUTS, clock, log } = this.#options;
    const { signal } = this.#context;
    const base = { address, port: hop.port, host: hop.host, heloName, timeouts, clock, signal };
    try {
      return await SmtpConnection.open({ ...base, tls: 'opportunistic' });
    } catch (cause) {
      if (!(cause instanceof ConnectionFailure && cause.phase === 'tls') || signal.aborted) throw cause;
      log.info({ host: hop.host, address, reason: cause.message }, 'STARTTLS failed, sending in plain text');
      return SmtpConnection.open({ ...base, tls: 'never' });
    }
  }

  /** Transactions on one connection until each pending recipient was asked for. False: the connection was dead before it took anything. */
  async #deliver(connection: SmtpConnection, hop: NextHop): Promise<boolean> {
    const { timeouts = RFC_TIMEOUTS, store } = this.#options;
    const entry = this.#entry;
    const wasUsed = connection.messages > 0;
    const release = connection.follow(this.#context.signal);
    try {
      const range = { from: entry.skip, to: entry.body.size };
      const isUtf8 = await needsUtf8(store, entry, [...this.#pending]);
      let asked = [...this.#pending];
      while (asked.length > 0) {
        const indices = asked.slice(0, RECIPIENTS_PER_TRANSACTION);
        asked = asked.slice(RECIPIENTS_PER_TRANSACTION);
        const results = await transact(connection, {
          sender: entry.sender,
          recipients: indices.map((index) => ({ ...entry.recipients[index]!, index })),
          size: entry.body.size - entry.skip,
          body: () => store.readBody(entry.body, range),
          needsUtf8: isUtf8,
          beginSending: this.#context.beginSending,
          timeouts,
        });
        for (const [index, result] of results) {
          if (result.kind === 'next') {
            this.#last = { reply: result.reply, from: hop.host };
          } else if (result.kind === 'again') {
            this.#last = { reply: result.reply, from: hop.host };
            asked.push(index);
          } else {
            const handover = result.isDsnPassedOn ? 'dsn' : 'none';
            const isUncertain = result.kind === 'deferred' && result.isUncertain === true;
            const base = { index, result: result.kind, reply: result.reply, from: hop.host, handover } as const;
            this.#settle(isUncertain ? { ...base, isUncertain } : base);
          }
        }
        if (!connection.isOpen) {
          const isNothingDone = indices.every((index) => this.#pending.has(index));
          return !(wasUsed && isNothingDone);
        }
      }
      return true;
    } finally {
      release();
    }
  }

  #note(failure: ConnectionFailure, hop: NextHop): void {
    const { reply } = failure;
    const text = `${hop.host}: ${failure.message}`;
    // A greeting of 5xx may come from a host in trouble: the message waits (a 5xx of the record would return it).
    this.#last = reply === null ? { reply: ownReply(451, '4.4.1', text), from: '' } : { reply, from: hop.host };
  }

  #settle(result: AttemptResult): void {
    if (this.#pending.delete(result.index)) this.#settled.push(result);
  }

  #settleAll(kind: 'deferred' | 'bounced', reply: SmtpReply, from: string): void {
    for (const index of [...this.#pending]) this.#settle({ index, result: kind, reply, from });
  }
}
