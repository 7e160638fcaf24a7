/**
 * Outcomes: what became of leased recipients, with the notices this makes due, in one transaction shared by all leases that wait (group commit).
 *
 * Promise: a recipient is written only under the fence that leased it (P4); a repeated record of the same lease finds itself done and answers true.
 * Final state and notice are one commit, so a notice is queued once. Failure: Deferral; nothing was written or the outcome is unknown and may be repeated.
 */
import type { AnyBulkWriteOperation, ClientSession } from 'mongodb';
import { Deferral } from '../../mail/refusal.ts';
import type { Clock } from '../../server/clock.ts';
import { insertSmallBodies } from '../bodies/small-bodies.ts';
import type { Database } from '../mongo/database.ts';
import type { QueueRecipientRow, QueueRow } from '../mongo/documents.ts';
import { GroupCommit, type Waiting } from '../mongo/group-commit.ts';
import { orUnavailable, runTransaction, TRANSACTION_LIMIT_MS } from '../mongo/transaction.ts';
import { queueRowOf } from '../operations/queue-row.ts';
import type { Lease, NewQueueEntry, RecipientOutcome } from '../queue-record.ts';
import { consequences } from './queue-rows.ts';

export interface RecordJob {
  readonly lease: Lease;
  readonly outcomes: readonly RecipientOutcome[];
  readonly notices: readonly NewQueueEntry[];
}

const MAX_GROUP = 64;
/** Recipients and octets of notices, in recipients' worth. */
const MAX_WEIGHT = 4_000;
const BYTES_PER_WEIGHT = 1_024;
const MAX_WAITING = 10_000;

export class Recording {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #recorded: (rows: readonly QueueRow[]) => void;
  readonly #groups: GroupCommit<RecordJob>;

  /** `recorded` is told of the rows after each commit, notices' too. */
  constructor(database: Database, clock: Clock, recorded: (rows: readonly QueueRow[]) => void) {
    this.#database = database;
    this.#clock = clock;
    this.#recorded = recorded;
    this.#groups = new GroupCommit<RecordJob>({
      maxJobs: MAX_GROUP,
      maxWeight: MAX_WEIGHT,
      maxWaiting: MAX_WAITING,
      weigh: weightOf,
      now: () => clock.now().getTime(),
      run: (_line, group) => this.#run(group),
    });
  }

  add(job: RecordJob): Promise<boolean> {
    return this.#groups.add<boolean>('', job);
  }

  drain(): Promise<void> {
    return this.#groups.drain();
  }

  async #run(group: readonly Waiting<RecordJob>[]): Promise<void> {
    try {
      await this.#write(group);
    } catch (error) {
      if (group.length === 1 || error instanceof Deferral) throw error;
      // One of them can't be stored for a reason of its own: the others must not suffer.
      for (const one of group) {
        try {
          await this.#write([one]);
        } catch (cause) {
          one.reject(cause);
        }
      }
    }
  }

  async #write(group: readonly Waiting<RecordJob>[]): Promise<void> {
    const options = {
      deadline: group[0]!.since + TRANSACTION_LIMIT_MS,
      now: () => this.#clock.now().getTime(),
    };
    const jobs = group.map(({ job }) => job);
    const done = await orUnavailable(() =>
      runTransaction(this.#database, options, async (session) => {
        const result = await this.#apply(jobs, session);
        // Also where all was done before: the commit waits until that is known to a majority.
        return { commit: result.answers.includes(true), value: result };
      }),
    );
    group.forEach(({ resolve }, i) => {
      resolve(done.answers[i]);
    });
    if (done.rows.length > 0) this.#recorded(done.rows);
  }

  async #apply(
    jobs: readonly RecordJob[],
    session: ClientSession,
  ): Promise<{ readonly answers: readonly boolean[]; readonly rows: readonly QueueRow[] }> {
    const { queue } = this.#database;
    const now = this.#clock.now();
    const ids = [...new Set(jobs.map((job) => job.lease.entry.id))];
    const found = await queue.find({ _id: { $in: ids } }, { session, projection: { index: 0 } }).toArray();
    const rows = new Map(found.map((row) => [row._id, row]));
    const changed = new Set<QueueRow['_id']>();
    const notices: NewQueueEntry[] = [];
    const answers = jobs.map((job): boolean => {
      const row = rows.get(job.lease.entry.id);
      if (row === undefined || job.outcomes.length === 0) return false;
      if (job.outcomes.every(({ index }) => row.recipients[index]?.recordedFence === job.lease.fence)) return true;
      if (!job.outcomes.every(({ index }) => isHeld(row.recipients[index], job.lease))) return false;
      rows.set(row._id, withOutcomes(row, job, now));
      changed.add(row._id);
      notices.push(...job.notices);
      return true;
    });
    const writes = [...changed].map((id) => replacement(rows.get(id)!));
    if (writes.length === 0) return { answers, rows: [] };
    const noticeRows = notices.map((notice) => queueRowOf(notice, null, now));
    if (notices.length > 0) {
      const staged = notices.map((notice) => notice.staged);
      await insertSmallBodies(this.#database, session, staged, now);
      await queue.insertMany(noticeRows, { session });
    }
    await queue.bulkWrite(writes, { session, ordered: false });
    return { answers, rows: [...[...changed].map((id) => rows.get(id)!), ...noticeRows] };
  }
}

