/**
 * One transaction, run until it is known what became of it.
 *
 * Promise: `runTransaction` returns only after the commit is durable at a majority, or nothing was to be committed. A conflict or a lost
 * connection runs the whole attempt again with jitter; a commit of unknown outcome is asked for again until it is known. Where even that can't
 * tell (the server forgot the session), the next attempt is told `isInDoubt`: it must first look, inside its own transaction, whether an earlier
 * attempt was committed. Past the deadline: Deferral 'unavailable', the outcome then being unknown to the caller.
 */
import {
  type ClientSession,
  MongoError,
  MongoNetworkError,
  MongoNotConnectedError,
  MongoServerSelectionError,
} from 'mongodb';
import { Deferral } from '../../mail/refusal.ts';
import type { Database } from './database.ts';

export interface Attempt<T> {
  /** False: the attempt found nothing to write (any more); its transaction is aborted. */
  readonly commit: boolean;
  readonly value: T;
}

export interface TransactionOptions {
  /** Milliseconds since 1970 after which no further attempt begins. */
  readonly deadline: number;
  readonly now: () => number;
  /** Tests look at the retries. */
  readonly onRetry?: (error: unknown, attempt: number) => void;
}

/** From first attempt to Deferral. */
export const TRANSACTION_LIMIT_MS = 30_000;

const FIRST_DELAY_MS = 3;
const LONGEST_DELAY_MS = 250;

/** Runs `attempt` in transactions until one is committed, or answers that there is nothing to commit. It may run many times. */
export async function runTransaction<T>(
  database: Database,
  options: TransactionOptions,
  attempt: (session: ClientSession, isInDoubt: boolean) => Promise<Attempt<T>>,
): Promise<T> {
  let isInDoubt = false;
  for (let n = 1; ; n++) {
    const session = database.client.startSession();
    let failure: unknown;
    try {
      session.startTransaction({
        readConcern: { level: 'snapshot' },
        writeConcern: { w: 'majority', journal: true },
        readPreference: 'primary',
      });
      const { commit, value } = await attempt(session, isInDoubt);
      if (!commit) {
        await abortQuietly(session);
        return value;
      }
      const end = await commitUntilKnown(session, options);
      if (end.outcome === 'committed') return value;
      if (end.outcome === 'unknown') isInDoubt = true;
      failure = end.error;
    } catch (error) {
      await abortQuietly(session);
      if (!isTransient(error)) throw error;
      failure = error;
    } finally {
      await endQuietly(session);
    }
    options.onRetry?.(failure, n);
    const delay = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(n, 10)) * (0.25 + Math.random());
    if (options.now() + delay >= options.deadline) {
      throw new Deferral('unavailable', 'the mail store can not take this now, try again later', { cause: failure });
    }
    await pause(delay);
  }
}

type CommitEnd =
  | { readonly outcome: 'committed' }
  | { readonly outcome: 'aborted' | 'unknown'; readonly error: unknown };

async function commitUntilKnown(session: ClientSession, options: TransactionOptions): Promise<CommitEnd> {
  let wasUnknown = false;
  for (let n = 1; ; n++) {
    try {
      await session.commitTransaction();
      return { outcome: 'committed' };
    } catch (error) {
      const mayAskAgain = error instanceof MongoError && error.hasErrorLabel('UnknownTransactionCommitResult');
      if (!mayAskAgain) {
        // The server says that there is no such transaction: true when it was our first word, of no worth after an unknown one.
        const isAborted = error instanceof MongoError && error.hasErrorLabel('TransientTransactionError');
        return { outcome: isAborted && !wasUnknown ? 'aborted' : 'unknown', error };
      }
      wasUnknown = true;
      options.onRetry?.(error, n);
      if (options.now() >= options.deadline) return { outcome: 'unknown', error };
      await pause(Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(n, 10)) * (0.25 + Math.random()));
    }
  }
}

/** Another attempt may fare better: conflicts, elections, lost connections. */
export function isTransient(error: unknown): boolean {
  return error instanceof MongoError && (error.hasErrorLabel('TransientTransactionError') || isUnreachable(error));
}

/** The servers can't be reached or none can take writes now. */
export function isUnreachable(error: unknown): boolean {
  return (
    error instanceof MongoNetworkError ||
    error instanceof MongoServerSelectionError ||
    error instanceof MongoNotConnectedError ||
    (error instanceof MongoError && error.hasErrorLabel('RetryableWriteError')) ||
    (error instanceof MongoError && error.name === 'MongoPoolClearedError')
  );
}

/** Runs a read or a single write, and turns a failure to reach MongoDB into Deferral 'unavailable'. */
export async function orUnavailable<T>(operation: () => Promise<T>): Promise<T> {
  try {
    return await operation();
  } catch (cause) {
    if (!isUnreachable(cause)) throw cause;
    throw new Deferral('unavailable', 'the mail store can not be reached, try again later', { cause });
  }
}

async function abortQuietly(session: ClientSession): Promise<void> {
  if (!session.inTransaction()) return;
  try {
    await session.abortTransaction();
  } catch {
    // The server ends an abandoned transaction by itself; the failure that led here is the one to tell.
  }
}

async function endQuietly(session: ClientSession): Promise<void> {
  try {
    await session.endSession();
  } catch {
    // A session that can't be ended times out on the server.
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
