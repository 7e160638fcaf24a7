/**
 * Stopping in order: listeners first, then what works for them, the record last. Every step has the same deadline; a step that fails or
 * takes too long is logged and passed over, so that one stuck peer can't hold the stop.
 */
import type { Log } from './log.ts';

export interface Shutdown {
  /** Steps run in the reverse order of registration. */
  onStop(name: string, step: () => Promise<void>): void;
  /** Runs the steps once; later calls wait for the same end. */
  stop(reason: string): Promise<void>;
  readonly isStopping: boolean;
}

export function createShutdown(log: Log, stepLimitMs: number): Shutdown {
  const steps: { name: string; step: () => Promise<void> }[] = [];
  let ending: Promise<void> | null = null;

  const run = async (reason: string): Promise<void> => {
    log.info({ reason }, 'stopping');
    for (const { name, step } of steps.toReversed()) {
      try {
        await within(step(), stepLimitMs, name);
      } catch (cause) {
        log.warn({ step: name, cause }, 'a part did not stop in order');
      }
    }
    log.info({}, 'stopped');
  };

  return {
    onStop: (name, step) => {
      steps.push({ name, step });
    },
    stop: (reason) => {
      ending ??= run(reason);
      return ending;
    },
    get isStopping() {
      return ending !== null;
    },
  };
}

function within(work: Promise<void>, limitMs: number, name: string): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`${name} took longer than ${limitMs} ms to stop`)), limitMs);
  });
  return Promise.race([work, limit]).finally(() => clearTimeout(timer));
}
