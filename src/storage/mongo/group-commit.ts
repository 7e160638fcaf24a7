/**
 * Group commit: jobs for one key (an account, the queue) that wait while a transaction runs share the next one, so that a journal flush serves many
 * and writers of one process never conflict with each other. Keys run side by side. Nothing waits on purpose: a lone job starts at once.
 * Failure: `run` settles every job itself; should it throw, all of its jobs fail with what it threw. Too many waiting: Deferral 'busy'.
 */
import { Deferral } from '../../mail/refusal.ts';

export interface Waiting<Job> {
  readonly job: Job;
  /** Milliseconds since 1970 when it was handed in. */
  readonly since: number;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

export interface GroupCommitOptions<Job> {
  readonly maxJobs: number;
  /** Sum of the weights in one group; a heavier job runs alone. */
  readonly maxWeight: number;
  readonly maxWaiting: number;
  readonly weigh: (job: Job) => number;
  readonly now: () => number;
  readonly run: (key: string, group: readonly Waiting<Job>[]) => Promise<void>;
}

export class GroupCommit<Job> {
  readonly #options: GroupCommitOptions<Job>;
  readonly #lines = new Map<string, Waiting<Job>[]>();
  readonly #running = new Set<Promise<void>>();

  constructor(options: GroupCommitOptions<Job>) {
    this.#options = options;
  }

  /** Settles as the job's group does. */
  add<T>(key: string, job: Job): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const waiting: Waiting<Job> = {
        job,
        since: this.#options.now(),
        resolve: resolve as (value: unknown) => void,
        reject,
      };
      const line = this.#lines.get(key);
      if (line === undefined) {
        this.#lines.set(key, [waiting]);
        this.#start(key);
      } else if (line.length >= this.#options.maxWaiting) {
        reject(new Deferral('busy', 'too many changes are waiting, try again later'));
      } else {
        line.push(waiting);
      }
    });
  }

  /** Waits until everything handed in is settled. */
  async drain(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  #start(key: string): void {
    const run = this.#serve(key).finally(() => this.#running.delete(run));
    this.#running.add(run);
  }

  async #serve(key: string): Promise<void> {
    const line = this.#lines.get(key);
    if (line === undefined) return;
    // What is handed in within the same turn of the event loop belongs together.
    await Promise.resolve();
    while (line.length > 0) {
      const group = this.#take(line);
      try {
        await this.#options.run(key, group);
      } catch (error) {
        for (const waiting of group) waiting.reject(error);
      }
    }
    this.#lines.delete(key);
  }

  #take(line: Waiting<Job>[]): Waiting<Job>[] {
    let weight = 0;
    let count = 0;
    for (const waiting of line) {
      weight += this.#options.weigh(waiting.job);
      if (count > 0 && (weight > this.#options.maxWeight || count >= this.#options.maxJobs)) break;
      count++;
    }
    return line.splice(0, count);
  }
}
