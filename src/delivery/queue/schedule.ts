/**
 * What the dispatcher asks of a schedule: when is which lane of which entry due, and who has taken it. Never the record: a take is a hint to
 * claim in MongoDB, and a schedule that lost everything is filled again from there.
 */
import type { QueueId } from '../../mail/ids.ts';
import { type Lane, LOCAL_LANE, type QueueDue } from '../../storage/queue-record.ts';

/** Mailboxes here and hosts elsewhere are served apart, so that neither waits for the other. */
export type LaneClass = 'local' | 'remote';
export const LANE_CLASSES: readonly LaneClass[] = ['local', 'remote'];
export const classOf = (lane: Lane): LaneClass => (lane === LOCAL_LANE ? 'local' : 'remote');

export interface ScheduledItem {
  readonly id: QueueId;
  readonly lane: Lane;
}

export interface TakeResult {
  readonly items: readonly ScheduledItem[];
  /** When to ask again at the latest; null: nothing waits. */
  readonly nextAtMs: number | null;
}

/** The schedule can't be asked now, or isn't what it was: read the record instead, and come back. */
export class ScheduleUnavailable extends Error {
  override readonly name = 'ScheduleUnavailable';
}

export interface Schedule {
  /** False: work from the record. */
  readonly isUsable: boolean;
  /** Idempotent. Throws ScheduleUnavailable; the schedule then knows by itself that it must be rebuilt. */
  add(due: readonly QueueDue[]): Promise<void>;
  /** At most `count` due items, one lane after the other, at most `laneLimit` in flight of a lane in all processes together. */
  take(laneClass: LaneClass, count: number, laneLimit: number): Promise<TakeResult>;
  /** Keeps a take for another while. False: it was given to somebody else. */
  extend(item: ScheduledItem): Promise<boolean>;
  /** Ends a take, with the time of the next attempt where there is one. */
  finish(item: ScheduledItem, nextAt: Date | null): Promise<void>;
  /** Something of that class is due then, or may be: told by this process or another. */
  onBell(listener: (laneClass: LaneClass, atMs: number) => void): () => void;
  /** `isUsable` changed. */
  onChange(listener: () => void): () => void;
  /** Something is missing: time for a rebuild. May be told again and again until one is through. */
  onIncomplete(listener: () => void): () => void;
  /** Asks for the right to rebuild: one process at a time. Null: nothing to do, or another process is at it. */
  beginRebuild(): Promise<Rebuild | null>;
  close(): Promise<void>;
}

export interface Rebuild {
  add(due: readonly QueueDue[]): Promise<void>;
  /** False: the schedule was lost meanwhile, begin again. */
  finish(): Promise<boolean>;
}
