/**
 * The rows of MongoDB: one type for each collection, and the way from a row to the words of model.ts.
 *
 * Promise: nothing outside src/storage/ sees these shapes. Values that JavaScript only hands on (envelope, structure, index) are one JSON string
 * each: BSON subdocuments are slow to decode. Every row of an account carries `account`, the beginning of its shard key.
 */
import type { Binary, ObjectId } from 'mongodb';
import type { EnvelopeRecipient, EnvelopeSender } from '../../mail/envelope.ts';
import type { Keyword } from '../../mail/flags.ts';
import type { MessageIndex } from '../../mail/format/structure.ts';
import { decodeEnvelope, decodeStructure, encodeEnvelope, encodeStructure } from '../../mail/format/structure-codec.ts';
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
} from '../../mail/ids.ts';
import { asModseq } from '../../mail/ids.ts';
import type {
  AccountState,
  ChangeRow,
  Identity,
  Mailbox,
  MailboxRole,
  Message,
  MessageField,
  Quota,
  StateType,
  Submission,
} from '../model.ts';
import type { Lane, QueueEntry, RecipientState } from '../queue-record.ts';

export const COLLECTIONS = {
  accounts: 'accounts',
  addresses: 'addresses',
  domains: 'domains',
  mailboxes: 'mailboxes',
  messages: 'messages',
  changes: 'changes',
  identities: 'identities',
  submissions: 'submissions',
  uploads: 'uploads',
  bodyFiles: 'bodies.files',
  bodyChunks: 'bodies.chunks',
  bodyAddresses: 'bodies.addresses',
  bodyUnfinished: 'bodies.unfinished',
  queue: 'queue',
  meta: 'meta',
} as const;

/** The first field of each sharded collection's shard key: what every query must give. */
export const SHARD_KEYS: Readonly<Record<string, string>> = {
  accounts: '_id',
  addresses: '_id',
  mailboxes: 'account',
  messages: 'account',
  changes: 'account',
  identities: 'account',
  submissions: 'account',
  uploads: 'account',
  'bodies.files': '_id',
  'bodies.chunks': 'files_id',
  'bodies.addresses': '_id',
  'bodies.unfinished': '_id',
  queue: '_id',
};

export interface AccountRow {
  readonly _id: AccountId;
  /** The main address first, as shown. */
  readonly addresses: readonly string[];
  readonly name: string;
  readonly passwordHash: string;
  readonly isDisabled: boolean;
  /** Its rows are being removed, in steps: no mutation may begin any more. */
  readonly removedAt?: Date;
  readonly createdAt: Date;
  /** Of the last committed mutation. */
  readonly modseq: number;
  /** Rows of `changes` exist for floor < modseq. */
  readonly floor: number;
  readonly states: Readonly<Record<StateType, number>>;
  readonly usedBytes: number;
  readonly usedMessages: number;
  readonly maxBytes: number | null;
  readonly maxMessages: number | null;
  /** The greatest UIDVALIDITY that was ever given (RFC 3501 §2.3.1.1). */
  readonly lastUidValidity: number;
}

/** The directory: `_id` is `addressKey(address)`. */
export interface AddressRow {
  readonly _id: string;
  readonly account: AccountId;
}

export interface DomainRow {
  readonly _id: string;
  readonly createdAt: Date;
  /** The first account of the domain: gets what is for postmaster and abuse when nobody else does (RFC 5321 §4.5.1, RFC 2142 §2). */
  readonly postmaster?: AccountId;
}

export interface MailboxRow {
  readonly _id: MailboxId;
  readonly account: AccountId;
  readonly name: string;
  readonly parent: MailboxId | null;
  readonly role: MailboxRole | null;
  readonly sortOrder: number;
  readonly subscribed: boolean;
  readonly uidValidity: number;
  readonly uidNext: number;
  readonly total: number;
  readonly unseen: number;
  readonly unread: number;
  readonly totalThreads: number;
  readonly unreadThreads: number;
  readonly size: number;
  readonly modseq: number;
}

