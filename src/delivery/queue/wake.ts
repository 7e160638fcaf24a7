/**
 * One sleeper that can be woken: sleeps until a time, a wake, or the end. A wake while nobody sleeps is kept for the next sleep, so that none is lost.
 */
import type { Clock } from '../../server/clock.ts';

export class Wake {
  readonly #clock: Clock;
  #isWoken = false;
  #sleep: { readonly end: AbortController; readonly untilMs: number } | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  now(): void {
    this.#isWoken = true;
    this.#sleep?.end.abort();
  }

  /** Wakes whoever would sleep longer than that. */
  at(ms: number): void {
    if (this.#sleep === null || ms < this.#sleep.untilMs) this.now();
  }

  async sleep(ms: number): Promise<void> {
    if (!this.#isWoken && ms > 0) {
      const end = new AbortController();
      this.#sleep = { end, untilMs: this.#clock.now().getTime() + ms };
      // An abort is the wake itself.
      await this.#clock.wait(ms, end.signal).catch(() => undefined);
      this.#sleep = null;
    }
    this.#isWoken = false;
  }
}
