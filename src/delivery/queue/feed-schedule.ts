/**
 * Tells the schedule what this process has accepted. Runs in every process that accepts, also where no worker does.
 * A failed addition loses nothing: the schedule then counts as incomplete and is rebuilt from the record.
 */
import type { Log } from '../../server/log.ts';
import type { QueueDue, QueueRecord } from '../../storage/queue-record.ts';
import type { Schedule } from './schedule.ts';

/** Answers how to stop. `onFailure` is told what could not be scheduled. */
export function feedSchedule(
  queue: Pick<QueueRecord, 'onAccepted'>,
  schedule: Pick<Schedule, 'add'>,
  log: Log,
  onFailure: (due: readonly QueueDue[]) => void = () => undefined,
): () => void {
  return queue.onAccepted((due) => {
    schedule.add(due).catch((cause: unknown) => {
      log.debug({ cause, items: due.length }, 'accepted entries not scheduled, the record has them');
      onFailure(due);
    });
  });
}