export interface MembershipRow {
  readonly id: MailboxId;
  readonly uid: number;
  readonly deleted: boolean;
  readonly savedAt: Date;
}

export interface BodyRefRow {
  readonly id: BodyId;
  readonly size: number;
}

/** Folded by `foldForSearch`: addresses with their names, joined by a line feed. */
export interface FoldRow {
  readonly from: string;
  readonly to: string;
  readonly cc: string;
  readonly bcc: string;
  readonly subject: string;
}

export interface MessageRow {
  readonly _id: EmailId;
  readonly account: AccountId;
  readonly thread: ThreadId;
  readonly body: BodyRefRow;
  readonly size: number;
  /** With each bare LF as CRLF; absent where that is `size`. */
  readonly crlfSize?: number;
  readonly receivedAt: Date;
  /** The Date field; null when missing or unreadable. */
  readonly sentAt: Date | null;
  /** Minutes east of UTC of the Date field. */
  readonly sentAtOffset: number;
  readonly keywords: readonly Keyword[];
  readonly mailboxes: readonly MembershipRow[];
  readonly modseq: number;
  readonly createdModseq: number;
  /** encodeEnvelope */
  readonly envelope: string;
  /** encodeStructure */
  readonly structure: string;
  readonly subject: string;
  readonly preview: string;
  readonly hasAttachment: boolean;
  readonly fold: FoldRow;
  /** RFC 5256 §2.1, folded. */
  readonly baseSubject: string;
  /** Short hashes of Message-ID, In-Reply-To, References, the base subject and the dedupe key. */
  readonly threadKeys: readonly string[];
  readonly dedupe?: string;
}

/** Bodies are GridFS as its specification has it, with ids of ours. */
export interface BodyFileRow {
  readonly _id: BodyId;
  readonly length: number;
  readonly chunkSize: number;
  readonly uploadDate: Date;
  readonly metadata: BodyMetadata;
}
export interface BodyMetadata {
  /** Hex SHA-256 of the octets. */
  readonly sha256: string;
  /** The last time somebody meant to refer to a body that was there already: the sweep counts its age from here. */
  readonly touchedAt?: Date;
}
/** The content address of a large body: `_id` is the hex SHA-256. */
export interface BodyAddressRow {
  readonly _id: string;
  readonly body: BodyId;
  readonly size: number;
}
/** Chunks under this id have no files document: not yet, or not any more. */
export interface BodyUnfinishedRow {
  readonly _id: BodyId;
  readonly at: Date;
  /** Of a body that is being removed. */
  readonly sha256?: string;
}
export interface BodyChunkRow {
  readonly _id: ObjectId;
  readonly files_id: BodyId;
  readonly n: number;
  readonly data: Binary;
}
/** GridFS's usual 255 KiB: a chunk with its key stays under 256 KiB. */
export const CHUNK_BYTES = 255 * 1024;

/** One row a modseq: dense. `_id` is the mutation's own mark: whoever finds it knows that this very attempt was committed. */
export interface ChangeLogRow {
  readonly _id: ObjectId;
  readonly account: AccountId;
  readonly modseq: number;
  readonly at: Date;
  readonly created?: Readonly<Partial<Record<StateType, readonly string[]>>>;
  readonly updated?: Readonly<Partial<Record<StateType, readonly string[]>>>;
  readonly destroyed?: Readonly<Partial<Record<StateType, readonly string[]>>>;
  readonly expunged?: readonly { readonly mailbox: MailboxId; readonly uids: readonly number[] }[];
  readonly touched?: readonly MailboxId[];
  readonly countsOnly?: true;
}

export interface IdentityRow {
  readonly _id: IdentityId;
  readonly account: AccountId;
  readonly name: string;
  readonly email: string;
  readonly replyTo: Identity['replyTo'];
  readonly bcc: Identity['bcc'];
  readonly textSignature: string;
  readonly htmlSignature: string;
  readonly mayDelete: boolean;
}

