/**
 * What FETCH asks for (RFC 9051 §6.4.5, RFC 3501 §6.4.5, RFC 7162 §3.1.4, RFC 8474 §5), and the names its answers carry.
 */
import { MAX_LIST_ELEMENTS } from '../limits.ts';
import type { Cursor } from './cursor.ts';
import { printAstring } from './strings.ts';

export type FetchItem =
  | { readonly kind: SimpleItem }
  | {
      readonly kind: 'section';
      readonly section: Section;
      /** Leave \Seen alone. */
      readonly isPeek: boolean;
      readonly partial: Partial | null;
      /** What the answer calls it: 'BODY[1.TEXT]<0>', 'RFC822.HEADER'. */
      readonly label: string;
    };

export const SIMPLE_ITEMS = [
  'UID',
  'FLAGS',
  'INTERNALDATE',
  'RFC822.SIZE',
  'ENVELOPE',
  'BODY',
  'BODYSTRUCTURE',
  'MODSEQ',
  'EMAILID',
  'THREADID',
] as const;
export type SimpleItem = (typeof SIMPLE_ITEMS)[number];

export interface Section {
  /** Part numbers; empty: the message itself. */
  readonly path: readonly number[];
  readonly what: 'all' | 'header' | 'headerFields' | 'headerFieldsNot' | 'text' | 'mime';
  /** Header field names as the client wrote them. */
  readonly fields: readonly string[];
}
export interface Partial {
  readonly offset: number;
  readonly length: number;
}

const MACROS: ReadonlyMap<string, readonly SimpleItem[]> = new Map([
  ['ALL', ['FLAGS', 'INTERNALDATE', 'RFC822.SIZE', 'ENVELOPE']],
  ['FAST', ['FLAGS', 'INTERNALDATE', 'RFC822.SIZE']],
  ['FULL', ['FLAGS', 'INTERNALDATE', 'RFC822.SIZE', 'ENVELOPE', 'BODY']],
] as const);
const SIMPLE: ReadonlySet<string> = new Set(SIMPLE_ITEMS);
/** Part numbers deeper than any message we index. */
const MAX_PATH = 100;

/** A macro, one item, or a list of items. */
export function parseFetchItems(cursor: Cursor): FetchItem[] {
  if (cursor.isAtList) return cursor.list(() => parseFetchItem(cursor), 1);
  for (const [macro, items] of MACROS) if (cursor.takesKeyword(macro)) return items.map((kind) => ({ kind }));
  return [parseFetchItem(cursor)];
}

function parseFetchItem(cursor: Cursor): FetchItem {
  const name = itemName(cursor);
  if (cursor.peek() === 91 && (name === 'BODY' || name === 'BODY.PEEK')) {
    const section = parseSection(cursor);
    const partial = parsePartial(cursor);
    const label = `BODY[${printSection(section)}]${partial === null ? '' : `<${partial.offset}>`}`;
    return { kind: 'section', section, partial, label, isPeek: name === 'BODY.PEEK' };
  }
  switch (name) {
    case 'RFC822':
      return { kind: 'section', section: whole('all'), partial: null, label: name, isPeek: false };
    case 'RFC822.HEADER':
      return { kind: 'section', section: whole('header'), partial: null, label: name, isPeek: true };
    case 'RFC822.TEXT':
      return { kind: 'section', section: whole('text'), partial: null, label: name, isPeek: false };
    default:
      if (SIMPLE.has(name)) return { kind: name as SimpleItem };
      throw cursor.fault(`Unknown FETCH item ${name.slice(0, 40)}`);
  }
}

const whole = (what: Section['what']): Section => ({ path: [], what, fields: [] });

function itemName(cursor: Cursor): string {
  let name = '';
  for (let octet = cursor.peek(); ; octet = cursor.peek()) {
    const isLetter = (octet >= 65 && octet <= 90) || (octet >= 97 && octet <= 122);
    if (!isLetter && !(octet >= 48 && octet <= 57) && octet !== 46) break;
    name += String.fromCharCode(octet);
    cursor.offset += 1;
  }
  if (name === '') throw cursor.fault('FETCH item expected');
  return name.toUpperCase();
}

/** `[` section `]` (RFC 9051 §9 section). */
export function parseSection(cursor: Cursor): Section {
  cursor.expect('[');
  const path: number[] = [];
  while (cursor.peek() >= 48 && cursor.peek() <= 57) {
    const number = cursor.number();
    if (number === 0 || path.length === MAX_PATH) throw cursor.fault('Invalid part number');
    path.push(number);
    if (!cursor.takes('.')) {
      cursor.expect(']');
      return { path, what: 'all', fields: [] };
    }
  }
  if (path.length === 0 && cursor.takes(']')) return { path, what: 'all', fields: [] };
  const section = sectionText(cursor, path);
  cursor.expect(']');
  return section;
}

function sectionText(cursor: Cursor, path: readonly number[]): Section {
  const name = itemName(cursor);
  switch (name) {
    case 'HEADER':
      return { path, what: 'header', fields: [] };
    case 'TEXT':
      return { path, what: 'text', fields: [] };
    case 'MIME':
      if (path.length === 0) throw cursor.fault('MIME needs a part number');
      return { path, what: 'mime', fields: [] };
    case 'HEADER.FIELDS':
    case 'HEADER.FIELDS.NOT': {
      cursor.space();
      const fields = cursor.list(() => cursor.astring().toString('latin1'), 1);
      if (fields.length > MAX_LIST_ELEMENTS) throw cursor.fault('Too many header fields');
      return { path, what: name === 'HEADER.FIELDS' ? 'headerFields' : 'headerFieldsNot', fields };
    }
    default:
      throw cursor.fault('Unknown section');
  }
}

function parsePartial(cursor: Cursor): Partial | null {
  if (!cursor.takes('<')) return null;
  const offset = cursor.number();
  cursor.expect('.');
  const length = cursor.number();
  if (length === 0) throw cursor.fault('A partial range has at least one octet');
  cursor.expect('>');
  return { offset, length };
}

const SECTION_NAMES = {
  all: '',
  header: 'HEADER',
  headerFields: 'HEADER.FIELDS',
  headerFieldsNot: 'HEADER.FIELDS.NOT',
  text: 'TEXT',
  mime: 'MIME',
} as const;

/** A section without its brackets; never holds an octet beyond ASCII or a literal. */
export function printSection(section: Section): string {
  const name = SECTION_NAMES[section.what];
  const path = section.path.join('.');
  const text = path === '' || name === '' ? path + name : `${path}.${name}`;
  const hasFields = section.what === 'headerFields' || section.what === 'headerFieldsNot';
  return hasFields ? `${text} (${section.fields.map(printAstring).join(' ')})` : text;
}
