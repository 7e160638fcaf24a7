/**
 * Fills the schedule from the record: all of it when the schedule was lost, and, at start and at long intervals, what is due and was never
 * scheduled (a process that died between the commit and the addition). Runs beside the delivery; several processes at once do no harm.
 */
import type { Clock } from '../../server/clock.ts';
import type { Log } from '../../server/log.ts';
import type { QueueRecord } from '../../storage/queue-record.ts';
import { type Schedule, ScheduleUnavailable } from './schedule.ts';
import { Wake } from './wake.ts';

export interface RestorerOptions {
  readonly schedule: Schedule;
  readonly queue: Pick<QueueRecord, 'due'>;
  readonly clock: Clock;
  readonly log: Log;
}

export const SWEEP_INTERVAL_MS = 5 * 60_000;
/** The sweep passes over what fell due just now: that is scheduled or being worked on. */
export const SWEEP_AGE_MS = 60_000;

export class Restorer {
  readonly #options: RestorerOptions;
  readonly #wake: Wake;
  readonly #unfollow: readonly (() => void)[];
  readonly #loop: Promise<void>;
  #isStopping = false;
  #nextSweepAtMs = 0;

  constructor(options: RestorerOptions) {
    this.#options = options;
    this.#wake = new Wake(options.clock);
    const wake = (): void => this.#wake.now();
    this.#unfollow = [options.schedule.onChange(wake), options.schedule.onIncomplete(wake)];
    this.#loop = this.#run();
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    for (const unfollow of this.#unfollow) unfollow();
    this.#wake.now();
    await this.#loop;
  }

  async #run(): Promise<void> {
    const { schedule, clock, log } = this.#options;
    while (!this.#isStopping) {
      let waitMs = SWEEP_INTERVAL_MS;
      if (schedule.isUsable) {
        try {
          await this.#rebuild();
          if (clock.now().getTime() >= this.#nextSweepAtMs) await this.#sweep();
          waitMs = this.#nextSweepAtMs - clock.now().getTime();
        } catch (cause) {
          waitMs = 1_000;
          if (!(cause instanceof ScheduleUnavailable)) log.warn({ cause }, 'the queue schedule can not be filled now');
        }
      }
      if (!this.#isStopping) await this.#wake.sleep(Math.max(waitMs, 0));
    }
  }

  async #rebuild(): Promise<void> {
    const { schedule, queue, clock, log } = this.#options;
    const rebuild = await schedule.beginRebuild();
    if (rebuild === null) return;
    const beganAtMs = clock.now().getTime();
    let items = 0;
    for await (const batch of queue.due({})) {
      if (this.#isStopping) return;
      await rebuild.add(batch);
      items += batch.length;
    }
    const isDone = await rebuild.finish();
    log.info({ items, isDone, ms: clock.now().getTime() - beganAtMs }, 'queue schedule rebuilt from the record');
    // Nothing is left for the sweep.
    if (isDone) this.#nextSweepAtMs = clock.now().getTime() + SWEEP_INTERVAL_MS;
    else this.#wake.now();
  }

  /** The first sweep, at start, takes all that is due: what a process that died left unscheduled. */
  async #sweep(): Promise<void> {
    const { schedule, queue, clock } = this.#options;
    const nowMs = clock.now().getTime();
    const ageMs = this.#nextSweepAtMs === 0 ? 0 : SWEEP_AGE_MS;
    for await (const batch of queue.due({ before: new Date(nowMs - ageMs) })) {
      if (this.#isStopping) return;
      await schedule.add(batch);
    }
    this.#nextSweepAtMs = nowMs + SWEEP_INTERVAL_MS;
  }
}
