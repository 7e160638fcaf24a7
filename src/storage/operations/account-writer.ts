/**
 * Every mutation of an account goes through here: group commit for each account, one transaction a group.
 *
 * Inside the transaction: the account's modseq first, which lets one transaction at a time touch an account, in every process, so that commit order is
 * modseq order (P3); then what the mutations need is read; they are applied in memory, one after the other, each with a modseq and a log row of its
 * own; then everything is written; commit. A mutation that is refused or changes nothing takes no modseq: the log stays dense.
 *
 * Failure: Refusal of one mutation is its own affair. When MongoDB can't commit within TRANSACTION_LIMIT_MS, Deferral 'unavailable' for the group.
 */
import type { ClientSession } from 'mongodb';
import type { AccountId, MailboxId, Modseq } from '../../mail/ids.ts';
import { asModseq } from '../../mail/ids.ts';
import { Deferral, Refusal } from '../../mail/refusal.ts';
import type { Database } from '../mongo/database.ts';
import type { MailboxRow, QueueRow } from '../mongo/documents.ts';
import { GroupCommit, type Waiting } from '../mongo/group-commit.ts';
import { type Attempt, orUnavailable, runTransaction, TRANSACTION_LIMIT_MS } from '../mongo/transaction.ts';
import { lockAccount } from './account-lock.ts';
import { flushRows } from './flush-rows.ts';
import { joinNeeds, loadRows } from './load-rows.ts';
import { MailboxCache } from './mailbox-cache.ts';
import { type Mutation, RowsMissing } from './mutation.ts';
import { type Applied, UnitOfWork } from './unit-of-work.ts';

export interface WriterHooks {
  /** After a commit that changed something, with the newest modseq. */
  committed(account: AccountId, modseq: Modseq): void;
  /** After a commit that put rows into the queue or changed them. */
  queued(rows: readonly QueueRow[]): void;
}

export interface WriterOptions {
  readonly database: Database;
  readonly hooks: WriterHooks;
  readonly now: () => number;
  readonly onRetry?: (error: unknown, attempt: number) => void;
}

type AnyMutation = Mutation<unknown>;
type Outcome = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly error: unknown };

/** Mutations that share one transaction, and their weight in rows. */
export const MAX_GROUP = 64;
export const MAX_GROUP_WEIGHT = 20_000;
const MAX_WAITING = 10_000;

export class AccountWriter {
  readonly #options: WriterOptions;
  readonly #groups: GroupCommit<AnyMutation>;
  readonly #mailboxes = new MailboxCache();

