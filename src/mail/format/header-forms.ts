// The parsed forms in which JMAP shows a header field, as functions of the raw value octets (after the colon, folding
// included, without the last line end). None throws; where the RFC says null on a value that can't be parsed, null comes.
// RFC 8621 §4.1.2

import { isUtf8 } from 'node:buffer';
import { type AddressGroup, emailAddresses, groupedAddresses, parseAddressList } from './address-list.ts';
import { formatIsoWithZone, parseDateTime } from './date-time.ts';
import { decodeWords } from './encoded-words.ts';
import { headerText, unfold } from './header-block.ts';
import { parseMessageIds } from './message-ids.ts';
import type { EmailAddress } from './structure.ts';

/** RFC 8621 §4.1.2.1: the octets as UTF-8, violations replaced, NUL dropped, folding kept. */
export function asRaw(value: Buffer): string {
  const text = isUtf8(value) ? value.toString('utf8') : new TextDecoder('utf-8', { ignoreBOM: true }).decode(value);
  return text.replaceAll('\0', '');
}

/** RFC 8621 §4.1.2.2: unfolded, leading spaces gone, encoded words decoded, NUL dropped, NFC. */
export function asText(value: Buffer): string {
  const text = unfold(decodeHeader(value)).replace(/^[ \t]+/, '');
  return decodeWords(text).replaceAll('\0', '').normalize('NFC');
}

/** RFC 8621 §4.1.2.3: groups flattened, best effort. */
export function asAddresses(value: Buffer): EmailAddress[] {
  return emailAddresses(parseAddressList(headerText(value)).addresses);
}

/** RFC 8621 §4.1.2.4. */
export function asGroupedAddresses(value: Buffer): AddressGroup[] {
  return groupedAddresses(parseAddressList(headerText(value)).addresses);
}

/** RFC 8621 §4.1.2.5: ids without brackets and white space; null when there is none. */
export function asMessageIds(value: Buffer): readonly string[] | null {
  const { ids } = parseMessageIds(headerText(value));
  return ids.length === 0 ? null : ids;
}

/** RFC 8621 §4.1.2.6: an RFC 3339 date-time with the sender's zone; null when it can't be parsed. */
export function asDate(value: Buffer): string | null {
  const sentAt = parseDateTime(headerText(value));
  return sentAt === null ? null : formatIsoWithZone(sentAt);
}

/** RFC 8621 §4.1.2.7: the URLs of a List-* field (RFC 2369 §2) without brackets; null when there is none. */
export function asUrls(value: Buffer): readonly string[] | null {
  const text = headerText(value);
  const urls: string[] = [];
  for (let open = text.indexOf('<'); open !== -1; ) {
    const close = text.indexOf('>', open);
    if (close === -1) break;
    const url = text.slice(open + 1, close).replace(/\s+/g, '');
    if (url !== '') urls.push(url);
    open = text.indexOf('<', close);
  }
  return urls.length === 0 ? null : urls;
}

/** As `headerText`, without the trimming: asText keeps trailing white space. */
function decodeHeader(value: Buffer): string {
  const text = headerText(Buffer.concat([MARK, value, MARK]));
  return text.slice(1, -1);
}

/** A visible octet at both ends keeps the white space inside. */
const MARK = Buffer.from('|');