export interface SubmissionRow {
  readonly _id: SubmissionId;
  readonly account: AccountId;
  readonly identity: IdentityId;
  readonly email: EmailId;
  readonly thread: ThreadId;
  readonly mailFrom: EnvelopeSender;
  readonly rcptTo: readonly EnvelopeRecipient[];
  readonly sendAt: Date;
  readonly undoStatus: Submission['undoStatus'];
  readonly deliveryStatus: readonly {
    readonly address: string;
    readonly smtpReply: string;
    readonly delivered: 'queued' | 'yes' | 'no' | 'unknown';
    readonly displayed: 'unknown' | 'yes';
  }[];
  readonly queue: QueueId;
}

/** RFC 8620 §6.1. */
export interface UploadRow {
  readonly _id: BlobId;
  readonly account: AccountId;
  readonly body: BodyRefRow;
  readonly type: string;
  readonly at: Date;
}

export interface QueueRecipientRow extends EnvelopeRecipient {
  readonly lane: Lane;
  readonly account?: AccountId;
  readonly state: RecipientState;
  readonly attempts: number;
  readonly nextAt: Date;
  readonly lastReply?: {
    readonly code: number;
    readonly status: string | null;
    readonly lines: readonly string[];
    readonly from: string;
    readonly at: Date;
  };
  readonly isNotified: boolean;
  /** The fence under which its last outcome was written: whoever records again after a lost answer finds its own. */
  readonly recordedFence?: number;
  readonly lastSending?: { readonly id: string; readonly at: Date };
  readonly mayBeSentTwice?: number;
  /** Only while state is 'leased' or 'sending'. */
  readonly lease?: { readonly owner: string; readonly fence: number; readonly until: Date };
}

export interface QueueRow {
  readonly _id: QueueId;
  readonly body: BodyRefRow;
  readonly skip: number;
  readonly sender: EnvelopeSender;
  readonly senderAccount: AccountId | null;
  readonly submission: SubmissionId | null;
  readonly source: QueueEntry['source'];
  readonly recipients: readonly QueueRecipientRow[];
  readonly acceptedAt: Date;
  /** Grows with every claim of any lane. */
  readonly fence: number;
  /** The earliest nextAt, or end of a lease, of those not final; absent when all are final: the partial index `due`. */
  readonly due?: Date;
  /** Absent as soon as it is known that the sender saw the 250. */
  readonly resendDigest?: string;
  /** Of the process that the sender is or was connected to; with `resendDigest` alone. */
  readonly receivedBy?: string;
  /** The connection ended before the sender's next command. */
  readonly isLost?: boolean;
  /** encodeIndex; until the local recipients are done. */
  readonly index?: string;
  /** Set when all are final: the row goes some days later. */
  readonly finishedAt?: Date;
  /** Set while the submission's deliveryStatus is behind the recipients; the time is that of the change it misses. */
  readonly reportDue?: Date;
}

export interface MetaRow {
  readonly _id: string;
  readonly version: number;
  /** The last sign of life of a process, by the clock of MongoDB. */
  readonly seenAt?: Date;
  /** When a chore that one process does for all was begun last. */
  readonly at?: Date;
}

export const INITIAL_STATES = { Mailbox: 0, Email: 0, Thread: 0, EmailSubmission: 0, Identity: 0 } as const;

export function stateOf(row: Pick<AccountRow, 'modseq' | 'floor' | 'states'>): AccountState {
  return {
    modseq: asModseq(row.modseq),
    floor: asModseq(row.floor),
    states: row.states as AccountState['states'],
  };
}

export function quotaOf(row: Pick<AccountRow, 'usedBytes' | 'maxBytes' | 'usedMessages' | 'maxMessages'>): Quota {
  return {
    usedBytes: row.usedBytes,
    maxBytes: row.maxBytes,
    usedMessages: row.usedMessages,
    maxMessages: row.maxMessages,
  };
}

