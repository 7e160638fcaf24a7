/**
 * Which thread a new message joins (RFC 8621 §3): one that shares a message id with it and has the same base subject (RFC 5256 §2.1), or where one of
 * the two has none. A reply that names no message at all (some phones and web forms) joins by base subject and a shared participant within 30 days.
 *
 * Keys are short hashes kept in `messages.threadKeys`. A thread that is full (MAX_THREAD_EMAILS) is not joined: a new one begins.
 */
import { createHash } from 'node:crypto';
import { baseSubject as baseSubjectOf } from '../../mail/format/base-subject.ts';
import { foldForSearch } from '../../mail/format/search-fold.ts';
import type { MessageIndex } from '../../mail/format/structure.ts';
import type { ThreadId } from '../../mail/ids.ts';
import { newThreadId } from '../../mail/ids.ts';
import type { FoldRow } from '../mongo/documents.ts';
import type { WorkRow } from './message-table.ts';
import { MAX_THREAD_EMAILS } from './mutation.ts';
import type { UnitOfWork } from './unit-of-work.ts';

const MAX_OWN_IDS = 2;
const MAX_IN_REPLY_TO = 4;
/** The first names the root, the last ones the parents. */
const MAX_REFERENCES = 10;
const MAX_BASE_SUBJECT = 200;
const SUBJECT_WINDOW_MS = 30 * 24 * 3600_000;

export interface ThreadTraits {
  readonly baseSubject: string;
  /** What the row keeps: its ids, what it refers to, and its subject. */
  readonly threadKeys: readonly string[];
  /** By which to look for its thread. */
  readonly lookFor: readonly string[];
  /** `lookFor` is the subject alone: participants and time must agree too. */
  readonly isSubjectOnly: boolean;
}

export function threadTraits(index: MessageIndex): ThreadTraits {
  const loose = looseBase(index.baseSubject);
  const baseSubject = foldForSearch(loose.base).slice(0, MAX_BASE_SUBJECT);
  const references = index.references;
  const ids = new Set([
    ...index.messageIds.slice(0, MAX_OWN_IDS),
    ...index.inReplyTo.slice(0, MAX_IN_REPLY_TO),
    ...references.slice(0, 1),
    ...references.slice(-MAX_REFERENCES + 1),
  ]);
  const idKeys = [...ids].map((id) => hash(`id ${id}`));
  const subjectKey = baseSubject === '' ? [] : [hash(`subject ${baseSubject}`)];
  const namesNobody = references.length === 0 && index.inReplyTo.length === 0;
  const isReply = loose.isReply || (index.isReplyOrForward && /^\s*re\b/i.test(index.subject));
  const isSubjectOnly = namesNobody && isReply && subjectKey.length > 0;
  return {
    baseSubject,
    threadKeys: [...idKeys, ...subjectKey],
    lookFor: isSubjectOnly ? [...idKeys, ...subjectKey] : idKeys,
    isSubjectOnly,
  };
}

/** Reply and forward marks of other languages, which RFC 5256 §2.1 doesn't know and clients put all the same. */
const FOREIGN_MARK =
  /^(?:(?:aw|antw|sv|vs|odp|rif|res|ref|ynt|vá|απ|回复|答复)|(?:wg|tr|vl|enc|rv|fs|转发))\s?(?:\[\d{1,4}\])?\s?[:：]/iu;
const FOREIGN_FORWARD = /^(?:wg|tr|vl|enc|rv|fs|转发)/iu;

function looseBase(base: string): { readonly base: string; readonly isReply: boolean } {
  let rest = base;
  let isReply = false;
  for (let mark = FOREIGN_MARK.exec(rest); mark !== null; mark = FOREIGN_MARK.exec(rest)) {
    if (!FOREIGN_FORWARD.test(rest)) isReply = true;
    rest = baseSubjectOf(rest.slice(mark[0].length)).base;
  }
  return { base: rest, isReply };
}

/** The thread to join, or a new one. Its other messages are known to `work` afterwards. */
export function chooseThread(
  work: UnitOfWork,
  traits: ThreadTraits,
  message: { readonly receivedAt: Date; readonly fold: FoldRow },
): ThreadId {
  const { baseSubject, lookFor, threadKeys, isSubjectOnly } = traits;
  const subjectKey = isSubjectOnly ? threadKeys.at(-1)! : null;
  const fits = (row: WorkRow): boolean => {
    const subject = row.baseSubject ?? '';
    if (subject !== baseSubject && subject !== '' && baseSubject !== '') return false;
    const isByIdToo = row.threadKeys?.some((key) => key !== subjectKey && lookFor.includes(key)) ?? false;
    if (isByIdToo) return true;
    return isSubjectOnly && isNear(row.receivedAt, message.receivedAt) && haveSharedParticipant(row.fold, message.fold);
  };
  const candidates = lookFor.length === 0 ? [] : work.messages.sharing(lookFor).filter(fits);
  // Thread ids begin with the time they were made: the oldest first.
  const threads = [...new Set(candidates.map((row) => row.thread))].sort();
  work.messages.expectThreads(threads);
  const open = threads.find((thread) => work.messages.inThread(thread).length < MAX_THREAD_EMAILS);
  if (open !== undefined) return open;
  const thread = newThreadId(work.at.getTime());
  work.messages.beginThread(thread);
  return thread;
}

const isNear = (a: Date, b: Date): boolean => Math.abs(a.getTime() - b.getTime()) <= SUBJECT_WINDOW_MS;

function haveSharedParticipant(a: Partial<FoldRow> | undefined, b: FoldRow): boolean {
  const others = participants(b);
  for (const one of participants(a ?? {})) if (others.has(one)) return true;
  return false;
}

/** Addresses within folded address lines: `name <local@host>` or the address alone. */
function participants(fold: Partial<FoldRow>): Set<string> {
  const found = new Set<string>();
  for (const word of `${fold.from ?? ''} ${fold.to ?? ''} ${fold.cc ?? ''}`.split(/[\s<>,]+/)) {
    if (word.includes('@')) found.add(word);
  }
  return found;
}

/** A dedupe key among the thread keys: so that one look into one index finds the repeat and the thread. */
export const dedupeThreadKey = (dedupe: string): string => hash(`dedupe ${dedupe}`);

/** 8 octets: a collision costs a wrong neighbour in a thread view, and the base subject must agree as well. */
function hash(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, 11);
}
