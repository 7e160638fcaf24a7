/**
 * The face of the record: every verb that protocols and delivery may use, and nothing about how it is kept.
 *
 * Promises. A verb that changes something returns only after its one transaction is committed at majority and journaled (P1); it takes one
 * modseq and leaves one row in the change log (P3). A failed verb has changed nothing. Errors: Refusal (for good), Deferral('unavailable')
 * when MongoDB can't commit now; anything else is a defect.
 * Authorisation: `openAccount` gives a handle that is bound to one account and one principal; an id of another account is 'notFound' to it.
 */

import type { Address } from '../mail/address.ts';
import type { Keyword } from '../mail/flags.ts';
import type {
  AccountId,
  BlobId,
  BodyId,
  EmailId,
  IdentityId,
  MailboxId,
  Modseq,
  QueueId,
  SubmissionId,
  ThreadId,
  Uid,
} from '../mail/ids.ts';
import type {
  AccountState,
  Blob,
  BodyRef,
  ChangePage,
  EmailQuery,
  EmailQueryResult,
  Identity,
  Mailbox,
  MailboxRole,
  Message,
  MessageField,
  Quota,
  SearchNode,
  StagedBody,
  States,
  Submission,
  Thread,
  UidMap,
  UidRange,
} from './model.ts';
import type { NewQueueEntry, QueueRecord } from './queue-record.ts';

export interface MailStore {
  readonly directory: Directory;
  readonly queue: QueueRecord;

  /** The handle of `principal` on `account`. Refusal 'notFound' when there is no such account or no right to know of it. */
  openAccount(principal: AccountId, account: AccountId): Promise<AccountStore>;

  /**
   * Takes octets in, once, indexing and hashing as they pass; `head` (trace fields) is put before them. A small body stays in memory for its
   * transaction, a large one is streamed to GridFS and durable on return. Refusal 'tooLarge' as soon as `maxBytes` is passed.
   * A body that nothing refers to in the end is swept later. Memory: at most one small body or a few chunks.
   */
  receiveBody(source: AsyncIterable<Buffer>, options: ReceiveOptions): Promise<StagedBody>;
  /** Octets of a body, half-open range, in pieces of at most a chunk. Ends early only by throwing. */
  readBody(body: BodyRef, range?: { readonly from: number; readonly to: number }): AsyncIterable<Buffer>;
  /** Whole small bodies in one round trip, by id; those too large for it (over `MAX_BATCH_BODY_BYTES`) are left out: read them one by one. */
  readBodies(bodies: readonly BodyRef[]): Promise<ReadonlyMap<BodyId, Buffer>>;

  /** Reaches MongoDB: round trip in milliseconds. Deferral 'unavailable' when it can't. */
  ping(): Promise<number>;
  /** What answers behind the store. Deferral 'unavailable' when MongoDB doesn't. */
  describe(): Promise<ServiceVersions>;
  close(): Promise<void>;
}

export interface ServiceVersions {
  /** '6.0.5' */
  readonly mongodb: string;
  /** 'Valkey 9.1.0' or 'Redis 7.0.15'; null when it doesn't answer. */
  readonly redis: string | null;
}

export interface ReceiveOptions {
  readonly maxBytes: number;
  readonly head?: Buffer;
  /** The account or queue entry it will belong to shares its bucket, so that the transaction touches one shard. */
  readonly near?: AccountId | QueueId;
}

/** A mailbox's or account's change as seen by whoever waits for it. */
export type Unfollow = () => void;

/** Accounts, addresses and domains. Keyed by address: no scatter query. */
export interface Directory {
  createAccount(spec: NewAccount): Promise<AccountInfo>;
  listAccounts(options?: { readonly after?: string; readonly limit?: number }): Promise<readonly AccountInfo[]>;
  findAccount(id: AccountId): Promise<AccountInfo | null>;
  removeAccount(id: AccountId): Promise<void>;
  setPassword(id: AccountId, password: string): Promise<void>;
  addDomain(domain: string): Promise<void>;
  listDomains(): Promise<readonly string[]>;
  isLocalDomain(domain: string): Promise<boolean>;
  /** The account that gets mail for an address: exact, then without +detail, then postmaster (RFC 5321 §4.5.1). Null: no such user here. */
  resolve(address: Address): Promise<AccountInfo | null>;
  /**
   * Checks a password in the same time whether or not the user exists. Refusal 'authenticationFailed' says no more than that.
   * `address` is what a client sent as user name; the whole address, any of the account's.
   */
  authenticate(address: string, password: string): Promise<AccountInfo>;
}
export interface NewAccount {
  readonly address: Address;
  readonly password: string;
  readonly name?: string;
  readonly maxBytes?: number | null;
  readonly maxMessages?: number | null;
}
export interface AccountInfo {
  readonly id: AccountId;
  /** The main address first. */
  readonly addresses: readonly string[];
  readonly name: string;
  readonly isDisabled: boolean;
  readonly quota: Quota;
}

export interface AccountStore {
  readonly account: AccountId;
  readonly principal: AccountId;

