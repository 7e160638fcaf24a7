/**
 * What the store hands out: the record in the words of the trade, free of documents, collections and wires.
 * Everything here is read-only data. The verbs are in mail-store.ts.
 */
import type { EnvelopeRecipient, EnvelopeSender } from '../mail/envelope.ts';
import type { Keyword } from '../mail/flags.ts';
import type { Envelope, MessageIndex, PartNode } from '../mail/format/structure.ts';
import type {
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

/** The types that have a JMAP state (RFC 8620 §1.6.3). The state string of a type is the modseq of its last change. */
export const STATE_TYPES = ['Mailbox', 'Email', 'Thread', 'EmailSubmission', 'Identity'] as const;
export type StateType = (typeof STATE_TYPES)[number];
export type States = Readonly<Record<StateType, Modseq>>;

export interface AccountState {
  /** Of the last committed mutation. */
  readonly modseq: Modseq;
  /** The change log reaches back to here: a cursor below it can't be followed. */
  readonly floor: Modseq;
  readonly states: States;
}

export interface Quota {
  readonly usedBytes: number;
  /** Null: unlimited. */
  readonly maxBytes: number | null;
  readonly usedMessages: number;
  readonly maxMessages: number | null;
}

/** RFC 6154 §2, RFC 8621 §2: lower-case, without the backslash. */
export const MAILBOX_ROLES = [
  'inbox',
  'sent',
  'drafts',
  'trash',
  'junk',
  'archive',
  'all',
  'flagged',
  'important',
] as const;
export type MailboxRole = (typeof MAILBOX_ROLES)[number];

export interface Mailbox {
  readonly id: MailboxId;
  /** One level, Unicode NFC. The Inbox is called 'Inbox' and has the role inbox; IMAP shows it as INBOX. */
  readonly name: string;
  readonly parent: MailboxId | null;
  readonly role: MailboxRole | null;
  readonly sortOrder: number;
  readonly subscribed: boolean;
  readonly uidValidity: number;
  readonly uidNext: Uid;
  /** Memberships, those with \Deleted too. */
  readonly total: number;
  /** Memberships of messages without $seen. */
  readonly unseen: number;
  /** RFC 8621 §2: drafts count as read in unreadEmails. Memberships with neither $seen nor $draft. */
  readonly unread: number;
  readonly totalThreads: number;
  readonly unreadThreads: number;
  /** Octets of all memberships. */
  readonly size: number;
  /** Of the last change to the mailbox or to a message in it: HIGHESTMODSEQ (RFC 7162 §3.1.2.1). */
  readonly modseq: Modseq;
}

export interface Membership {
  readonly mailbox: MailboxId;
  readonly uid: Uid;
  /** \Deleted, of this membership alone. */
  readonly deleted: boolean;
  /** RFC 8514 §1: when the message came into this mailbox. */
  readonly savedAt: Date;
}

/** Octets in GridFS; `size` is the whole, `shared` tells that the body has a content address and may be shared. */
export interface BodyRef {
  readonly id: BodyId;
  readonly size: number;
}

/** One row of `messages`, without what was parsed from it. */
export interface Message {
  readonly id: EmailId;
  readonly thread: ThreadId;
  readonly body: BodyRef;
  readonly size: number;
  /** With each bare LF as CRLF: what POP3 sends and counts (RFC 1939 §11). */
  readonly crlfSize: number;
  readonly receivedAt: Date;
  readonly keywords: readonly Keyword[];
  readonly mailboxes: readonly Membership[];
  readonly modseq: Modseq;
  readonly createdModseq: Modseq;
  /** Present where asked for by `MessageField`. */
  readonly envelope?: Envelope;
  readonly structure?: PartNode;
  readonly summary?: MessageSummary;
}
export type MessageField = 'envelope' | 'structure' | 'summary';

/** Cheap parsed values for lists. */
export interface MessageSummary {
  readonly subject: string;
  readonly preview: string;
  readonly hasAttachment: boolean;
  /** The Date field; null when missing or unreadable. */
  readonly sentAt: Date | null;
  /** Minutes east of UTC of the Date field. */
  readonly sentAtOffset: number;
}

export interface Thread {
  readonly id: ThreadId;
  /** Oldest first by receivedAt (RFC 8621 §3). */
  readonly emails: readonly EmailId[];
}

/** One mutation as the log keeps it. Every modseq has exactly one row. */
export interface ChangeRow {
  readonly modseq: Modseq;
  readonly created: Readonly<Partial<Record<StateType, readonly string[]>>>;
  readonly updated: Readonly<Partial<Record<StateType, readonly string[]>>>;
  readonly destroyed: Readonly<Partial<Record<StateType, readonly string[]>>>;
  /** Memberships that ended: what IMAP reports as EXPUNGE or VANISHED. */
  readonly expunged: readonly { readonly mailbox: MailboxId; readonly uids: readonly Uid[] }[];
  /** Mailboxes of which an IMAP session may see a difference: their messages or themselves. */
  readonly touched: readonly MailboxId[];
  /** All `updated.Mailbox` of this row changed in their counts only (RFC 8621 §2.2 updatedProperties). */
  readonly isMailboxCountsOnly: boolean;
}

export interface ChangePage {
  readonly rows: readonly ChangeRow[];
  /** Everything up to here is in `rows` or earlier pages. */
  readonly upTo: Modseq;
  readonly hasMore: boolean;
}

/**
 * A search in neutral words: IMAP SEARCH keys (RFC 3501 §6.4.4) and JMAP filters (RFC 8621 §4.4.1) both translate to it.
 * Text comparisons fold case, width and accents (mail/format/search-fold) and look for a substring.
 */
export type SearchNode =
  | { readonly op: 'all' }
  | { readonly op: 'none' }
  | { readonly op: 'and' | 'or'; readonly nodes: readonly SearchNode[] }
  | { readonly op: 'not'; readonly node: SearchNode }
  | { readonly op: 'inMailbox'; readonly mailbox: MailboxId }
  | { readonly op: 'onlyInMailboxes'; readonly mailboxes: readonly MailboxId[] }
  /** UIDs of the mailbox that is searched; inclusive ranges, ascending, disjoint. */
  | { readonly op: 'uids'; readonly ranges: readonly UidRange[] }
  | { readonly op: 'ids'; readonly emails: readonly EmailId[] }
  | { readonly op: 'keyword'; readonly keyword: Keyword }
  /** \Deleted of the membership in the mailbox that is searched. */
  | { readonly op: 'deleted' }
  | { readonly op: 'threadKeyword'; readonly quantity: 'all' | 'some'; readonly keyword: Keyword }
  /** Half-open: from <= receivedAt < to, instants. */
  | { readonly op: 'receivedAt' | 'savedAt'; readonly from?: Date; readonly to?: Date }
  | { readonly op: 'sentAt'; readonly from?: Date; readonly to?: Date }
  /** RFC 3501 §6.4.4 SENTON and friends disregard time and zone: calendar days of the Date field as written, 'YYYY-MM-DD', half-open. */
  | { readonly op: 'sentDay'; readonly from?: string; readonly to?: string }
  /** Octets, half-open: from <= size < to. */
  | { readonly op: 'size'; readonly from?: number; readonly to?: number }
  | { readonly op: 'hasAttachment' }
  | { readonly op: 'modseq'; readonly from: Modseq }
  | { readonly op: 'from' | 'to' | 'cc' | 'bcc' | 'subject'; readonly text: string }
  /** A header field by name; text '' or null: the field exists. */
  | { readonly op: 'header'; readonly name: string; readonly text: string | null }
  /** Decoded text of the text parts; 'text' looks into the header as well. */
  | { readonly op: 'body' | 'text'; readonly text: string };

export interface UidRange {
  readonly from: Uid;
  readonly to: Uid;
}

export type EmailSortProperty =
  | 'receivedAt'
  | 'sentAt'
  | 'size'
  | 'from'
  | 'to'
  | 'subject'
  | 'keyword'
  | 'allInThreadHaveKeyword'
  | 'someInThreadHaveKeyword';
export interface EmailSort {
  readonly property: EmailSortProperty;
  readonly isAscending: boolean;
  readonly keyword?: Keyword;
}

export interface EmailQuery {
  readonly filter: SearchNode;
  readonly sort: readonly EmailSort[];
  readonly collapseThreads: boolean;
  /** Zero-based; negative counts from the end (RFC 8620 §5.5). Ignored with an anchor. */
  readonly position: number;
  readonly anchor?: EmailId;
  readonly anchorOffset?: number;
  readonly limit: number;
  readonly calculateTotal: boolean;
}
export interface EmailQueryResult {
  /** Of Email at the time of the query, taken before it ran. */
  readonly state: Modseq;
  readonly ids: readonly EmailId[];
  readonly position: number;
  readonly total?: number;
}

/** The UIDs of a mailbox in ascending order at one modseq. */
export interface UidMap {
  readonly modseq: Modseq;
  readonly uids: Uint32Array;
}

/** Octets that were received and indexed, and wait to become part of a message: not yet durable when `isDurable` is false. */
export interface StagedBody {
  readonly ref: BodyRef;
  readonly index: MessageIndex;
  /** Hex SHA-256 of the octets. */
  readonly sha256: string;
  /** Present for a small body, which travels inside the transaction that makes it durable. */
  readonly octets?: Buffer;
}

/** A thing that a client may download. `encoding` is to be undone for a part. */
export interface Blob {
  readonly id: BlobId;
  readonly body: BodyRef;
  /** Half-open octet range of the body. */
  readonly from: number;
  readonly to: number;
  readonly encoding: 'identity' | 'base64' | 'quoted-printable';
  /** As declared by the part or the upload. */
  readonly type: string;
  readonly name: string | null;
}

export interface Identity {
  readonly id: IdentityId;
  readonly name: string;
  readonly email: string;
  readonly replyTo: readonly { readonly name: string | null; readonly email: string }[] | null;
  readonly bcc: readonly { readonly name: string | null; readonly email: string }[] | null;
  readonly textSignature: string;
  readonly htmlSignature: string;
  readonly mayDelete: boolean;
}

export interface DeliveryStatus {
  readonly smtpReply: string;
  readonly delivered: 'queued' | 'yes' | 'no' | 'unknown';
  readonly displayed: 'unknown' | 'yes';
}

/** RFC 8621 §7. */
export interface Submission {
  readonly id: SubmissionId;
  readonly identity: IdentityId;
  readonly email: EmailId;
  readonly thread: ThreadId;
  readonly envelope: { readonly mailFrom: EnvelopeSender; readonly rcptTo: readonly EnvelopeRecipient[] };
  readonly sendAt: Date;
  readonly undoStatus: 'pending' | 'final' | 'canceled';
  /** By recipient address. */
  readonly deliveryStatus: ReadonlyMap<string, DeliveryStatus>;
  readonly queue: QueueId;
}
