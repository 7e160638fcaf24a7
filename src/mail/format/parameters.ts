// Content-Type and Content-Disposition values with their parameters: RFC 2045 §5.1, RFC 2183, and RFC 2231 charsets
// and continuations. Lenient where senders err: unquoted spaces in file names, comments, RFC 2047 words in values,
// unclosed quotes. The raw names and values are kept for IMAP. Never throws; linear; bounded by `MAX_PARAMETERS`.

import { decodeCharset } from './charset.ts';
import { withoutComments } from './comment.ts';
import { decodeWords } from './encoded-words.ts';
import { MAX_PARAMETER_LENGTH, MAX_PARAMETERS } from './limits.ts';
import type { Disposition, Parameter, ParameterList } from './structure.ts';

export interface MediaType extends ParameterList {
  readonly type: string;
  readonly subtype: string;
}

/** Null when the value is no media type (RFC 2045 §5.2: then the default holds). */
export function parseMediaType(text: string): MediaType | null {
  const semicolon = text.indexOf(';');
  const head = withoutComments(semicolon === -1 ? text : text.slice(0, semicolon));
  const match = /^[\s]*([^\s/()<>@,;:\\"[\]?=]+)[\s]*\/[\s]*([^\s/()<>@,;:\\"[\]?=]+)[\s]*$/.exec(head.slice(0, 512));
  if (match === null) return null;
  return {
    type: match[1]!.toLowerCase(),
    subtype: match[2]!.toLowerCase(),
    ...parseParameters(text, semicolon),
  };
}

/** RFC 2183 §2.8: an unknown disposition is kept as it is; clients treat it as attachment. Null when there is none. */
export function parseDisposition(text: string): Disposition | null {
  const semicolon = text.indexOf(';');
  const head = withoutComments(semicolon === -1 ? text : text.slice(0, semicolon)).trim();
  if (head === '' && semicolon === -1) return null;
  const type = /^[^\s"=]{1,128}/.exec(head)?.[0]?.toLowerCase() ?? 'attachment';
  return { type, ...parseParameters(text, semicolon) };
}

const NONE: readonly Parameter[] = Object.freeze([]);

/** Parses `;name=value` pairs from the offset of the first semicolon (-1: none). */
export function parseParameters(text: string, from: number): ParameterList {
  if (from === -1) return { params: NONE, rawParams: null };
  const raw: Parameter[] = [];
  let position = from;
  while (position < text.length && raw.length < MAX_PARAMETERS) {
    position = skipSeparators(text, position);
    const nameStart = position;
    while (position < text.length && text[position] !== '=' && text[position] !== ';') position += 1;
    if (position >= text.length || text[position] === ';') continue;
    const name = withoutComments(text.slice(nameStart, position)).trim().toLowerCase();
    const value = takeValue(text, position + 1);
    position = value.end;
    if (name !== '' && name.length <= 128) raw.push([name, value.text.slice(0, MAX_PARAMETER_LENGTH)]);
  }
  const params = decodeParameters(raw);
  return { params, rawParams: isSame(params, raw) ? null : raw };
}

function skipSeparators(text: string, start: number): number {
  let position = start;
  while (position < text.length && ' \t\r\n;'.includes(text[position]!)) position += 1;
  return position;
}

function takeValue(text: string, start: number): { text: string; end: number } {
  let position = start;
  while (position < text.length && (text[position] === ' ' || text[position] === '\t')) position += 1;
  if (text[position] === '"') return takeQuoted(text, position + 1);
  const semicolon = text.indexOf(';', position);
  const end = semicolon === -1 ? text.length : semicolon;
  const value = text.slice(position, end).trim();
  // `us-ascii (plain text)` holds a comment; `my file (1).pdf` is a file name that lacks its quotes.
  const comment = /^(\S+)\s+\((?:[^()]*)\)$/.exec(value.length > 512 ? '' : value);
  return { text: comment === null || value.includes('.') ? value : comment[1]!, end };
}

function takeQuoted(text: string, start: number): { text: string; end: number } {
  let content = '';
  let runStart = start;
  let at = start;
  while (at < text.length && text[at] !== '"') {
    if (text[at] === '\\' && at + 1 < text.length) {
      // Some senders write Windows paths unescaped; only a quote or a backslash is taken as escaped there.
      content += text.slice(runStart, at);
      runStart = at + 1;
      at += 1;
    }
    at += 1;
  }
  content += text.slice(runStart, at);
  const semicolon = text.indexOf(';', at);
  return { text: content, end: semicolon === -1 ? text.length : semicolon };
}

interface Section {
  readonly number: number;
  readonly isEncoded: boolean;
  readonly value: string;
}

/** RFC 2231 §3-§4: sections of one name joined in order, percent octets decoded in the charset of the first. */
function decodeParameters(raw: readonly Parameter[]): readonly Parameter[] {
  if (raw.every(([name, value]) => !name.includes('*') && !value.includes('=?'))) return raw;
  const sections = new Map<string, Section[]>();
  const plain = new Map<string, string>();
  const order: string[] = [];
  for (const [name, value] of raw) {
    const match = /^([^*]+)\*(?:(\d{1,4})(\*)?)?$/.exec(name);
    const base = match?.[1] ?? name;
    if (!sections.has(base) && !plain.has(base)) order.push(base);
    if (match === null) {
      if (!plain.has(name)) plain.set(name, value.includes('=?') ? decodeWords(value) : value);
      continue;
    }
    const isEncoded = match[2] === undefined || match[3] !== undefined;
    const list = sections.get(base) ?? [];
    list.push({ number: Number(match[2] ?? 0), isEncoded, value });
    sections.set(base, list);
  }
  return order.map((base): Parameter => {
    const list = sections.get(base);
    return [base, list === undefined ? plain.get(base)! : joinSections(list).slice(0, MAX_PARAMETER_LENGTH)];
  });
}

function joinSections(sections: readonly Section[]): string {
  const ordered = [...sections].sort((a, b) => a.number - b.number);
  let charset = 'utf-8';
  const octets: Buffer[] = [];
  let expected = 0;
  for (const section of ordered) {
    // A missing section ends the value; a doubled one is passed over.
    if (section.number < expected) continue;
    if (section.number > expected) break;
    let value = section.value;
    if (section.isEncoded && section.number === 0) {
      const match = /^([^']{0,64})'[^']{0,64}'/.exec(value);
      if (match !== null) {
        charset = match[1] === '' ? 'utf-8' : match[1]!;
        value = value.slice(match[0].length);
      }
    }
    octets.push(section.isEncoded ? decodePercent(value) : Buffer.from(value, 'utf8'));
    expected += 1;
  }
  return decodeCharset(Buffer.concat(octets), charset).text.replaceAll('\0', '');
}

function decodePercent(text: string): Buffer {
  const source = Buffer.from(text, 'utf8');
  const octets = Buffer.allocUnsafe(source.length);
  let length = 0;
  for (let i = 0; i < source.length; i += 1) {
    const hex = source[i] === 37 ? source.toString('latin1', i + 1, i + 3) : '';
    if (/^[0-9a-fA-F]{2}$/.test(hex)) {
      octets[length++] = Number.parseInt(hex, 16);
      i += 2;
    } else {
      octets[length++] = source[i]!;
    }
  }
  return octets.subarray(0, length);
}

function isSame(a: readonly Parameter[], b: readonly Parameter[]): boolean {
  return a === b || (a.length === b.length && a.every(([name, value], i) => name === b[i]![0] && value === b[i]![1]));
}
