/**
 * The queue as queue-record.ts promises it, over MongoDB. Nothing here schedules: whoever drains the queue listens to the bell and looks at `due`.
 */
import { type AccountId, bucketOf, newBucket, newQueueId, type QueueId } from '../../mail/ids.ts';
import type { Clock } from '../../server/clock.ts';
import type { Log } from '../../server/log.ts';
import type { Database } from '../mongo/database.ts';
import type { QueueRow } from '../mongo/documents.ts';
import { orUnavailable } from '../mongo/transaction.ts';
import type { AccountWriter } from '../operations/account-writer.ts';
import type {
  Lane,
  Lease,
  NewQueueEntry,
  Operated,
  QueueDue,
  QueueEntry,
  QueueRecord,
  RecipientOutcome,
} from '../queue-record.ts';
import { Acceptance } from './accept-entries.ts';
import { beginSending, claimLease, extendLease } from './claim-lease.ts';
import { Confirmations } from './confirmations.ts';
import { Instances } from './instances.ts';
import { dueEntries, listEntries, makeDue } from './list-queue.ts';
import { dropEntry, holdEntry, releaseEntry } from './operate-entries.ts';
import { duesOf, entryOf } from './queue-rows.ts';
import { Recording } from './record-outcomes.ts';
import { SubmissionReports } from './submission-reports.ts';

/** P2. */
export const RESEND_WINDOW_MS = 5 * 24 * 3600_000;

/** A sender that says nothing for so long after our 250 may be cut off without our knowing it. */
const SILENCE_MS = 60_000;
/** Of one digest: more mean that somebody plays with us. */
const MAX_CANDIDATES = 100;

export class QueueStore implements QueueRecord {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #listeners = new Set<(due: readonly QueueDue[]) => void>();
  readonly #acceptance: Acceptance;
  readonly #recording: Recording;
  readonly #confirmations: Confirmations;
  readonly #reports: SubmissionReports;
  readonly #instances: Instances;
  /** Receptions whose sender is still connected to this process and hasn't gone on. */
  readonly #connected = new Map<QueueId, number>();
  readonly #abandoning = new Set<Promise<void>>();

