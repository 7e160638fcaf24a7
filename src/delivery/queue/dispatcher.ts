/**
 * Keeps one class of lanes busy: takes due items as long as there is room, hands each to `work`, and sleeps until the next due time, the bell, or a
 * slow tick. While the schedule can't be used it reads the record at a slow poll instead; a claim is compare-and-set there, so any number of
 * processes may do so at once. No MongoDB query is made for its own sake while the schedule works.
 */
import type { Clock } from '../../server/clock.ts';
import type { Log } from '../../server/log.ts';
import type { QueueRecord } from '../../storage/queue-record.ts';
import { classOf, type LaneClass, type Schedule, type ScheduledItem, ScheduleUnavailable } from './schedule.ts';
import { Wake } from './wake.ts';

export interface DispatcherOptions {
  readonly laneClass: LaneClass;
  readonly schedule: Schedule;
  readonly queue: Pick<QueueRecord, 'due'>;
  /** Never throws; resolves when the item is done with. */
  readonly work: (item: ScheduledItem) => Promise<void>;
  /** Items in flight in this process. */
  readonly capacity: number;
  /** Items of one lane in flight in all processes. */
  readonly laneLimit: number;
  readonly clock: Clock;
  readonly log: Log;
}

/** Between bells: finds takes that ended, and what a lost bell told. */
export const SLOW_TICK_MS = 10_000;
/** Of the record, while there is no schedule. */
export const RECORD_POLL_MS = 1_500;
/** Rows looked at in one poll: those of a busy lane are passed over. */
const RECORD_POLL_ROWS = 5_000;

export class Dispatcher {
  readonly #options: DispatcherOptions;
  readonly #wake: Wake;
  readonly #inFlight = new Map<string, Promise<void>>();
  /** Taken once more while still in flight: it came up again between the end of its work and the news of it. */
  readonly #again = new Set<string>();
  readonly #inFlightByLane = new Map<string, number>();
  readonly #unfollow: readonly (() => void)[];
  #isStopping = false;
  readonly #loop: Promise<void>;

  constructor(options: DispatcherOptions) {
    this.#options = options;
    this.#wake = new Wake(options.clock);
    this.#unfollow = [
      options.schedule.onBell((laneClass, atMs) => {
        if (laneClass === options.laneClass) this.#wake.at(atMs);
      }),
      options.schedule.onChange(() => this.#wake.now()),
    ];
    this.#loop = this.#run();
  }

  get inFlight(): number {
    return this.#inFlight.size;
  }

  /** The record has something new, and the schedule may not know. */
  wake(): void {
    this.#wake.now();
  }

  /** Takes nothing more; resolves when what is in flight is done. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    for (const unfollow of this.#unfollow) unfollow();
    this.#wake.now();
    await this.#loop;
    await Promise.all(this.#inFlight.values());
  }

  async #run(): Promise<void> {
    while (!this.#isStopping) {
      let waitMs = SLOW_TICK_MS;
      if (this.#inFlight.size < this.#options.capacity) {
        try {
          waitMs = await this.#fill();
        } catch (cause) {
          waitMs = RECORD_POLL_MS;
          if (!(cause instanceof ScheduleUnavailable))
            this.#options.log.warn({ cause }, 'due messages can not be read');
        }
      }
      if (!this.#isStopping) await this.#wake.sleep(waitMs);
    }
  }

  /** Starts what is due; answers how long nothing more is. */
  async #fill(): Promise<number> {
    const { schedule, laneClass, capacity, laneLimit, clock } = this.#options;
    if (!schedule.isUsable) {
      await this.#fillFromRecord();
      return RECORD_POLL_MS;
    }
    const room = capacity - this.#inFlight.size;
    const { items, nextAtMs } = await schedule.take(laneClass, room, laneLimit);
    for (const item of items) {
      if (this.#inFlight.has(keyOf(item))) this.#again.add(keyOf(item));
      else this.#start(item);
    }
    if (nextAtMs === null || this.#inFlight.size >= capacity) return SLOW_TICK_MS;
    return Math.min(Math.max(nextAtMs - clock.now().getTime(), 0), SLOW_TICK_MS);
  }

  async #fillFromRecord(): Promise<void> {
    const { queue, laneClass, capacity, laneLimit, clock } = this.#options;
    for await (const batch of queue.due({ before: clock.now(), limit: RECORD_POLL_ROWS })) {
      for (const item of batch) {
        if (this.#isStopping || this.#inFlight.size >= capacity) return;
        const isBusy = (this.#inFlightByLane.get(item.lane) ?? 0) >= laneLimit;
        if (classOf(item.lane) === laneClass && !isBusy) this.#start(item);
      }
    }
  }

  #start(item: ScheduledItem): void {
    const key = keyOf(item);
    if (this.#inFlight.has(key)) return;
    this.#inFlightByLane.set(item.lane, (this.#inFlightByLane.get(item.lane) ?? 0) + 1);
    const done = this.#options.work(item).finally(() => {
      this.#inFlight.delete(key);
      const left = (this.#inFlightByLane.get(item.lane) ?? 1) - 1;
      if (left > 0) this.#inFlightByLane.set(item.lane, left);
      else this.#inFlightByLane.delete(item.lane);
      if (this.#again.delete(key) && !this.#isStopping) this.#start(item);
      this.#wake.now();
    });
    this.#inFlight.set(key, done);
  }
}

const keyOf = (item: ScheduledItem): string => `${item.lane} ${item.id}`;
