/** A log that keeps the lines of level error: faults of ours, of which a test of bad input wants none. */
import type { Log } from '../../src/server/log.ts';

export function faultLog(faults: object[]): Log {
  const log: Log = {
    debug: () => undefined,
    info: () => undefined,
    warn: () => undefined,
    error: (fields, message) => void faults.push({ ...fields, message }),
    child: () => log,
  };
  return log;
}
