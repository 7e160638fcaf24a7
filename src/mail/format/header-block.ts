// A header block as ordered fields over its octets: nothing is decoded or changed here, so that every field can be
// given back exactly as it came. A line that is no field (no colon, or an mbox "From " line) is passed over and
// counted. Both CRLF and bare LF end a line. Linear in the block. RFC 5322 §2.2, §4.5

import { isAscii } from 'node:buffer';
import { decodeUnlabelled } from './charset.ts';
import { MAX_HEADER_FIELDS } from './limits.ts';

export interface HeaderField {
  /** As written. */
  readonly name: string;
  /** Lower-case name. */
  readonly key: string;
  /** The octets after the colon, folding included, the last line end excluded. */
  readonly value: Buffer;
  /** Offset of the name in the buffer that was parsed. */
  readonly start: number;
  /** One past the field's last line end. */
  readonly end: number;
}

export interface HeaderBlock {
  readonly fields: readonly HeaderField[];
  /** Offset of the first octet after the blank line, or the buffer's length when there is none. */
  readonly bodyStart: number;
  readonly hasBlankLine: boolean;
  readonly malformedLines: number;
  /** True when fields beyond the limit were left out. */
  readonly isCut: boolean;
}

const LF = 10;
const CR = 13;
const COLON = 58;

/** Parses from the start of `octets` to the blank line or the end. Never throws. */
export function parseHeaderBlock(octets: Buffer, maxFields: number = MAX_HEADER_FIELDS): HeaderBlock {
  const fields: HeaderField[] = [];
  let malformedLines = 0;
  let isCut = false;
  let position = 0;
  while (position < octets.length) {
    const first = octets[position];
    if (first === LF || (first === CR && octets[position + 1] === LF)) {
      const bodyStart = position + (first === LF ? 1 : 2);
      return { fields, bodyStart, hasBlankLine: true, malformedLines, isCut };
    }
    const end = endOfField(octets, position);
    if (fields.length >= maxFields) {
      isCut = true;
    } else {
      const field = parseField(octets, position, end);
      if (field === null) malformedLines += 1;
      else fields.push(field);
    }
    position = end;
  }
  return { fields, bodyStart: octets.length, hasBlankLine: false, malformedLines, isCut };
}

/** The first field of that name (lower-case), or null. */
export function findField(fields: readonly HeaderField[], key: string): HeaderField | null {
  for (const field of fields) if (field.key === key) return field;
  return null;
}

/**
 * Text of a field value: 8-bit octets are UTF-8 where valid (RFC 6532 §3.1), else windows-1252. Unfolded
 * (RFC 5322 §2.2.3), NUL dropped, stray CR and LF turned into spaces, white space at both ends removed.
 */
export function headerText(value: Buffer): string {
  const text = isAscii(value) ? value.toString('latin1') : decodeUnlabelled(value);
  return unfold(text).trim();
}

/** Removes line ends before white space; any other CR or LF becomes a space and NUL goes. */
export function unfold(text: string): string {
  if (!/[\r\n\0]/.test(text)) return text;
  return text
    .replace(/\r?\n(?=[ \t])/g, '')
    .replace(/[\r\n]+/g, ' ')
    .replaceAll('\0', '');
}

/** A field ends at the first line end that no white space follows. */
function endOfField(octets: Buffer, start: number): number {
  let position = start;
  for (;;) {
    const lineEnd = octets.indexOf(LF, position);
    if (lineEnd === -1) return octets.length;
    const next = octets[lineEnd + 1];
    if (next !== 32 && next !== 9) return lineEnd + 1;
    position = lineEnd + 1;
  }
}

function parseField(octets: Buffer, start: number, end: number): HeaderField | null {
  let nameEnd = start;
  while (nameEnd < end && isNameOctet(octets[nameEnd]!)) nameEnd += 1;
  if (nameEnd === start) return null;
  let colon = nameEnd;
  // RFC 5322 §4.5: obsolete syntax allows white space before the colon.
  while (colon < end && (octets[colon] === 32 || octets[colon] === 9)) colon += 1;
  if (octets[colon] !== COLON || colon >= end) return null;
  let valueEnd = end;
  if (octets[valueEnd - 1] === LF) valueEnd -= octets[valueEnd - 2] === CR ? 2 : 1;
  const name = octets.toString('latin1', start, nameEnd);
  const value = octets.subarray(colon + 1, Math.max(colon + 1, valueEnd));
  return { name, key: name.toLowerCase(), value, start, end };
}

/** RFC 5322 §3.6.8: ftext is any printable US-ASCII except the colon. */
function isNameOctet(octet: number): boolean {
  return octet > 32 && octet < 127 && octet !== COLON;
}
