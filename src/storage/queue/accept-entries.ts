/**
 * Acceptance: body and row of every waiting entry in one transaction, so that one journal flush answers up to 64 senders (P1).
 *
 * Promise: when `add` resolves the entry is durable; handing in the same id again changes nothing. Failure: Deferral 'unavailable' or 'busy'. An entry that
 * can't be stored for a reason of its own fails alone: its group is then written one by one.
 */
import { type ClientSession, MongoServerError } from 'mongodb';
import { Deferral } from '../../mail/refusal.ts';
import type { Clock } from '../../server/clock.ts';
import { insertSmallBodies } from '../bodies/small-bodies.ts';
import type { Database } from '../mongo/database.ts';
import type { QueueRow } from '../mongo/documents.ts';
import { GroupCommit, type Waiting } from '../mongo/group-commit.ts';
import { orUnavailable, runTransaction, TRANSACTION_LIMIT_MS } from '../mongo/transaction.ts';
import { queueRowOf } from '../operations/queue-row.ts';
import type { NewQueueEntry } from '../queue-record.ts';

export const MAX_GROUP = 64;
/** Octets of one transaction: small bodies, and an estimate of the rows. */
const MAX_GROUP_BYTES = 6 * 1024 * 1024;
const ROW_BYTES = 2_048;
const MAX_WAITING = 10_000;

export class Acceptance {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #receivedBy: string;
  readonly #accepted: (rows: readonly QueueRow[]) => void;
  readonly #groups: GroupCommit<NewQueueEntry>;

  constructor(database: Database, clock: Clock, receivedBy: string, accepted: (rows: readonly QueueRow[]) => void) {
    this.#database = database;
    this.#clock = clock;
    this.#receivedBy = receivedBy;
    this.#accepted = accepted;
    this.#groups = new GroupCommit<NewQueueEntry>({
      maxJobs: MAX_GROUP,
      maxWeight: MAX_GROUP_BYTES,
      maxWaiting: MAX_WAITING,
      weigh: (entry) => (entry.staged.octets?.length ?? 0) + ROW_BYTES,
      now: () => clock.now().getTime(),
      run: (_line, group) => this.#run(group),
    });
  }

  add(entry: NewQueueEntry): Promise<void> {
    // One line: two groups under way at once were measured to cost half as much again in CPU and to be no faster, the groups being smaller.
    return this.#groups.add<void>('', entry);
  }

  drain(): Promise<void> {
    return this.#groups.drain();
  }

  async #run(group: readonly Waiting<NewQueueEntry>[]): Promise<void> {
    try {
      await this.#store(group);
    } catch (error) {
      if (group.length === 1 || error instanceof Deferral) throw error;
      for (const one of group) {
        try {
          await this.#store([one]);
        } catch (cause) {
          one.reject(cause);
        }
      }
    }
  }

  async #store(group: readonly Waiting<NewQueueEntry>[]): Promise<void> {
    const now = this.#clock.now();
    const rows = group.map(({ job }) => queueRowOf(job, null, now, this.#receivedBy));
    const options = {
      deadline: group[0]!.since + TRANSACTION_LIMIT_MS,
      now: () => this.#clock.now().getTime(),
    };
    try {
      await orUnavailable(() =>
        runTransaction(this.#database, options, async (session, isInDoubt) => {
          // An earlier attempt did it; the commit waits until that is known to a majority.
          if (isInDoubt && (await this.#isStored(rows[0]!, session))) return { commit: true, value: undefined };
          await insertSmallBodies(
            this.#database,
            session,
            group.map(({ job }) => job.staged),
            now,
          );
          await this.#database.queue.insertMany(rows, { session });
          return { commit: true, value: undefined };
        }),
      );
    } catch (error) {
      // Handed in again after an answer that was lost: it is there, at majority by the time the find sees it.
      const isKnown = group.length === 1 && error instanceof MongoServerError && error.code === DUPLICATE_KEY;
      if (!isKnown || !(await this.#isStored(rows[0]!))) throw error;
    }
    for (const { resolve } of group) resolve(undefined);
    this.#accepted(rows);
  }

  async #isStored(row: QueueRow, session?: ClientSession): Promise<boolean> {
    const options = { projection: { _id: 1 }, ...(session && { session }) };
    return (await this.#database.queue.findOne({ _id: row._id }, options)) !== null;
  }
}
const DUPLICATE_KEY = 11000;
