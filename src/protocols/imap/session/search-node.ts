/**
 * SEARCH keys as the store understands them. Pure: sequence numbers come in as a function, the time as a value.
 */
import { ANSWERED, DRAFT, FLAGGED, type Keyword, parseKeyword, SEEN } from '../../../mail/flags.ts';
import { asModseq, type EmailId } from '../../../mail/ids.ts';
import type { SearchNode, UidRange } from '../../../storage/model.ts';
import { nextDay, startOf } from '../grammar/dates.ts';
import type { FlagKey, SearchKey } from '../grammar/search-keys.ts';
import type { SequenceSet } from '../grammar/sequence-set.ts';

export interface SearchContext {
  readonly now: Date;
  readonly rangesOfSequence: (set: SequenceSet) => readonly UidRange[];
  readonly rangesOfUids: (set: SequenceSet) => readonly UidRange[];
  /** The messages of a thread (RFC 8474 §5.3), looked up before. */
  readonly emailsOfThread: (thread: string) => readonly EmailId[];
}

const KEYWORDS: Readonly<Record<Exclude<FlagKey, 'DELETED'>, Keyword>> = {
  ANSWERED,
  DRAFT,
  FLAGGED,
  SEEN,
};

export function searchNodeOf(key: SearchKey, context: SearchContext): SearchNode {
  switch (key.key) {
    case 'ALL':
    // No message is recent to anybody (see select.ts), so that every one is old.
    case 'OLD':
      return { op: 'all' };
    case 'NEW':
    case 'RECENT':
      return { op: 'none' };
    case 'ANSWERED':
    case 'DELETED':
    case 'DRAFT':
    case 'FLAGGED':
    case 'SEEN':
      return flagNode(key.key);
    case 'UNANSWERED':
    case 'UNDELETED':
    case 'UNDRAFT':
    case 'UNFLAGGED':
    case 'UNSEEN':
      return { op: 'not', node: flagNode(key.key.slice(2) as FlagKey) };
    case 'KEYWORD':
      return keywordNode(key.flag);
    case 'UNKEYWORD':
      return { op: 'not', node: keywordNode(key.flag) };
    case 'BCC':
    case 'CC':
    case 'FROM':
    case 'SUBJECT':
    case 'TO': {
      const op = key.key.toLowerCase() as 'bcc' | 'cc' | 'from' | 'subject' | 'to';
      // RFC 9051 §6.4.4: the empty string is in every text.
      return key.text === '' ? { op: 'header', name: op, text: null } : { op, text: key.text };
    }
    case 'BODY':
      return key.text === '' ? { op: 'all' } : { op: 'body', text: key.text };
    case 'TEXT':
      return key.text === '' ? { op: 'all' } : textNode(key.text);
    case 'HEADER':
      return { op: 'header', name: key.name.toLowerCase(), text: key.text === '' ? null : key.text };
    case 'BEFORE':
      return { op: 'receivedAt', to: startOf(key.day) };
    case 'ON':
      return { op: 'receivedAt', from: startOf(key.day), to: startOf(nextDay(key.day)) };
    case 'SINCE':
      return { op: 'receivedAt', from: startOf(key.day) };
    case 'SENTBEFORE':
      return { op: 'sentDay', to: key.day };
    case 'SENTON':
      return { op: 'sentDay', from: key.day, to: nextDay(key.day) };
    case 'SENTSINCE':
      return { op: 'sentDay', from: key.day };
    case 'LARGER':
      return { op: 'size', from: key.number + 1 };
    case 'SMALLER':
      return { op: 'size', to: key.number };
    // RFC 5032 §1: relative to the internal date, in seconds.
    case 'OLDER':
      return { op: 'receivedAt', to: new Date(context.now.getTime() - key.number * 1_000 + 1) };
    case 'YOUNGER':
      return { op: 'receivedAt', from: new Date(context.now.getTime() - key.number * 1_000) };
    case 'MODSEQ':
      return { op: 'modseq', from: asModseq(key.modseq) };
    case 'EMAILID':
      return { op: 'ids', emails: [key.id as EmailId] };
    case 'THREADID':
      return { op: 'ids', emails: context.emailsOfThread(key.id) };
    case 'UID':
      return { op: 'uids', ranges: context.rangesOfUids(key.set) };
    case 'SEQUENCE':
      return { op: 'uids', ranges: context.rangesOfSequence(key.set) };
    case 'NOT':
      return { op: 'not', node: searchNodeOf(key.of, context) };
    case 'OR':
      return { op: 'or', nodes: [searchNodeOf(key.a, context), searchNodeOf(key.b, context)] };
    case 'AND':
      return { op: 'and', nodes: key.of.map((each) => searchNodeOf(each, context)) };
    default:
      throw key satisfies never;
  }
}

function flagNode(flag: FlagKey): SearchNode {
  return flag === 'DELETED' ? { op: 'deleted' } : { op: 'keyword', keyword: KEYWORDS[flag] };
}

/** The names of header fields are text of the header as well, which the store's words leave out: a whole name is found. */
function textNode(text: string): SearchNode {
  const node: SearchNode = { op: 'text', text };
  const name = /^([!-9;-~]+):?$/.exec(text)?.[1];
  return name === undefined
    ? node
    : { op: 'or', nodes: [node, { op: 'header', name: name.toLowerCase(), text: null }] };
}

/** What can be no keyword is on no message. */
function keywordNode(flag: string): SearchNode {
  const keyword = parseKeyword(flag);
  return keyword === null ? { op: 'none' } : { op: 'keyword', keyword };
}

/** Whether a key of this kind is anywhere in the tree. */
export function mentions(key: SearchKey, wanted: SearchKey['key']): boolean {
  return everyKey(key).some((each) => each.key === wanted);
}

export function everyKey(key: SearchKey): SearchKey[] {
  switch (key.key) {
    case 'NOT':
      return [key, ...everyKey(key.of)];
    case 'OR':
      return [key, ...everyKey(key.a), ...everyKey(key.b)];
    case 'AND':
      return [key, ...key.of.flatMap(everyKey)];
    default:
      return [key];
  }
}