  // -- state and the change log -------------------------------------------------------------------------------------------------------
  state(): Promise<AccountState>;
  quota(): Promise<Quota>;
  /** Rows after `since`, oldest first, at most `limit` (default 500). Refusal 'cannotCalculateChanges' below the floor or beyond the last modseq. */
  changesSince(since: Modseq, limit?: number): Promise<ChangePage>;
  /** Calls back soon after anything changed, from this process or another, with the newest modseq known; may call without need, never calls inside the call. */
  follow(onChange: (modseq: Modseq) => void): Unfollow;

  // -- mailboxes -----------------------------------------------------------------------------------------------------------------------
  /** All mailboxes, with the state taken before they were read. */
  mailboxes(): Promise<{ readonly state: AccountState; readonly mailboxes: readonly Mailbox[] }>;
  mailbox(id: MailboxId): Promise<Mailbox | null>;
  /**
   * One mutation for any number of creations, changes and removals, each with an outcome of its own (JMAP Mailbox/set, IMAP CREATE/RENAME/DELETE).
   * A creation's parent may be the key of another creation of the batch, with '#' before it.
   */
  changeMailboxes(batch: MailboxBatch): Promise<MailboxBatchResult>;

  // -- reading messages ----------------------------------------------------------------------------------------------------------------
  /** Null: no such mailbox. */
  uidMap(mailbox: MailboxId): Promise<UidMap | null>;
  /** Messages of the UIDs that exist, ascending by UID, streamed in batches; memory holds one batch. */
  messagesByUid(
    mailbox: MailboxId,
    ranges: readonly UidRange[],
    fields?: readonly MessageField[],
  ): AsyncIterable<readonly Message[]>;
  /** Those that exist, in no order. */
  messages(ids: readonly EmailId[], fields?: readonly MessageField[]): Promise<readonly Message[]>;
  threads(ids: readonly ThreadId[]): Promise<readonly Thread[]>;
  /** UIDs in `mailbox` that match, ascending. */
  searchMailbox(mailbox: MailboxId, filter: SearchNode): Promise<readonly Uid[]>;
  /** Refusal 'notFound' (details ['anchor']) when the anchor is not in the result. */
  queryEmails(query: EmailQuery): Promise<EmailQueryResult>;
  /** Null: not there, or not this account's. */
  blob(id: BlobId): Promise<Blob | null>;

  // -- changing messages ---------------------------------------------------------------------------------------------------------------
  /** Keeps an upload for a day at least (RFC 8620 §6.1). */
  saveUpload(staged: StagedBody, type: string): Promise<Blob>;
  /** The octets of a blob as a message that can be appended: the same body when it is a whole one, a new one otherwise. */
  stageBlob(blob: Blob): Promise<StagedBody>;
  /** IMAP APPEND and MULTIAPPEND, delivery, import: all or none. Refusals: 'notFound' (mailbox), 'overQuota'. */
  append(items: readonly NewMessage[]): Promise<AppendResult>;
  /** Equal keys are new messages from now on: whoever delivered knows that it won't be repeated (P2). Unknown keys are passed over. */
  forgetDedupe(keys: readonly string[]): Promise<void>;
  /** JMAP Email/set and import: one mutation, each item with its own outcome. */
  changeEmails(batch: EmailBatch): Promise<EmailBatchResult>;
  /** IMAP STORE by UID in one mailbox, one mutation. */
  changeFlags(mailbox: MailboxId, uids: readonly UidRange[], change: FlagChange): Promise<FlagChangeResult>;
  /** IMAP COPY and MOVE, all or none. UIDs that don't exist are passed over. */
  copyOrMove(
    mode: 'copy' | 'move',
    source: MailboxId,
    uids: readonly UidRange[],
    target: MailboxId,
  ): Promise<CopyResult>;
  /** Ends the memberships with \Deleted, within `uids` when given (UID EXPUNGE, RFC 4315 §2.1). A message without membership is destroyed. */
  expunge(
    mailbox: MailboxId,
    uids?: readonly UidRange[],
  ): Promise<{ readonly modseq: Modseq; readonly uids: readonly Uid[] }>;

  // -- submission ----------------------------------------------------------------------------------------------------------------------
  identities(): Promise<{ readonly state: AccountState; readonly identities: readonly Identity[] }>;
  /** Addresses this account may send as: MAIL FROM and From. Case and +detail disregarded. */
  maySendAs(address: string): Promise<boolean>;
  submissions(
    ids?: readonly SubmissionId[],
  ): Promise<{ readonly state: AccountState; readonly submissions: readonly Submission[] }>;
  /** One transaction: the submission's row and the queue row with its body; whoever drains the queue is told after the commit. */
  submit(
    items: readonly NewSubmission[],
  ): Promise<{ readonly modseq: Modseq; readonly before: States; readonly submissions: readonly Submission[] }>;
  /** Refusal 'cannotUnsend' when it is on its way. */
  cancelSubmission(id: SubmissionId): Promise<{ readonly modseq: Modseq; readonly before: States }>;
}

