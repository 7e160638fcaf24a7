/**
 * The order of Email/query (RFC 8621 §4.4.2). Ties end in the same order always: newest first by receivedAt, then by id.
 */
import type { EmailId, ThreadId } from '../../mail/ids.ts';
import type { EmailSort } from '../model.ts';
import type { SearchField } from './find-matches.ts';
import type { SearchContext, SearchRow } from './search-context.ts';

type Key = number | string;

export interface Sortable {
  readonly id: EmailId;
  readonly thread: ThreadId;
  readonly keys: readonly Key[];
}

const FIELDS: Readonly<Record<EmailSort['property'], readonly SearchField[]>> = {
  receivedAt: ['receivedAt'],
  sentAt: ['sentAt', 'receivedAt'],
  size: ['size'],
  from: ['fold.from'],
  to: ['fold.to'],
  subject: ['baseSubject'],
  keyword: ['keywords'],
  allInThreadHaveKeyword: ['thread'],
  someInThreadHaveKeyword: ['thread'],
};

/** The sort with the tie-break at its end. */
export function fullSort(sort: readonly EmailSort[]): readonly EmailSort[] {
  return sort.some(({ property }) => property === 'receivedAt')
    ? sort
    : [...sort, { property: 'receivedAt', isAscending: false }];
}

/** Fields of the row that the sort looks at. */
export function sortFields(sort: readonly EmailSort[]): Set<SearchField> {
  const fields = new Set<SearchField>(['thread']);
  for (const { property } of sort) for (const field of FIELDS[property]) fields.add(field);
  return fields;
}

export function sortable(row: SearchRow, sort: readonly EmailSort[], context: SearchContext): Sortable {
  return { id: row._id, thread: row.thread, keys: sort.map((by) => keyOf(row, by, context)) };
}

/** In place. */
export function sortEmails(emails: Sortable[], sort: readonly EmailSort[]): Sortable[] {
  const signs = sort.map(({ isAscending }) => (isAscending ? 1 : -1));
  return emails.sort((a, b) => {
    for (let i = 0; i < signs.length; i++) {
      const order = compare(a.keys[i]!, b.keys[i]!);
      if (order !== 0) return order * signs[i]!;
    }
    return compare(a.id, b.id);
  });
}

function keyOf(row: SearchRow, { property, keyword }: EmailSort, context: SearchContext): Key {
  switch (property) {
    case 'receivedAt':
      return row.receivedAt.getTime();
    case 'sentAt':
      // RFC 5256 §2.2: without a readable Date field, the time it came.
      return (row.sentAt ?? row.receivedAt).getTime();
    case 'size':
      return row.size;
    case 'from':
      return firstName(row.fold.from);
    case 'to':
      return firstName(row.fold.to);
    case 'subject':
      return row.baseSubject;
    case 'keyword':
      return keyword !== undefined && row.keywords.includes(keyword) ? 1 : 0;
    case 'allInThreadHaveKeyword':
      return keyword !== undefined && !context.threadsLacking.get(keyword)?.has(row.thread) ? 1 : 0;
    case 'someInThreadHaveKeyword':
      return keyword !== undefined && context.threadsWith.get(keyword)?.has(row.thread) ? 1 : 0;
    default:
      return property satisfies never;
  }
}

/** RFC 8621 §4.4.2: the name of the first address, or its email where there is no name. Folded, as the row keeps it. */
function firstName(folded: string): string {
  const end = folded.indexOf('\n');
  const first = end === -1 ? folded : folded.slice(0, end);
  const open = first.lastIndexOf('<');
  if (open === -1) return first;
  const name = first.slice(0, open).trim();
  return name === '' ? first.slice(open + 1).replace(/>$/, '') : name;
}

function compare(a: Key, b: Key): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
