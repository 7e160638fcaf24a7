/**
 * What was read a moment ago and is asked for again and again: kept for a fixed short time from its reading, bounded in number. For facts of which a reader
 * may be that much behind, and for nothing else.
 */
import type { Clock } from '../../server/clock.ts';

const MAX_KEPT = 10_000;

export class Glimpses<Key, Value> {
  readonly #clock: Clock;
  readonly #lastMs: number;
  readonly #kept = new Map<Key, { readonly value: Value; readonly untilMs: number }>();

  constructor(clock: Clock, lastMs: number) {
    this.#clock = clock;
    this.#lastMs = lastMs;
  }

  get(key: Key): Value | undefined {
    const kept = this.#kept.get(key);
    return kept !== undefined && kept.untilMs > this.#clock.now().getTime() ? kept.value : undefined;
  }

  put(key: Key, value: Value): void {
    if (this.#kept.size >= MAX_KEPT && !this.#kept.has(key)) this.#kept.clear();
    this.#kept.set(key, { value, untilMs: this.#clock.now().getTime() + this.#lastMs });
  }

  delete(key: Key): void {
    this.#kept.delete(key);
  }

  clear(): void {
    this.#kept.clear();
  }
}
