/**
 * What a verb hands to the account's writer: which rows it needs, and a pure step over rows in memory.
 *
 * Promise: `apply` is synchronous; what it did is undone when it throws, so that each mutation of a group is all or nothing and the others go on.
 * `needs` is a hint that saves round trips: a row that was not foretold is fetched when `apply` asks for it, and `apply` runs again.
 */
import type { EmailId, MailboxId, QueueId, SubmissionId, ThreadId } from '../../mail/ids.ts';
import type { StateType, UidRange } from '../model.ts';
import type { Applied, UnitOfWork } from './unit-of-work.ts';

export interface UidNeed {
  readonly mailbox: MailboxId;
  readonly ranges: readonly UidRange[];
  /** Only memberships with \Deleted. */
  readonly onlyDeleted?: boolean;
}

export interface Needs {
  readonly messages?: readonly EmailId[];
  readonly uids?: readonly UidNeed[];
  readonly dedupe?: readonly string[];
  /** Each entry is the set of keys of one message. */
  readonly threadKeys?: readonly (readonly string[])[];
  /** The other messages of the threads of all of these are needed as well. */
  readonly siblings?: boolean;
  readonly threads?: readonly ThreadId[];
  /** Whole rows, with what was parsed. */
  readonly fullMessages?: readonly EmailId[];
  readonly submissions?: readonly SubmissionId[];
  readonly queue?: readonly QueueId[];
}

export interface Mutation<Result> {
  readonly needs: Needs;
  /** Rows, more or less, that it will read and write: what bounds a group. */
  readonly weight: number;
  /**
   * What it will most likely change: written by the very first operation of the transaction, so that the account needs no second one.
   * A wrong forecast costs a round trip and nothing else.
   */
  readonly forecast?: Forecast;
  /** Throws to refuse. What it returns makes the result once the modseq is known, and must not fail. */
  apply(work: UnitOfWork): (end: Applied) => Result;
}

export interface Forecast {
  readonly states: readonly StateType[];
  readonly bytes: number;
  readonly messages: number;
}

/** Thrown by the unit of work into `apply`, caught by the writer. */
export class RowsMissing extends Error {
  override readonly name = 'RowsMissing';
  readonly needs: Needs;
  constructor(needs: Needs) {
    super('rows were not foretold');
    this.needs = needs;
  }
}

/** Memberships that one transaction moves, copies, removes or counts anew: beyond it, Refusal 'tooMany'. */
export const MAX_ROWS_PER_MUTATION = 20_000;
/** Messages of one transaction of a flag change; larger ones are done in steps. */
export const FLAGS_PER_MUTATION = 1_000;
/** Messages of a thread; beyond it a new thread is begun. */
export const MAX_THREAD_EMAILS = 500;
export const MAX_MAILBOXES = 2_000;
