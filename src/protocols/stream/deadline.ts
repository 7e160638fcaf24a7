/**
 * A limit on a whole step (a command, a login, a silence), not on the gap between two octets: a peer that sends one octet a minute is
 * stopped as surely as one that sends none. One timer at a time; it keeps no process alive.
 */
export class Deadline {
  #timer: NodeJS.Timeout | null = null;
  readonly #onPassed: (what: string) => void;

  constructor(onPassed: (what: string) => void) {
    this.#onPassed = onPassed;
  }

  /** Replaces the running limit. `what` names the step that takes too long. */
  start(limitMs: number, what: string): void {
    this.stop();
    this.#timer = setTimeout(this.#onPassed, Math.max(0, limitMs), what);
    this.#timer.unref();
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}

/** A step took longer than it may. */
export class DeadlinePassed extends Error {
  override readonly name = 'DeadlinePassed';
  readonly what: string;
  constructor(what: string) {
    super(`${what} took too long`);
    this.what = what;
  }
}
