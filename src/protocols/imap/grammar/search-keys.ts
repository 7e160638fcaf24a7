/**
 * What SEARCH asks for (RFC 9051 §6.4.4, RFC 3501 §6.4.4, RFC 7162 §3.1.5, RFC 5032, RFC 8474 §5.3): a tree of keys. Text is decoded from
 * the charset of the command.
 */
import { decodeCharset } from '../../../mail/format/charset.ts';
import { MAX_LIST_ELEMENTS, MAX_NESTING } from '../limits.ts';
import type { Cursor } from './cursor.ts';
import { type Day, parseDay } from './dates.ts';
import { parseSequenceSet, type SequenceSet } from './sequence-set.ts';

export const FLAG_KEYS = ['ANSWERED', 'DELETED', 'DRAFT', 'FLAGGED', 'SEEN'] as const;
export const TEXT_KEYS = ['BCC', 'BODY', 'CC', 'FROM', 'SUBJECT', 'TEXT', 'TO'] as const;
export const DAY_KEYS = ['BEFORE', 'ON', 'SINCE', 'SENTBEFORE', 'SENTON', 'SENTSINCE'] as const;
export type FlagKey = (typeof FLAG_KEYS)[number];
export type TextKey = (typeof TEXT_KEYS)[number];
export type DayKey = (typeof DAY_KEYS)[number];

export type SearchKey =
  | { readonly key: 'ALL' | 'NEW' | 'OLD' | 'RECENT' }
  | { readonly key: FlagKey }
  | { readonly key: `UN${FlagKey}` }
  | { readonly key: 'KEYWORD' | 'UNKEYWORD'; readonly flag: string }
  | { readonly key: TextKey; readonly text: string }
  | { readonly key: 'HEADER'; readonly name: string; readonly text: string }
  | { readonly key: DayKey; readonly day: Day }
  | { readonly key: 'LARGER' | 'SMALLER' | 'OLDER' | 'YOUNGER'; readonly number: number }
  | { readonly key: 'MODSEQ'; readonly modseq: number }
  | { readonly key: 'EMAILID' | 'THREADID'; readonly id: string }
  | { readonly key: 'UID' | 'SEQUENCE'; readonly set: SequenceSet }
  | { readonly key: 'NOT'; readonly of: SearchKey }
  | { readonly key: 'OR'; readonly a: SearchKey; readonly b: SearchKey }
  | { readonly key: 'AND'; readonly of: readonly SearchKey[] };

const PLAIN: ReadonlySet<string> = new Set([
  'ALL',
  'NEW',
  'OLD',
  'RECENT',
  ...FLAG_KEYS,
  ...FLAG_KEYS.map((name) => `UN${name}`),
]);
const TEXTS: ReadonlySet<string> = new Set(TEXT_KEYS);
const DAYS: ReadonlySet<string> = new Set(DAY_KEYS);

/** `search-key *(SP search-key)` to the end of the command; all of them must hold. */
export function parseSearchKeys(cursor: Cursor, charset: string | null): SearchKey {
  const parser = new KeyParser(cursor, charset);
  const keys = [parser.key()];
  while (!cursor.isAtEnd) {
    cursor.space();
    keys.push(parser.key());
  }
  return keys.length === 1 ? keys[0]! : { key: 'AND', of: keys };
}

class KeyParser {
  readonly #cursor: Cursor;
  readonly #charset: string | null;
  #keys = 0;
  #depth = 0;

  constructor(cursor: Cursor, charset: string | null) {
    this.#cursor = cursor;
    this.#charset = charset;
  }

  key(): SearchKey {
    const cursor = this.#cursor;
    this.#keys += 1;
    if (this.#keys > MAX_LIST_ELEMENTS) throw cursor.fault('Too many search keys');
    this.#depth += 1;
    if (this.#depth > MAX_NESTING) throw cursor.fault('Search keys are too deeply nested');
    const key = this.#one();
    this.#depth -= 1;
    return key;
  }

  #one(): SearchKey {
    const cursor = this.#cursor;
    if (cursor.isAtList) {
      const of = cursor.list(() => this.key(), 1);
      return of.length === 1 ? of[0]! : { key: 'AND', of };
    }
    const next = cursor.peek();
    if ((next >= 48 && next <= 57) || next === 42) return { key: 'SEQUENCE', set: parseSequenceSet(cursor) };
    const name = cursor.keyword();
    if (PLAIN.has(name)) return { key: name as FlagKey };
    cursor.space();
    if (TEXTS.has(name)) return { key: name as TextKey, text: this.#text() };
    if (DAYS.has(name)) return { key: name as DayKey, day: parseDay(cursor) };
    switch (name) {
      case 'NOT':
        return { key: name, of: this.key() };
      case 'OR': {
        const a = this.key();
        cursor.space();
        return { key: name, a, b: this.key() };
      }
      case 'UID':
        return { key: name, set: parseSequenceSet(cursor) };
      case 'KEYWORD':
      case 'UNKEYWORD':
        return { key: name, flag: cursor.atom() };
      case 'HEADER': {
        const header = cursor.astring().toString('latin1');
        cursor.space();
        return { key: name, name: header, text: this.#text() };
      }
      case 'LARGER':
      case 'SMALLER':
        // RFC 9051 §9 number64.
        return { key: name, number: cursor.number(2 ** 63) };
      case 'OLDER':
      case 'YOUNGER': {
        const number = cursor.number();
        if (number === 0) throw cursor.fault('An interval of zero');
        return { key: name, number };
      }
      case 'MODSEQ':
        return { key: name, modseq: this.#modseq() };
      case 'EMAILID':
      case 'THREADID':
        return { key: name, id: cursor.astring().toString('latin1') };
      default:
        throw cursor.fault(`Unknown search key ${name.slice(0, 40)}`);
    }
  }

  /** RFC 7162 §3.1.5: perhaps an entry name and type before the number; all flags share one mod-sequence here. */
  #modseq(): number {
    const cursor = this.#cursor;
    if (cursor.peek() === 34) {
      cursor.string();
      cursor.space();
      const type = cursor.keyword();
      if (type !== 'PRIV' && type !== 'SHARED' && type !== 'ALL') throw cursor.fault('Unknown entry type');
      cursor.space();
    }
    return cursor.modseq();
  }

  /** Without CHARSET the text is ASCII; UTF-8 is understood all the same, since clients send it. */
  #text(): string {
    return decodeCharset(this.#cursor.astring(), this.#charset).text;
  }
}
