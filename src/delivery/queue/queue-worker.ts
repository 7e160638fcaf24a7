/**
 * The worker side of the one queue: dispatchers for mailboxes here and for hosts elsewhere, and what keeps their schedule complete.
 * Any number of processes may run one. Lost at any moment, nothing is lost: leases end, takes end, the record has everything.
 */
import type { Clock } from '../../server/clock.ts';
import type { Log } from '../../server/log.ts';
import type { QueueRecord } from '../../storage/queue-record.ts';
import { Dispatcher } from './dispatcher.ts';
import { feedSchedule } from './feed-schedule.ts';
import { Restorer } from './restore-schedule.ts';
import type { RetryPolicy } from './retry-schedule.ts';
import { LANE_CLASSES, type LaneClass, type Schedule } from './schedule.ts';
import { type Attempt, type ComposeNotice, workItem } from './work-item.ts';

export interface QueueWorkerOptions {
  readonly queue: QueueRecord;
  readonly schedule: Schedule;
  readonly attempts: Readonly<Record<LaneClass, Attempt>>;
  readonly composeNotice: ComposeNotice;
  /** Names this process; the same as the schedule's. */
  readonly owner: string;
  readonly policy: RetryPolicy;
  /** Entries in flight in this process. */
  readonly capacity?: Readonly<Record<LaneClass, number>>;
  /** Entries of one domain in flight in all processes together. */
  readonly connectionsPerDomain?: number;
  readonly leaseMs?: number;
  readonly clock: Clock;
  readonly random?: () => number;
  readonly log: Log;
}

/** Mailbox transactions share commits: many at once feed them. */
export const DEFAULT_CAPACITY: Readonly<Record<LaneClass, number>> = { local: 64, remote: 100 };
export const DEFAULT_CONNECTIONS_PER_DOMAIN = 20;
/** Of the local lane in all processes: bounded by each process's capacity. */
const LOCAL_LANE_LIMIT = 100_000;
/** Extended every third of it; what a killed process held is free again after it. */
export const DEFAULT_LEASE_MS = 30_000;
/** The take in the schedule outlives the lease in the record, so that who gets it next can claim it. */
export const takeMsOf = (leaseMs: number): number => leaseMs + 2_000;

export class QueueWorker {
  readonly #dispatchers: readonly Dispatcher[];
  readonly #restorer: Restorer;
  readonly #unfeed: () => void;
  readonly #end = new AbortController();
  readonly #clock: Clock;
  readonly #log: Log;

  /** Begins at once. */
  constructor(options: QueueWorkerOptions) {
    const { queue, schedule, clock, log } = options;
    this.#clock = clock;
    this.#log = log;
    const leaseMs = options.leaseMs ?? DEFAULT_LEASE_MS;
    this.#dispatchers = LANE_CLASSES.map((laneClass) => {
      const work = {
        queue,
        schedule,
        attempt: options.attempts[laneClass],
        composeNotice: options.composeNotice,
        owner: options.owner,
        leaseMs,
        policy: options.policy,
        clock,
        random: options.random ?? Math.random,
        log,
        signal: this.#end.signal,
      };
      return new Dispatcher({
        laneClass,
        schedule,
        queue,
        work: (item) => workItem(work, item),
        capacity: (options.capacity ?? DEFAULT_CAPACITY)[laneClass],
        laneLimit:
          laneClass === 'local' ? LOCAL_LANE_LIMIT : (options.connectionsPerDomain ?? DEFAULT_CONNECTIONS_PER_DOMAIN),
        clock,
        log,
      });
    });
    this.#restorer = new Restorer({ schedule, queue, clock, log });
    this.#unfeed = feedSchedule(queue, schedule, log, () => {
      for (const dispatcher of this.#dispatchers) dispatcher.wake();
    });
  }

  get inFlight(): number {
    return this.#dispatchers.reduce((sum, dispatcher) => sum + dispatcher.inFlight, 0);
  }

  /** Takes nothing more, lets what is in flight end, and cuts it short after `limitMs`: what was cut is deferred or falls to the next holder. */
  async stop(limitMs = 10_000): Promise<void> {
    this.#unfeed();
    const stopped = Promise.all([this.#restorer.stop(), ...this.#dispatchers.map((dispatcher) => dispatcher.stop())]);
    const limit = new AbortController();
    const cut = this.#clock.wait(limitMs, limit.signal).then(
      () => {
        this.#log.warn({ inFlight: this.inFlight }, 'deliveries in flight are cut short');
        this.#end.abort(new Error('shutting down'));
      },
      () => undefined, // all ended in time
    );
    await stopped;
    limit.abort();
    await cut;
  }
}