  constructor(options: WriterOptions) {
    this.#options = options;
    this.#groups = new GroupCommit<AnyMutation>({
      maxJobs: MAX_GROUP,
      maxWeight: MAX_GROUP_WEIGHT,
      maxWaiting: MAX_WAITING,
      weigh: (mutation) => mutation.weight,
      now: options.now,
      run: (account, group) => this.#run(account as AccountId, group),
    });
  }

  /** Returns what `apply` concluded, after the commit. Refusal 'notFound' when there is no such account. */
  mutate<Result>(account: AccountId, mutation: Mutation<Result>): Promise<Result> {
    return this.#groups.add<Result>(account, mutation);
  }

  /** Waits for all that was handed in. */
  drain(): Promise<void> {
    return this.#groups.drain();
  }

  async #run(account: AccountId, group: readonly Waiting<AnyMutation>[]): Promise<void> {
    const doubt = { isThere: false };
    let done: Try;
    try {
      done = await this.#commit(account, group, doubt);
    } catch (error) {
      const isForAll = error instanceof Refusal || error instanceof Deferral;
      if (group.length === 1 || isForAll || doubt.isThere) throw error;
      // MongoDB can't store what one of them made (a row too large, say): it fails alone.
      for (const one of group) await this.#run(account, [one]).catch((cause: unknown) => one.reject(cause));
      return;
    }
    group.forEach(({ resolve, reject }, i) => {
      const outcome = done.outcomes[i]!;
      if (outcome.ok) resolve(outcome.value);
      else reject(outcome.error);
    });
    if (done.work.changes.length > 0) this.#options.hooks.committed(account, asModseq(done.work.account.modseq));
    const { inserted, changed } = done.work.queue.difference();
    if (inserted.length + changed.length > 0) this.#options.hooks.queued([...inserted, ...changed.map((c) => c.now)]);
  }

  /** One transaction for the group, until it is known what became of it. */
  async #commit(account: AccountId, group: readonly Waiting<AnyMutation>[], doubt: { isThere: boolean }): Promise<Try> {
    const { database, now, onRetry } = this.#options;
    const deadline = group[0]!.since + TRANSACTION_LIMIT_MS;
    const attempts: Try[] = [];
    const done = await runTransaction(
      database,
      { deadline, now, ...(onRetry && { onRetry }) },
      async (session, isInDoubt): Promise<Attempt<Try>> => {
        doubt.isThere = isInDoubt;
        const attempt = await this.#try(account, group, session, isInDoubt ? attempts : []);
        if (attempt.isCommitted) return { commit: false, value: attempt };
        attempts.push(attempt);
        if (attempt.hasWrites) await flushRows(database, session, attempt.work, attempt.locked);
        return { commit: attempt.hasWrites, value: attempt };
      },
    );
    const { work, outcomes, hasWrites, isCommitted } = done;
    if (hasWrites && !isCommitted) this.#mailboxes.put(account, work.account.modseq, work.mailboxes);
    // Nothing was committed by this transaction: what it saw may be younger than the majority knows.
    else if (outcomes.some((outcome) => outcome.ok)) await this.#awaitMajority(account, work.account.modseq);
    return done;
  }

  /** Locks, reads, applies. When an earlier attempt turns out to be committed, that attempt again, marked so. */
  async #try(
    account: AccountId,
    group: readonly Waiting<AnyMutation>[],
    session: ClientSession,
    doubtful: readonly Try[],
  ): Promise<Try> {
    const { database } = this.#options;
    const lock = await lockAccount(
      database,
      session,
      account,
      group.map((waiting) => waiting.job),
    );
    if (lock === null) throw new Refusal('notFound', 'there is no such account');
    const committed = await findCommitted(database, session, account, doubtful);
    if (committed) return { ...committed, isCommitted: true };

    const mailboxes = await this.#mailboxesAt(account, lock.before.modseq, session);
    const work = new UnitOfWork(lock.before, mailboxes, new Date(this.#options.now()));
    try {
      await loadRows(database, session, work, joinNeeds(group.map((waiting) => waiting.job.needs)));
    } catch (error) {
      // One of them asks for too much: each then asks for itself.
      if (!(error instanceof Refusal)) throw error;
    }
    const outcomes: Outcome[] = [];
    for (const { job } of group) outcomes.push(await this.#apply(job, work, session));
    const queue = work.queue.difference();
    const hasWrites = work.changes.length > 0 || queue.inserted.length + queue.changed.length > 0;
    return { work, outcomes, hasWrites, locked: lock.after, isCommitted: false };
  }

  async #apply(job: AnyMutation, work: UnitOfWork, session: ClientSession): Promise<Outcome> {
    for (;;) {
      work.begin();
      let conclude: (end: Applied) => unknown;
      let end: Applied;
      try {
        conclude = job.apply(work);
        end = work.finish();
      } catch (error) {
        work.rollback();
        if (!(error instanceof RowsMissing)) return { ok: false, error };
        const refusal = await this.#fetch(error, work, session);
        if (refusal) return { ok: false, error: refusal };
        continue;
      }
      return { ok: true, value: conclude(end) };
    }
  }

  async #fetch(missing: RowsMissing, work: UnitOfWork, session: ClientSession): Promise<Refusal | null> {
    try {
      await loadRows(this.#options.database, session, work, missing.needs);
      return null;
    } catch (error) {
      if (error instanceof Refusal) return error;
      throw error;
    }
  }

  async #mailboxesAt(
    account: AccountId,
    modseq: number,
    session: ClientSession,
  ): Promise<ReadonlyMap<MailboxId, MailboxRow>> {
    const cached = this.#mailboxes.get(account, modseq);
    if (cached) return cached;
    const rows = await this.#options.database.mailboxes.find({ account }, { session }).toArray();
    return new Map(rows.map((row) => [row._id, row]));
  }

  async #awaitMajority(account: AccountId, modseq: number): Promise<void> {
    const deadline = this.#options.now() + TRANSACTION_LIMIT_MS;
    for (;;) {
      const row = await orUnavailable(() =>
        this.#options.database.accounts.findOne({ _id: account }, { projection: { modseq: 1 } }),
      );
      if (row === null || row.modseq >= modseq || this.#options.now() > deadline) return;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}

interface Try {
  readonly work: UnitOfWork;
  readonly outcomes: readonly Outcome[];
  readonly hasWrites: boolean;
  readonly locked: UnitOfWork['account'];
  /** An attempt of unknown outcome that was found in the log. */
  readonly isCommitted: boolean;
}

/** Which of the attempts is in the log: its first row carries its own mark. The account is locked, so none can still be under way. */
async function findCommitted(
  database: Database,
  session: ClientSession,
  account: AccountId,
  doubtful: readonly Try[],
): Promise<Try | null> {
  for (const attempt of doubtful) {
    const first = attempt.work.changes[0];
    if (first === undefined) continue;
    const row = await database.changes.findOne({ account, modseq: first.modseq }, { session, projection: { _id: 1 } });
    if (row?._id.equals(first._id)) return attempt;
  }
  return null;
}
