/**
 * Decides a search for one row, exactly. Three-valued (Kleene): null where only the octets can tell, so that they are read only when needed.
 */
import { foldForSearch } from '../../mail/format/search-fold.ts';
import type { SearchNode } from '../model.ts';
import type { MembershipRow } from '../mongo/documents.ts';
import { FOLD_LIMIT } from './push-down.ts';
import type { SearchContext, SearchRow } from './search-context.ts';

/** What reading the octets brought to light. */
export interface Facts {
  /** Of the folded needles, those that are in the decoded text parts. */
  readonly inBody: ReadonlySet<string>;
  /** Header fields in order: name in lower case, value decoded and folded. */
  readonly header: readonly (readonly [name: string, value: string])[];
}

/** `facts` null: the octets were not read yet. With facts the answer is never null. */
export function evaluate(
  node: SearchNode,
  row: SearchRow,
  context: SearchContext,
  facts: Facts | null,
): boolean | null {
  switch (node.op) {
    case 'all':
      return true;
    case 'none':
      return false;
    case 'and':
      return combine(node.nodes, false, row, context, facts);
    case 'or':
      return combine(node.nodes, true, row, context, facts);
    case 'not': {
      const inner = evaluate(node.node, row, context, facts);
      return inner === null ? null : !inner;
    }
    case 'inMailbox':
      return row.mailboxes.some((m) => m.id === node.mailbox);
    case 'onlyInMailboxes':
      return row.mailboxes.every((m) => node.mailboxes.includes(m.id));
    case 'uids':
      return context.mailbox !== null && own(row, context).some((m) => isInRanges(m.uid, node.ranges));
    case 'ids':
      return node.emails.includes(row._id);
    case 'keyword':
      return row.keywords.includes(node.keyword);
    case 'deleted':
      return own(row, context).some((m) => m.deleted);
    case 'threadKeyword':
      return node.quantity === 'some'
        ? (context.threadsWith.get(node.keyword)?.has(row.thread) ?? false)
        : !(context.threadsLacking.get(node.keyword)?.has(row.thread) ?? false);
    case 'receivedAt':
      return isBetween(row.receivedAt.getTime(), node.from?.getTime(), node.to?.getTime());
    case 'savedAt':
      return own(row, context).some((m) => isBetween(m.savedAt.getTime(), node.from?.getTime(), node.to?.getTime()));
    case 'sentAt':
      return row.sentAt !== null && isBetween(row.sentAt.getTime(), node.from?.getTime(), node.to?.getTime());
    case 'sentDay':
      return row.sentAt !== null && isBetween(writtenDay(row.sentAt, row.sentAtOffset), node.from, node.to);
    case 'size':
      return isBetween(row.size, node.from, node.to);
    case 'hasAttachment':
      return row.hasAttachment;
    case 'modseq':
      return row.modseq >= node.from;
    case 'from':
    case 'to':
    case 'cc':
    case 'bcc':
    case 'subject': {
      const needle = foldForSearch(node.text);
      const kept = row.fold[node.op];
      if (kept.includes(needle)) return true;
      if (kept.length < FOLD_LIMIT - 1) return false;
      return facts === null ? null : facts.header.some(([name, value]) => name === node.op && value.includes(needle));
    }
    case 'header': {
      if (facts === null) return null;
      const name = node.name.toLowerCase();
      const needle = node.text === null ? '' : foldForSearch(node.text);
      return facts.header.some(([field, value]) => field === name && value.includes(needle));
    }
    case 'body': {
      const needle = foldForSearch(node.text);
      if (needle === '') return true;
      return facts === null ? null : facts.inBody.has(needle);
    }
    case 'text': {
      const needle = foldForSearch(node.text);
      if (needle === '' || Object.values(row.fold).some((field) => field.includes(needle))) return true;
      if (facts === null) return null;
      return facts.inBody.has(needle) || facts.header.some(([, value]) => value.includes(needle));
    }
    default:
      return node satisfies never;
  }
}

/** AND with `decisive` false, OR with true: one decisive child decides, one unknown child leaves it open. */
function combine(
  nodes: readonly SearchNode[],
  decisive: boolean,
  row: SearchRow,
  context: SearchContext,
  facts: Facts | null,
): boolean | null {
  let result: boolean | null = !decisive;
  for (const node of nodes) {
    const value = evaluate(node, row, context, facts);
    if (value === decisive) return decisive;
    if (value === null) result = null;
  }
  return result;
}

/** The membership in the mailbox that is searched; all of them in a search of the whole account. */
function own(row: SearchRow, { mailbox }: SearchContext): readonly MembershipRow[] {
  return mailbox === null ? row.mailboxes : row.mailboxes.filter((m) => m.id === mailbox);
}

function isInRanges(uid: number, ranges: readonly { readonly from: number; readonly to: number }[]): boolean {
  let low = 0;
  let high = ranges.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const range = ranges[middle]!;
    if (uid < range.from) high = middle - 1;
    else if (uid > range.to) low = middle + 1;
    else return true;
  }
  return false;
}

function isBetween<Value extends number | string>(
  value: Value,
  from: Value | undefined,
  to: Value | undefined,
): boolean {
  return (from === undefined || value >= from) && (to === undefined || value < to);
}

/** RFC 3501 §6.4.4: the day that stands in the Date field, whatever its zone. */
function writtenDay(sentAt: Date, offsetMinutes: number): string {
  return new Date(sentAt.getTime() + offsetMinutes * 60_000).toISOString().slice(0, 10);
}
