/**
 * Holds a lease while its work lasts: extends it in the record and in the schedule, and ends the work by its signal when it was lost (P4: a
 * worker without its lease must not send on).
 */
import type { Clock } from '../../server/clock.ts';
import type { Log } from '../../server/log.ts';
import type { Lease, QueueRecord } from '../../storage/queue-record.ts';
import type { Schedule, ScheduledItem } from './schedule.ts';

export interface LeaseKeeperOptions {
  readonly queue: Pick<QueueRecord, 'extend'>;
  readonly schedule: Pick<Schedule, 'extend'>;
  readonly leaseMs: number;
  readonly clock: Clock;
  readonly log: Log;
}

export class LeaseKeeper {
  readonly #options: LeaseKeeperOptions;
  readonly #lease: Lease;
  readonly #item: ScheduledItem;
  readonly #end = new AbortController();
  readonly #lost = new AbortController();
  readonly #loop: Promise<void>;
  #heldUntilMs: number;

  constructor(options: LeaseKeeperOptions, lease: Lease, item: ScheduledItem) {
    this.#options = options;
    this.#lease = lease;
    this.#item = item;
    this.#heldUntilMs = options.clock.now().getTime() + options.leaseMs;
    this.#loop = this.#run();
  }

  /** Aborted when the lease was lost. */
  get signal(): AbortSignal {
    return this.#lost.signal;
  }

  /** Asked before the step that can't be taken back: true only when the lease lasts for a good while yet. */
  async isHeld(): Promise<boolean> {
    if (this.#lost.signal.aborted) return false;
    const { clock, leaseMs } = this.#options;
    if (this.#heldUntilMs - clock.now().getTime() > leaseMs / 3) return true;
    return this.#extend();
  }

  async stop(): Promise<void> {
    this.#end.abort();
    await this.#loop;
  }

  async #run(): Promise<void> {
    const { clock, leaseMs, log } = this.#options;
    while (!this.#end.signal.aborted && !this.#lost.signal.aborted) {
      try {
        await clock.wait(leaseMs / 3, this.#end.signal);
      } catch {
        return; // stopped
      }
      try {
        await this.#extend();
      } catch (cause) {
        // The record can't be reached: the lease stands until its time is over, then another may have it.
        log.warn({ queueId: this.#item.id, lane: this.#item.lane, cause }, 'lease not extended');
        if (clock.now().getTime() >= this.#heldUntilMs) this.#lost.abort(new Error('lease over'));
      }
    }
  }

  async #extend(): Promise<boolean> {
    const { queue, schedule, clock, leaseMs } = this.#options;
    const untilMs = clock.now().getTime() + leaseMs;
    if (!(await queue.extend(this.#lease, leaseMs))) {
      this.#lost.abort(new Error('lease lost'));
      return false;
    }
    this.#heldUntilMs = untilMs;
    // The schedule may be gone; the lease in the record is what counts.
    await schedule.extend(this.#item).catch(() => false);
    return true;
  }
}
