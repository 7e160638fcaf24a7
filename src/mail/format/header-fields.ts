// Writes header fields: each function gives one whole field, folded, ending in CRLF. Names and values are made safe: no
// CR, LF or NUL from a value ever reaches the wire, so no field can be smuggled in. Lines stay within 78 characters
// where a space allows it. RFC 5322 §2.2.3, §3.6, RFC 2047, RFC 8621 §4.1.2

import { type AddressGroup, addrSpec, parseAddressList } from './address-list.ts';
import { formatDateTime } from './date-time.ts';
import { encodeWords, needsWords } from './encoded-words.ts';
import type { EmailAddress, SentAt } from './structure.ts';

/** RFC 5322 §2.1.1: lines should have no more characters than this. */
const FOLD_AT = 78;

/** A longer word can't be folded and is written as encoded words. */
const MAX_WORD = 200;

/** Unstructured text, e.g. Subject; encoded words only from the first to the last word that needs them. */
export function textField(name: string, text: string): string {
  const clean = oneLine(text);
  if (clean !== clean.trim()) return fold(name, encodeWords(clean, false));
  const words = clean.split(' ');
  const isHard = (word: string): boolean => needsWords(word) || word.length > MAX_WORD;
  const first = words.findIndex(isHard);
  if (first === -1) return fold(name, clean);
  const last = words.findLastIndex(isHard);
  const encoded = encodeWords(words.slice(first, last + 1).join(' '), false);
  return fold(name, [...words.slice(0, first), encoded, ...words.slice(last + 1)].join(' '));
}

/** A list of mailboxes. Addresses are re-read and written canonically; one that can't be read is left out. */
export function addressField(name: string, addresses: readonly EmailAddress[]): string {
  return fold(name, mailboxes(addresses));
}

/** RFC 5322 §3.4: groups; entries named null are plain mailboxes. */
export function groupedAddressField(name: string, groups: readonly AddressGroup[]): string {
  const texts = groups.map((group) => {
    const list = mailboxes(group.addresses);
    return group.name === null ? list : `${phrase(group.name)}:${list === '' ? '' : ` ${list}`};`;
  });
  return fold(name, texts.filter((text) => text !== '').join(', '));
}

/** Message ids given without brackets. */
export function messageIdField(name: string, ids: readonly string[]): string {
  return fold(name, ids.map((id) => `<${id.replace(/[\s<>\0]+/g, '')}>`).join(' '));
}

export function dateField(name: string, sentAt: SentAt): string {
  return fold(name, formatDateTime(sentAt.date, sentAt.zoneMinutes));
}

/** RFC 2369 §2: a list of URLs. */
export function urlField(name: string, urls: readonly string[]): string {
  return fold(name, urls.map((url) => `<${url.replace(/[\s<>\0]+/g, '')}>`).join(', '));
}

/** A value that is in wire form already; it is folded anew when it has no folding of its own. */
export function rawField(name: string, value: string): string {
  const text = value.replaceAll('\0', '').replace(/\r?\n(?![ \t])/g, ' ');
  if (!/[\r\n]/.test(text)) return fold(name, text.trim());
  const lines = text.split(/[\r\n]+(?=[ \t])/).map((line) => line.replace(/[\r\n]+/g, ' '));
  // A line of nothing but white space would be an obsolete fold (RFC 5322 §4.2).
  return `${fieldName(name)}:${lines.filter((line, index) => index === 0 || line.trim() !== '').join('\r\n')}\r\n`;
}

/** A trace field such as Received: one clause a line, after a tab (RFC 5321 §4.4). */
export function traceField(name: string, clauses: readonly string[]): string {
  return `${fieldName(name)}: ${clauses.map((clause) => oneLine(clause).trim()).join('\r\n\t')}\r\n`;
}

/** Folds at spaces. Unfolding gives back exactly `text`. */
export function fold(name: string, text: string): string {
  const clean = oneLine(text);
  let field = `${fieldName(name)}:`;
  let column = field.length;
  let isFirst = true;
  for (const [piece] of ` ${clean}`.matchAll(/[ \t]+[^ \t]*/g)) {
    if (!isFirst && column + piece.length > FOLD_AT && piece.trim() !== '') {
      field += '\r\n';
      column = 0;
    }
    field += piece;
    column += piece.length;
    isFirst = false;
  }
  return `${field}\r\n`;
}

/** A display name or group name: atoms, quoted string or encoded words (RFC 5322 §3.2.5, RFC 2047 §5 (3)). */
export function phrase(name: string): string {
  const clean = oneLine(name).trim();
  if (needsWords(clean) || clean.length > MAX_WORD) return encodeWords(clean, true);
  if (/^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/.test(clean)) return clean;
  return `"${clean.replace(/["\\]/g, '\\$&')}"`;
}

function mailboxes(addresses: readonly EmailAddress[]): string {
  const texts: string[] = [];
  for (const { name, email } of addresses) {
    const parsed = parseAddressList(`<${oneLine(email)}>`, 1).addresses[0];
    if (parsed === undefined || !parsed.mailbox) continue;
    const spec = addrSpec(parsed.mailbox, parsed.host ?? '');
    texts.push(name === null || name.trim() === '' ? spec : `${phrase(name)} <${spec}>`);
  }
  return texts.join(', ');
}

function oneLine(text: string): string {
  return text.replaceAll('\0', '').replace(/[\r\n]+/g, ' ');
}

/** RFC 5322 §2.2: printable US-ASCII but the colon. A name is ours or was checked; anything else is dropped from it. */
function fieldName(name: string): string {
  const clean = name.replace(/[^\x21-\x39\x3b-\x7e]/g, '');
  return clean === '' ? 'X-Unnamed' : clean;
}
