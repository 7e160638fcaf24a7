/**
 * `header:{name}:as{Form}:all` (RFC 8621 §4.1.3): the parsed property, which form suits which field (RFC 8621 §4.1.2), and its value over the fields of a
 * header block.
 */
import type { HeaderField } from '../../../mail/format/header-block.ts';
import {
  asAddresses,
  asDate,
  asGroupedAddresses,
  asMessageIds,
  asRaw,
  asText,
  asUrls,
} from '../../../mail/format/header-forms.ts';

import type { AnswerBudget } from '../answer-budget.ts';

export type HeaderForm = 'Raw' | 'Text' | 'Addresses' | 'GroupedAddresses' | 'MessageIds' | 'Date' | 'URLs';

export interface HeaderProperty {
  /** As the client wrote it: what the answer calls it. */
  readonly property: string;
  /** As the client wrote it. */
  readonly name: string;
  readonly form: HeaderForm;
  readonly isAll: boolean;
}

const FORMS: Record<HeaderForm, (value: Buffer) => unknown> = {
  Raw: asRaw,
  Text: asText,
  Addresses: asAddresses,
  GroupedAddresses: asGroupedAddresses,
  MessageIds: asMessageIds,
  Date: asDate,
  URLs: asUrls,
};

const ADDRESS_FORMS = ['Addresses', 'GroupedAddresses'] as const;
/** RFC 8621 §4.1.2: the fields of RFC 5322 §3.6 and RFC 2369 §3 have the forms named here besides Raw; every other field has all. */
const FORMS_OF_FIELD: ReadonlyMap<string, readonly HeaderForm[]> = new Map<string, readonly HeaderForm[]>([
  ...['subject', 'comments', 'keywords'].map((name) => [name, ['Text']] as const),
  ...['from', 'sender', 'reply-to', 'to', 'cc', 'bcc'].flatMap((name) => [
    [name, ADDRESS_FORMS] as const,
    [`resent-${name}`, ADDRESS_FORMS] as const,
  ]),
  ...['message-id', 'in-reply-to', 'references', 'resent-message-id'].map((name) => [name, ['MessageIds']] as const),
  ...['date', 'resent-date'].map((name) => [name, ['Date']] as const),
  ...['help', 'unsubscribe', 'subscribe', 'post', 'owner', 'archive'].map(
    (name) => [`list-${name}`, ['URLs']] as const,
  ),
  ['return-path', []],
  ['received', []],
]);

const HEADER_NAME = /^[\x21-\x39\x3b-\x7e]{1,255}$/;

/** Null: not a header property, or a form that the field does not have. */
export function parseHeaderProperty(property: string): HeaderProperty | null {
  const [prefix, name, ...suffixes] = property.split(':');
  if (prefix !== 'header' || name === undefined || !HEADER_NAME.test(name)) return null;
  const isAll = suffixes.at(-1) === 'all';
  if (isAll) suffixes.pop();
  const [as, ...rest] = suffixes;
  if (rest.length > 0) return null;
  if (as === undefined) return { property, name, form: 'Raw', isAll };
  if (!as.startsWith('as') || !Object.hasOwn(FORMS, as.slice(2))) return null;
  const form = as.slice(2) as HeaderForm;
  return isFormOf(name, form) ? { property, name, form, isAll } : null;
}

export function isFormOf(name: string, form: HeaderForm): boolean {
  if (form === 'Raw') return true;
  const forms = FORMS_OF_FIELD.get(name.toLowerCase());
  return forms === undefined || forms.includes(form);
}

/** RFC 8621 §4.1.3: the last field of the name, or all of them in order; null or none when there is none. */
export function valueOfHeader(
  { name, form, isAll }: HeaderProperty,
  fields: readonly HeaderField[],
  budget: AnswerBudget,
): unknown {
  const key = name.toLowerCase();
  const show = (value: Buffer): unknown => {
    budget.spend(value.length);
    return FORMS[form](value);
  };
  if (isAll) return fields.filter((field) => field.key === key).map((field) => show(field.value));
  const field = fields.findLast((one) => one.key === key);
  return field === undefined ? null : show(field.value);
}

/** RFC 8621 §4.1.3 `headers`: every field in Raw form. */
export function allHeaders(
  fields: readonly HeaderField[],
  budget: AnswerBudget,
): { readonly name: string; readonly value: string }[] {
  return fields.map(({ name, value, start, end }) => {
    budget.spend(end - start);
    return { name, value: asRaw(value) };
  });
}
