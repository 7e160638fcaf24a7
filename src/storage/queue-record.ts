/**
 * The durable side of the one queue: what was accepted, for whom, and what became of it. Redis only knows when to look.
 *
 * Promises. `accept` returns after body and row are committed in one transaction (P1). A recipient is changed only by whoever holds its lease, by
 * compare-and-set with the fence: a worker that lost its lease can't write (P4). Redis lost: `due` finds everything again.
 */
import type { EnvelopeRecipient, EnvelopeSender } from '../mail/envelope.ts';
import type { MessageIndex } from '../mail/format/structure.ts';
import type { AccountId, QueueId, SubmissionId } from '../mail/ids.ts';
import type { SmtpReply } from '../mail/status-code.ts';
import type { BodyRef, StagedBody } from './model.ts';

/** 'local' for mailboxes here, else the next-hop domain in A-labels. The unit of scheduling and of connection limits. */
export type Lane = string;
export const LOCAL_LANE: Lane = 'local';

export type RecipientState =
  | 'ready'
  | 'leased'
  | 'sending'
  | 'deferred'
  | 'held'
  | 'sent'
  | 'bounced'
  | 'expired'
  | 'cancelled';
export const FINAL_STATES: readonly RecipientState[] = ['sent', 'bounced', 'expired', 'cancelled'];

export interface QueueRecipient extends EnvelopeRecipient {
  readonly lane: Lane;
  /** The mailbox owner, for the local lane. */
  readonly account?: AccountId;
  readonly state: RecipientState;
  readonly attempts: number;
  readonly nextAt: Date;
  readonly lastReply?: SmtpReply & { readonly from: string; readonly at: Date };
  /** The last attempt that came to its final dot: written before the dot. */
  readonly lastSending?: { readonly id: string; readonly at: Date };
  /** So many times the message went out and nobody knows whether it arrived: the next attempt may have sent it twice. Absent: never. */
  readonly mayBeSentTwice?: number;
  /** The final notice for this recipient was queued in the transaction of its final state. */
  readonly isNotified: boolean;
}

export interface QueueEntry {
  readonly id: QueueId;
  readonly body: BodyRef;
  /** Octets at the beginning (Return-Path) that don't leave this host. */
  readonly skip: number;
  readonly sender: EnvelopeSender;
  /** Who submitted it; null when it came from outside or is a notice. */
  readonly senderAccount: AccountId | null;
  readonly submission: SubmissionId | null;
  readonly source: 'smtp' | 'submission' | 'jmap' | 'lmtp' | 'notice' | 'api';
  readonly recipients: readonly QueueRecipient[];
  readonly acceptedAt: Date;
  /** Present until the local recipients are done: so that a delivery needn't parse again. */
  readonly index?: MessageIndex;
}

export interface NewQueueEntry {
  readonly id: QueueId;
  readonly staged: StagedBody;
  readonly skip: number;
  readonly sender: EnvelopeSender;
  readonly senderAccount: AccountId | null;
  readonly source: QueueEntry['source'];
  readonly recipients: readonly (EnvelopeRecipient & { readonly lane: Lane; readonly account?: AccountId })[];
  readonly notBefore?: Date;
  /** P2: digest of sender, recipients and octets; kept while it is not known whether the sender saw our 250. */
  readonly resendDigest?: string;
}

/** The recipients of one lane of one entry, leased to one worker. */
export interface Lease {
  readonly entry: QueueEntry;
  readonly lane: Lane;
  readonly owner: string;
  readonly fence: number;
  readonly until: Date;
  /** Those of `entry.recipients` that this lease covers, by their index. */
  readonly recipients: readonly { readonly index: number; readonly recipient: QueueRecipient }[];
}

export interface RecipientOutcome {
  readonly index: number;
  readonly state: 'sent' | 'deferred' | 'bounced' | 'expired';
  readonly reply: SmtpReply | null;
  /** The host that answered, or '' */
  readonly from: string;
  /** For 'deferred'. */
  readonly nextAt?: Date;
  /** For 'deferred': the final dot was sent and its answer never came (RFC 1047). */
  readonly isUncertain?: boolean;
}

export interface QueueRecord {
  newId(near?: AccountId): QueueId;
  /** Body and row in one transaction; waiting acceptances share it (group commit). */
  accept(entry: NewQueueEntry): Promise<void>;
  /** Called after every commit that made something due, in this process: the scheduler's bell. */
  onAccepted(listener: (due: readonly QueueDue[]) => void): () => void;

  /**
   * P2. The entry that a reception of the same digest made within five days whose connection broke before the sender's next command, or null. While the
   * connection lives, equal octets on another one are another message.
   */
  findUnconfirmed(resendDigest: string): Promise<QueueId | null>;
  /** The sender's next command arrived: it saw our 250; equal octets from now on are a new message. Written in batches soon after. */
  confirm(id: QueueId): void;
  /** The connection ended before the sender's next command. For every entry with a digest there is one call of `confirm` or of this. */
  abandon(id: QueueId): void;

  /** Compare-and-set: the due recipients of a lane become 'leased' with a new fence. Null when there is nothing to do (any more). An expired lease is taken over. */
  claim(id: QueueId, lane: Lane, owner: string, leaseMs: number): Promise<Lease | null>;
  /** False: the lease was lost. */
  extend(lease: Lease, leaseMs: number): Promise<boolean>;
  /**
   * Before the final dot: these recipients become 'sending', at majority. A recipient whose lease ends in this state is flagged `mayBeSentTwice` by
   * the next claim. False: the lease was lost, and nothing may be sent.
   */
  beginSending(lease: Lease, indices: readonly number[], attemptId: string): Promise<boolean>;
  /**
   * Writes what became of the recipients, and, in the same transaction, the notices (DSN) this makes due and the JMAP submission's deliveryStatus.
   * False: the lease was lost and nothing was written.
   */
  record(lease: Lease, outcomes: readonly RecipientOutcome[], notices: readonly NewQueueEntry[]): Promise<boolean>;

  /** Everything not final, by due time: for the rebuild of the schedule and for a world without Redis. Streams in batches; named exception to the shard-key rule. */
  due(options: { readonly before?: Date; readonly limit?: number }): AsyncIterable<readonly QueueDue[]>;
  list(options: {
    readonly limit: number;
    readonly after?: QueueId;
    readonly includeFinal?: boolean;
  }): Promise<readonly QueueEntry[]>;
  get(id: QueueId): Promise<QueueEntry | null>;
  /** Makes deferred recipients due now; the number of them. All entries when no id is given. */
  retryNow(id?: QueueId): Promise<number>;
  /** Recipients that wait become 'held': nobody attempts them, and no time runs out, until they are released. Null: no such entry. */
  hold(id: QueueId): Promise<Operated | null>;
  /** Held recipients are due at once. Null: no such entry. */
  release(id: QueueId): Promise<Operated | null>;
  /** Recipients that wait or are held become 'cancelled'; nobody gets a notice. Null: no such entry. */
  drop(id: QueueId): Promise<Operated | null>;
}

/** What an operator's word did. */
export interface Operated {
  readonly recipients: number;
  /** Left alone, because an attempt is being made. */
  readonly inFlight: number;
}

export interface QueueDue {
  readonly id: QueueId;
  readonly lane: Lane;
  readonly at: Date;
}