export function mailboxOf(row: MailboxRow): Mailbox {
  return {
    id: row._id,
    name: row.name,
    parent: row.parent,
    role: row.role,
    sortOrder: row.sortOrder,
    subscribed: row.subscribed,
    uidValidity: row.uidValidity,
    uidNext: row.uidNext as Uid,
    total: row.total,
    unseen: row.unseen,
    unread: row.unread,
    totalThreads: row.totalThreads,
    unreadThreads: row.unreadThreads,
    size: row.size,
    modseq: row.modseq as Modseq,
  };
}

/** What `messageOf` always needs. */
export const MESSAGE_PROJECTION = {
  thread: 1,
  body: 1,
  size: 1,
  crlfSize: 1,
  receivedAt: 1,
  keywords: 1,
  mailboxes: 1,
  modseq: 1,
  createdModseq: 1,
} as const;

/** The projection for a read that asks for `fields`. */
export function messageProjection(fields: readonly MessageField[] = []): Record<string, 1> {
  const projection: Record<string, 1> = { ...MESSAGE_PROJECTION };
  for (const field of fields) {
    if (field === 'summary') {
      for (const name of ['subject', 'preview', 'hasAttachment', 'sentAt', 'sentAtOffset']) projection[name] = 1;
    } else projection[field] = 1;
  }
  return projection;
}

/** A row read with `messageProjection(fields)`. */
export function messageOf(row: MessageRow, fields: readonly MessageField[] = []): Message {
  return {
    id: row._id,
    thread: row.thread,
    body: row.body,
    size: row.size,
    crlfSize: row.crlfSize ?? row.size,
    receivedAt: row.receivedAt,
    keywords: row.keywords,
    mailboxes: row.mailboxes.map((m) => ({
      mailbox: m.id,
      uid: m.uid as Uid,
      deleted: m.deleted,
      savedAt: m.savedAt,
    })),
    modseq: row.modseq as Modseq,
    createdModseq: row.createdModseq as Modseq,
    ...(fields.includes('envelope') ? { envelope: decodeEnvelope(row.envelope) } : {}),
    ...(fields.includes('structure') ? { structure: decodeStructure(row.structure) } : {}),
    ...(fields.includes('summary')
      ? {
          summary: {
            subject: row.subject,
            preview: row.preview,
            hasAttachment: row.hasAttachment,
            sentAt: row.sentAt,
            sentAtOffset: row.sentAtOffset,
          },
        }
      : {}),
  };
}

export function changeOf(row: ChangeLogRow): ChangeRow {
  return {
    modseq: row.modseq as Modseq,
    created: row.created ?? {},
    updated: row.updated ?? {},
    destroyed: row.destroyed ?? {},
    expunged: (row.expunged ?? []) as ChangeRow['expunged'],
    touched: row.touched ?? [],
    isMailboxCountsOnly: row.countsOnly === true,
  };
}

export function identityOf(row: IdentityRow): Identity {
  const { _id, account: _, ...rest } = row;
  return { id: _id, ...rest };
}

export function submissionOf(row: SubmissionRow): Submission {
  return {
    id: row._id,
    identity: row.identity,
    email: row.email,
    thread: row.thread,
    envelope: { mailFrom: row.mailFrom, rcptTo: row.rcptTo },
    sendAt: row.sendAt,
    undoStatus: row.undoStatus,
    deliveryStatus: new Map(row.deliveryStatus.map(({ address, ...status }) => [address, status])),
    queue: row.queue,
  };
}

/** A whole MessageIndex as one string, for the queue. */
export function encodeIndex(index: MessageIndex): string {
  const { root, envelope, sentAt, ...rest } = index;
  return JSON.stringify({
    ...rest,
    root: encodeStructure(root),
    envelope: encodeEnvelope(envelope),
    sentAt: sentAt === null ? null : [sentAt.date.getTime(), sentAt.zoneMinutes],
  });
}

export function decodeIndex(encoded: string): MessageIndex {
  const { root, envelope, sentAt, ...rest } = JSON.parse(encoded);
  return {
    ...rest,
    root: decodeStructure(root),
    envelope: decodeEnvelope(envelope),
    sentAt: sentAt === null ? null : { date: new Date(sentAt[0]), zoneMinutes: sentAt[1] },
  } as MessageIndex;
}
