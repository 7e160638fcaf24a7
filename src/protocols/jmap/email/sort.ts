/** The sorts of Email/query (RFC 8621 §4.4.2) in the store's words. */
import { parseKeyword } from '../../../mail/flags.ts';
import type { EmailSort, EmailSortProperty } from '../../../storage/model.ts';
import { InvalidValue } from '../json/object-reader.ts';
import type { Comparator } from '../standard/query.ts';

const STORE_PROPERTY = new Map<string, EmailSortProperty>([
  ['receivedAt', 'receivedAt'],
  ['sentAt', 'sentAt'],
  ['size', 'size'],
  ['from', 'from'],
  ['to', 'to'],
  ['subject', 'subject'],
  ['hasKeyword', 'keyword'],
  ['allInThreadHaveKeyword', 'allInThreadHaveKeyword'],
  ['someInThreadHaveKeyword', 'someInThreadHaveKeyword'],
]);

export const EMAIL_SORT_PROPERTIES: ReadonlySet<string> = new Set(STORE_PROPERTY.keys());

/** Without a sort the newest come first: a stable order of our own choice (RFC 8620 §5.5). */
const DEFAULT_SORT: readonly EmailSort[] = [{ property: 'receivedAt', isAscending: false }];

export function emailSort(comparators: readonly Comparator[]): readonly EmailSort[] {
  if (comparators.length === 0) return DEFAULT_SORT;
  return comparators.map(({ property, isAscending, keyword: text }, index) => {
    const storeProperty = STORE_PROPERTY.get(property)!;
    if (!property.endsWith('Keyword')) {
      if (text !== null) throw new InvalidValue(`sort/${index}/keyword`, `does not belong to ${property}`);
      return { property: storeProperty, isAscending };
    }
    const keyword = text === null ? null : parseKeyword(text);
    if (keyword === null) throw new InvalidValue(`sort/${index}/keyword`, 'must be a keyword');
    return { property: storeProperty, isAscending, keyword };
  });
}