function weightOf({ lease, notices }: RecordJob): number {
  let weight = lease.entry.recipients.length;
  for (const { staged, recipients } of notices) {
    weight += recipients.length + Math.ceil((staged.octets?.length ?? 0) / BYTES_PER_WEIGHT);
  }
  return weight;
}

function isHeld(recipient: QueueRecipientRow | undefined, lease: Lease): boolean {
  return (
    (recipient?.state === 'leased' || recipient?.state === 'sending') &&
    recipient.lease?.fence === lease.fence &&
    recipient.lease.owner === lease.owner
  );
}

function withOutcomes(row: QueueRow, job: RecordJob, now: Date): QueueRow {
  const recipients = [...row.recipients];
  for (const outcome of job.outcomes) {
    const { lease, ...before } = recipients[outcome.index]!;
    const isNotice = job.notices.length > 0 && outcome.state !== 'deferred';
    recipients[outcome.index] = {
      ...before,
      state: outcome.state,
      attempts: before.attempts + 1,
      nextAt: outcome.state === 'deferred' ? (outcome.nextAt ?? now) : before.nextAt,
      ...(outcome.isUncertain && { mayBeSentTwice: (before.mayBeSentTwice ?? 0) + 1 }),
      ...(outcome.reply !== null && { lastReply: { ...outcome.reply, from: outcome.from, at: now } }),
      isNotified: before.isNotified || isNotice,
      recordedFence: job.lease.fence,
    };
  }
  const { due, finishedAt, keepsIndex: _keepsIndex } = consequences(recipients, now);
  const { due: _due, finishedAt: _finishedAt, ...rest } = row;
  return {
    ...rest,
    recipients,
    ...(due && { due }),
    ...(finishedAt && { finishedAt }),
    ...(row.submission !== null && row.senderAccount !== null && { reportDue: now }),
  };
}

/** The row was read without its index, so only what changes is written. */
function replacement(row: QueueRow): AnyBulkWriteOperation<QueueRow> {
  const { recipients, due, finishedAt, reportDue } = row;
  const $unset: Record<string, 1> = {};
  if (due === undefined) $unset['due'] = 1;
  if (!consequences(recipients, row.acceptedAt).keepsIndex) $unset['index'] = 1;
  return {
    updateOne: {
      filter: { _id: row._id },
      update: {
        $set: {
          recipients,
          ...(due && { due }),
          ...(finishedAt && { finishedAt }),
          ...(reportDue && { reportDue }),
        },
        ...(Object.keys($unset).length > 0 && { $unset }),
      },
    },
  } as AnyBulkWriteOperation<QueueRow>;
}