export interface NewMessage {
  readonly staged: StagedBody;
  readonly mailboxes: readonly MailboxId[] | { readonly role: MailboxRole };
  readonly keywords: readonly Keyword[];
  readonly receivedAt: Date;
  /** The same key again stores nothing and answers the first message: what makes a repeated delivery harmless. */
  readonly dedupe?: string;
}
export interface AppendedMessage {
  readonly id: EmailId;
  readonly thread: ThreadId;
  readonly memberships: readonly { readonly mailbox: MailboxId; readonly uidValidity: number; readonly uid: Uid }[];
  readonly size: number;
  /** The dedupe key was known. */
  readonly isRepeat: boolean;
}
export interface AppendResult {
  readonly modseq: Modseq;
  readonly messages: readonly AppendedMessage[];
}

export interface MailboxBatch {
  /** Refusal 'stateMismatch' for the whole unless Mailbox is at this state. */
  readonly ifInState?: Modseq;
  readonly create?: ReadonlyMap<string, NewMailbox>;
  readonly update?: ReadonlyMap<MailboxId, MailboxChange>;
  readonly destroy?: readonly MailboxId[];
  /** RFC 8621 §2.5: without it a mailbox with messages is refused 'mailboxHasEmail'. IMAP DELETE sets it. */
  readonly onDestroyRemoveEmails?: boolean;
}
export interface NewMailbox {
  readonly name: string;
  readonly parent: MailboxId | `#${string}` | null;
  readonly role?: MailboxRole | null;
  readonly sortOrder?: number;
  readonly isSubscribed?: boolean;
}
export interface MailboxChange {
  readonly name?: string;
  readonly parent?: MailboxId | `#${string}` | null;
  readonly role?: MailboxRole | null;
  readonly sortOrder?: number;
  readonly isSubscribed?: boolean;
}
export interface MailboxBatchResult extends Mutated {
  readonly created: ReadonlyMap<string, Outcome<Mailbox>>;
  readonly updated: ReadonlyMap<MailboxId, Outcome<Mailbox>>;
  readonly destroyed: ReadonlyMap<MailboxId, Outcome<null>>;
}
export interface Mutated {
  /** The states just before the mutation, and its own modseq, which is the new state of every type it changed. */
  readonly before: States;
  readonly after: States;
  readonly modseq: Modseq;
}
export type Outcome<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly refusal: import('../mail/refusal.ts').Refusal };

export interface EmailBatch {
  readonly ifInState?: Modseq;
  readonly create?: ReadonlyMap<string, NewMessage>;
  readonly update?: ReadonlyMap<EmailId, EmailChange>;
  readonly destroy?: readonly EmailId[];
}
/** Either whole sets or patches, never both for one property. An email must keep at least one mailbox: Refusal 'mailboxRequired'. */
export interface EmailChange {
  readonly keywords?: readonly Keyword[];
  readonly addKeywords?: readonly Keyword[];
  readonly removeKeywords?: readonly Keyword[];
  readonly mailboxes?: readonly MailboxId[];
  readonly addMailboxes?: readonly MailboxId[];
  readonly removeMailboxes?: readonly MailboxId[];
}
export interface EmailBatchResult extends Mutated {
  readonly created: ReadonlyMap<string, Outcome<AppendedMessage>>;
  readonly updated: ReadonlyMap<EmailId, Outcome<null>>;
  readonly destroyed: ReadonlyMap<EmailId, Outcome<null>>;
}

export interface FlagChange {
  readonly mode: 'replace' | 'add' | 'remove';
  readonly keywords: readonly Keyword[];
  /** \Deleted is among the flags. */
  readonly deleted: boolean;
  /** RFC 7162 §3.1.3: messages changed after this are left alone and named in `conflicts`. */
  readonly unchangedSince?: Modseq;
}
export interface FlagChangeResult {
  readonly modseq: Modseq;
  /** Messages named by the UIDs that exist, in ascending order, as they are after the change. `isChanged`: this mutation changed them. */
  readonly messages: readonly {
    readonly uid: Uid;
    readonly keywords: readonly Keyword[];
    readonly deleted: boolean;
    readonly modseq: Modseq;
    readonly isChanged: boolean;
  }[];
  readonly conflicts: readonly Uid[];
}
export interface CopyResult {
  readonly modseq: Modseq;
  readonly uidValidity: number;
  /** In ascending order of the source UID. */
  readonly pairs: readonly { readonly from: Uid; readonly to: Uid }[];
}

export interface NewSubmission {
  readonly identity: IdentityId;
  readonly email: EmailId;
  readonly envelope: Submission['envelope'];
  /** `envelope.rcptTo` with its ways, in the same order: what the queue row keeps. */
  readonly recipients: NewQueueEntry['recipients'];
  /** The message as it leaves: without Bcc, with its trace field. */
  readonly staged: StagedBody;
  /** Octets at the beginning of the body that belong to local delivery alone (Return-Path). */
  readonly skip: number;
  readonly sendAt: Date;
}