  constructor(database: Database, writer: Pick<AccountWriter, 'mutate'>, clock: Clock, log: Log) {
    this.#database = database;
    this.#clock = clock;
    this.#log = log;
    this.#instances = new Instances(database, clock, log);
    this.#acceptance = new Acceptance(database, clock, this.#instances.own, (rows) => this.announce(rows));
    this.#recording = new Recording(database, clock, (rows) => {
      // Notices alone: whoever recorded an outcome knows when its own lane is due again, and the other lanes were told before.
      this.announce(rows.filter(({ recipients }) => recipients.every(({ attempts }) => attempts === 0)));
      for (const row of rows) this.#reports.add(row);
    });
    this.#confirmations = new Confirmations(database, clock, log);
    this.#reports = new SubmissionReports(database, writer, clock, log);
  }

  newId(near?: AccountId): QueueId {
    return newQueueId(near === undefined ? newBucket() : bucketOf(near), this.#clock.now().getTime());
  }

  async accept(entry: NewQueueEntry): Promise<void> {
    if (entry.resendDigest === undefined) return this.#acceptance.add(entry);
    await this.#instances.begin();
    this.#connected.set(entry.id, this.#clock.now().getTime());
    try {
      await this.#acceptance.add(entry);
    } catch (error) {
      this.#connected.delete(entry.id);
      throw error;
    }
  }

  onAccepted(listener: (due: readonly QueueDue[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Rings the bell for rows that were just committed, here or by a mutation of an account. */
  announce(rows: readonly Pick<QueueRow, '_id' | 'recipients'>[]): void {
    const dues = rows.flatMap(duesOf);
    if (dues.length === 0) return;
    for (const listener of this.#listeners) {
      try {
        listener(dues);
      } catch (cause) {
        this.#log.error({ cause }, 'a listener of the queue failed');
      }
    }
  }

  async findUnconfirmed(resendDigest: string): Promise<QueueId | null> {
    const since = new Date(this.#clock.now().getTime() - RESEND_WINDOW_MS);
    const found = await orUnavailable(() =>
      this.#database.queue
        .find(
          { resendDigest, acceptedAt: { $gt: since } },
          { projection: { receivedBy: 1, isLost: 1 }, sort: { acceptedAt: 1 }, limit: MAX_CANDIDATES },
        )
        .toArray(),
    );
    for (const row of found) if (await this.#isConnectionBroken(row)) return row._id;
    return null;
  }

  async #isConnectionBroken({
    _id,
    receivedBy,
    isLost,
  }: Pick<QueueRow, '_id' | 'receivedBy' | 'isLost'>): Promise<boolean> {
    if (this.#confirmations.has(_id) || this.#isConnected(_id)) return false;
    if (isLost || receivedBy === undefined || receivedBy === this.#instances.own) return true;
    return !(await this.#instances.isAlive(receivedBy));
  }

  #isConnected(id: QueueId): boolean {
    const since = this.#connected.get(id);
    return since !== undefined && this.#clock.now().getTime() - since < SILENCE_MS;
  }

  confirm(id: QueueId): void {
    this.#connected.delete(id);
    this.#confirmations.add(id);
  }

  abandon(id: QueueId): void {
    if (!this.#connected.delete(id)) return;
    const written = this.#database.queue.updateOne(
      { _id: id, resendDigest: { $exists: true } },
      { $set: { isLost: true } },
    );
    const writing: Promise<void> = written
      .then(() => undefined)
      // This process knows it anyway, and another will when this one has ended.
      .catch((cause: unknown) => this.#log.debug({ cause, id }, 'a lost connection is not noted'))
      .finally(() => this.#abandoning.delete(writing));
    this.#abandoning.add(writing);
  }

  claim(id: QueueId, lane: Lane, owner: string, leaseMs: number): Promise<Lease | null> {
    return orUnavailable(() => claimLease(this.#database, id, lane, owner, this.#clock.now(), leaseMs));
  }

  extend(lease: Lease, leaseMs: number): Promise<boolean> {
    const until = new Date(this.#clock.now().getTime() + leaseMs);
    return orUnavailable(() => extendLease(this.#database, lease, until));
  }

  beginSending(lease: Lease, indices: readonly number[], attemptId: string): Promise<boolean> {
    const attempt = { id: attemptId, at: this.#clock.now() };
    return orUnavailable(() => beginSending(this.#database, lease, indices, attempt));
  }

  record(lease: Lease, outcomes: readonly RecipientOutcome[], notices: readonly NewQueueEntry[]): Promise<boolean> {
    return this.#recording.add({ lease, outcomes, notices });
  }

  due(options: { readonly before?: Date; readonly limit?: number }): AsyncIterable<readonly QueueDue[]> {
    return dueEntries(this.#database, options);
  }

  list(options: {
    readonly limit: number;
    readonly after?: QueueId;
    readonly includeFinal?: boolean;
  }): Promise<readonly QueueEntry[]> {
    return orUnavailable(() => listEntries(this.#database, options));
  }

  async get(id: QueueId): Promise<QueueEntry | null> {
    const row = await orUnavailable(() => this.#database.queue.findOne({ _id: id }));
    return row && entryOf(row);
  }

  async retryNow(id?: QueueId): Promise<number> {
    const { rows, recipients } = await orUnavailable(() => makeDue(this.#database, this.#clock.now(), id));
    this.announce(rows);
    return recipients;
  }

  hold(id: QueueId): Promise<Operated | null> {
    return orUnavailable(() => holdEntry(this.#database, id));
  }

  async release(id: QueueId): Promise<Operated | null> {
    const done = await orUnavailable(() => releaseEntry(this.#database, id, this.#clock.now()));
    if (done === null) return null;
    this.announce([done.row]);
    return done.operated;
  }

  async drop(id: QueueId): Promise<Operated | null> {
    const done = await orUnavailable(() => dropEntry(this.#database, id, this.#clock.now()));
    if (done === null) return null;
    this.#reports.add(done.row);
    return done.operated;
  }

  /** Ends what was handed in and writes the confirmations that wait. */
  async close(): Promise<void> {
    await Promise.all([this.#acceptance.drain(), this.#recording.drain(), this.#confirmations.close()]);
    await Promise.all([this.#reports.close(), this.#instances.close(), ...this.#abandoning]);
  }
}
