/**
 * Tells the schedule of running workers what a short-lived process made due (an operator's retry), so that they needn't find it themselves.
 * Best effort: without Redis they read the record anyway.
 */
import type { Clock } from '../../server/clock.ts';
import type { Log } from '../../server/log.ts';
import type { QueueDue } from '../../storage/queue-record.ts';
import { DEFAULT_LEASE_MS, takeMsOf } from './queue-worker.ts';
import { RedisSchedule } from './redis-schedule.ts';
import { newOwner } from './start-delivery.ts';

export interface ScheduleAddress {
  readonly redisUrl: string;
  readonly keyPrefix: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** False: the schedule could not be told; the workers' sweep finds what is due within minutes. */
export async function tellSchedule(address: ScheduleAddress, due: readonly QueueDue[]): Promise<boolean> {
  if (due.length === 0) return true;
  const { redisUrl, keyPrefix, clock, log } = address;
  const schedule = new RedisSchedule({
    url: redisUrl,
    keyPrefix,
    owner: newOwner(),
    takeMs: takeMsOf(DEFAULT_LEASE_MS),
    clock,
    log,
  });
  try {
    await schedule.open();
    await schedule.add(due);
    return true;
  } catch (cause) {
    log.warn({ cause }, 'the queue schedule could not be told');
    return false;
  } finally {
    await schedule.close();
  }
}
