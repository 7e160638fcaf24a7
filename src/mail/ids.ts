/**
 * Every identifier of the record, branded so that one can't stand for another, and made in this one place.
 *
 * An account, body or queue id starts with a random bucket (two letters a-p, 256 buckets): a sharded cluster gives each bucket range of
 * every collection to one shard. All ids are safe JMAP Ids (RFC 8620 §1.2): letters first, then letters, digits, '-' and '_'.
 */
import { randomBytes } from 'node:crypto';

declare const brand: unique symbol;
type Branded<T, Name extends string> = T & { readonly [brand]: Name };

export type AccountId = Branded<string, 'AccountId'>;
export type MailboxId = Branded<string, 'MailboxId'>;
/** One row of `messages`: a JMAP Email (RFC 8621 §4), an IMAP EMAILID (RFC 8474 §5.1). */
export type EmailId = Branded<string, 'EmailId'>;
export type ThreadId = Branded<string, 'ThreadId'>;
/** The octets of a message or an upload in GridFS. Never shown to a client: clients see a BlobId. */
export type BodyId = Branded<string, 'BodyId'>;
/** What a client may download (RFC 8620 §6): a message, a part of one, or an upload of its own account. */
export type BlobId = Branded<string, 'BlobId'>;
export type QueueId = Branded<string, 'QueueId'>;
export type SubmissionId = Branded<string, 'SubmissionId'>;
export type IdentityId = Branded<string, 'IdentityId'>;
/** IMAP unique identifier within a mailbox (RFC 3501 §2.3.1.1), 1 to 2^32-1. */
export type Uid = Branded<number, 'Uid'>;
/** Modification sequence of an account (RFC 7162 §3.1), 1 to 2^53-1. Also the JMAP state. */
export type Modseq = Branded<number, 'Modseq'>;
/** Two letters a-p that begin account, body and queue ids; the unit that zones give to a shard. */
export type Bucket = Branded<string, 'Bucket'>;

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';
const BUCKET_LETTERS = 'abcdefghijklmnop';

/** `length` random characters of 5 bits each. */
function randomText(length: number): string {
  let text = '';
  for (const octet of randomBytes(length)) text += ALPHABET[octet & 31];
  return text;
}

/** Milliseconds since 1970 as nine characters that sort as the time does, so that new rows land side by side in their index. */
function timeText(atMs: number): string {
  let text = '';
  for (let rest = Math.floor(atMs), i = 0; i < 9; i++, rest = Math.floor(rest / 32)) text = ORDERED[rest % 32] + text;
  return text;
}
const ORDERED = '234567abcdefghijklmnopqrstuvwxyz';

export function newBucket(): Bucket {
  const octet = randomBytes(1)[0]!;
  return (BUCKET_LETTERS[octet >> 4]! + BUCKET_LETTERS[octet & 15]!) as Bucket;
}

/** The bucket that an account, body or queue id begins with. */
export function bucketOf(id: AccountId | BodyId | QueueId): Bucket {
  return id.slice(0, 2) as Bucket;
}

export const newAccountId = (bucket: Bucket = newBucket()): AccountId => `${bucket}${randomText(14)}` as AccountId;
export const newBodyId = (bucket: Bucket, atMs: number): BodyId =>
  `${bucket}${timeText(atMs)}${randomText(10)}` as BodyId;
export const newQueueId = (bucket: Bucket, atMs: number): QueueId =>
  `${bucket}${timeText(atMs)}${randomText(10)}` as QueueId;
export const newMailboxId = (): MailboxId => `m${randomText(12)}` as MailboxId;
export const newEmailId = (atMs: number): EmailId => `e${timeText(atMs)}${randomText(10)}` as EmailId;
export const newThreadId = (atMs: number): ThreadId => `t${timeText(atMs)}${randomText(10)}` as ThreadId;
export const newSubmissionId = (atMs: number): SubmissionId => `s${timeText(atMs)}${randomText(10)}` as SubmissionId;
export const newIdentityId = (): IdentityId => `i${randomText(12)}` as IdentityId;
export const newUploadBlobId = (atMs: number): BlobId => `u${timeText(atMs)}${randomText(10)}` as BlobId;

/** The blob of a whole message. */
export const messageBlobId = (email: EmailId): BlobId => `b${email}` as BlobId;
/** The blob of one part: its content after the transfer encoding is undone (RFC 8621 §4.1.4). `partId` is a dotted part number. */
export const partBlobId = (email: EmailId, partId: string): BlobId =>
  `p${email}_${partId.replaceAll('.', '_')}` as BlobId;

export type BlobName =
  | { readonly kind: 'message'; readonly email: EmailId }
  | { readonly kind: 'part'; readonly email: EmailId; readonly partId: string }
  | { readonly kind: 'upload'; readonly blob: BlobId };

/** What a blob id points at, or null when it is none of ours. Says nothing about whether the thing exists. */
export function parseBlobId(text: string): BlobName | null {
  const part = /^p(e[a-z2-7]{19})_([0-9]{1,4}(?:_[0-9]{1,4}){0,60})$/.exec(text);
  if (part) return { kind: 'part', email: part[1] as EmailId, partId: part[2]!.replaceAll('_', '.') };
  const message = /^b(e[a-z2-7]{19})$/.exec(text);
  if (message) return { kind: 'message', email: message[1] as EmailId };
  return /^u[a-z2-7]{19}$/.test(text) ? { kind: 'upload', blob: text as BlobId } : null;
}

export const asUid = (n: number): Uid => n as Uid;
export const asModseq = (n: number): Modseq => n as Modseq;
