/**
 * The worker side wired: schedule, local and remote attempts, notices. What `main` starts for the role delivery; a process that only accepts
 * needs `feedSchedule` and a schedule alone.
 */
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { Refusal } from '../../mail/refusal.ts';
import type { Clock } from '../../server/clock.ts';
import { cachingResolver, type DnsResolver } from '../../server/dns-resolver.ts';
import type { Log } from '../../server/log.ts';
import type { MailStore } from '../../storage/mail-store.ts';
import { deliverLocally } from '../inbound/deliver-to-mailbox.ts';
import { ConnectionPool, DEFAULT_POOL } from '../outbound/connection-pool.ts';
import { attemptRemotely } from '../outbound/remote-attempt.ts';
import type { SmtpTimeouts } from '../outbound/smtp-connection.ts';
import { trapMail } from '../outbound/trap.ts';
import { noticeComposer } from '../reports/compose-notice.ts';
import { routeRecipient } from '../routing/route-recipient.ts';
import { attemptLocally } from './local-attempt.ts';
import { QueueWorker, type QueueWorkerOptions } from './queue-worker.ts';
import type { RetryPolicy } from './retry-schedule.ts';
import type { Schedule } from './schedule.ts';

export interface DeliveryOptions {
  readonly store: MailStore;
  readonly schedule: Schedule;
  /** The same that the schedule was given. */
  readonly owner: string;
  /** The name of this host: EHLO, Reporting-MTA, and the domain of notices. */
  readonly host: string;
  readonly outbound: OutboundOptions;
  readonly resolver: DnsResolver;
  readonly clock: Clock;
  readonly log: Log;
  readonly random?: () => number;
  readonly leaseMs?: number;
  readonly capacity?: QueueWorkerOptions['capacity'];
}
export interface OutboundOptions extends RetryPolicy {
  /** A smarthost overrides it. */
  readonly mode: 'deliver' | 'trap';
  readonly smarthost: { readonly host: string; readonly port: number } | null;
  readonly allowPrivateAddresses: boolean;
  readonly connectionsPerDomain: number;
  /** Only tests differ from 25. */
  readonly mxPort?: number;
  readonly timeouts?: SmtpTimeouts;
}
export interface RunningDelivery {
  readonly inFlight: number;
  /** Drains: see QueueWorker.stop. */
  stop(limitMs?: number): Promise<void>;
}

/** A name for this process in leases, takes and rebuilds; new at every start. */
export const newOwner = (): string => `${hostname()}/${process.pid}/${randomBytes(6).toString('base64url')}`;

export function startDelivery(options: DeliveryOptions): RunningDelivery {
  const { store, schedule, outbound, clock, log } = options;
  const random = options.random ?? Math.random;
  const pool = new ConnectionPool({ ...DEFAULT_POOL, maxPerHost: outbound.connectionsPerDomain, clock });
  const remote = {
    store,
    pool,
    resolver: cachingResolver(options.resolver, clock),
    smarthost: outbound.smarthost,
    ownNames: [options.host, hostname()],
    allowPrivateAddresses: outbound.allowPrivateAddresses,
    mxPort: outbound.mxPort ?? 25,
    random,
    heloName: options.host,
    ...(outbound.timeouts === undefined ? {} : { timeouts: outbound.timeouts }),
    clock,
    log,
  };
  const local = {
    store,
    deliver: deliverLocally.bind(null, store),
    log,
  };
  const isTrap = outbound.mode === 'trap' && outbound.smarthost === null;
  const worker = new QueueWorker({
    queue: store.queue,
    schedule,
    attempts: {
      local: (lease) => attemptLocally(local, lease),
      remote: isTrap ? trapMail : (lease, context) => attemptRemotely(remote, lease, context),
    },
    composeNotice: noticeComposer({
      store,
      route: async (address) => {
        const route = await routeRecipient(store.directory, address, { mayRelay: true });
        return route instanceof Refusal ? null : route;
      },
      host: options.host,
      clock,
      random: randomBytes,
      log,
    }),
    owner: options.owner,
    policy: outbound,
    connectionsPerDomain: outbound.connectionsPerDomain,
    clock,
    random,
    log,
    ...(options.leaseMs === undefined ? {} : { leaseMs: options.leaseMs }),
    ...(options.capacity === undefined ? {} : { capacity: options.capacity }),
  });
  return {
    get inFlight() {
      return worker.inFlight;
    },
    stop: async (limitMs) => {
      await worker.stop(limitMs);
      await pool.close();
    },
  };
}
