/**
 * Reads the tokens of one whole command: the octets as they came, literals with their `{n}` CRLF in place, the last line end left out.
 * Pure; every fault is a SyntaxFault, which is answered BAD. RFC 9051 §9, RFC 3501 §9, RFC 7888.
 */
import { MAX_LIST_ELEMENTS, MAX_NESTING } from '../limits.ts';

/** The command breaks the grammar. `message` is shown to the client. */
export class SyntaxFault extends Error {
  override readonly name = 'SyntaxFault';
}

const SPACE = 32;
const QUOTE = 34;
const OPEN = 40;
const CLOSE = 41;
const BACKSLASH = 92;
const CURLY = 123;
const TILDE = 126;

/** 1: ATOM-CHAR; 2: also in an astring ("]"); 4: also in a list-mailbox ("%", "*"). */
const CLASSES = new Uint8Array(256);
for (let octet = 33; octet < 127; octet++) CLASSES[octet] = 7;
for (const special of '(){"\\') CLASSES[special.charCodeAt(0)] = 0;
for (const wildcard of '%*') CLASSES[wildcard.charCodeAt(0)] = 4;
CLASSES[']'.charCodeAt(0)] = 6;

const isDigit = (octet: number): boolean => octet >= 48 && octet <= 57;

export class Cursor {
  readonly octets: Buffer;
  offset = 0;
  #depth = 0;

  constructor(octets: Buffer) {
    this.octets = octets;
  }

  get isAtEnd(): boolean {
    return this.offset >= this.octets.length;
  }

  /** The next octet, -1 at the end. */
  peek(ahead = 0): number {
    return this.octets[this.offset + ahead] ?? -1;
  }

  fault(message: string): SyntaxFault {
    return new SyntaxFault(message);
  }

  expectEnd(): void {
    if (!this.isAtEnd) throw this.fault('Unexpected text at the end of the command');
  }

  space(): void {
    if (this.peek() !== SPACE) throw this.fault(this.isAtEnd ? 'Missing argument' : 'Space expected');
    this.offset += 1;
  }

  /** Takes the character when it is next. */
  takes(character: string): boolean {
    if (this.peek() !== character.charCodeAt(0)) return false;
    this.offset += 1;
    return true;
  }

  expect(character: string): void {
    if (!this.takes(character)) throw this.fault(`"${character}" expected`);
  }

  /** tag: ASTRING-CHARs without "+". */
  tag(): string {
    const tag = this.#run(2, 'Invalid tag');
    if (tag.includes('+')) throw this.fault('Invalid tag');
    return tag;
  }

  atom(): string {
    return this.#run(1, 'Atom expected');
  }

  /** An atom in upper case: keywords are case-insensitive (RFC 9051 §9 (1)). */
  keyword(): string {
    return this.atom().toUpperCase();
  }

  /** Takes `word` (upper case, an atom) when it is next and whole. */
  takesKeyword(word: string): boolean {
    const end = this.offset + word.length;
    if (end > this.octets.length || (CLASSES[this.octets[end] ?? 0]! & 1) !== 0) return false;
    if (this.octets.toString('latin1', this.offset, end).toUpperCase() !== word) return false;
    this.offset = end;
    return true;
  }

  /** A flag: an atom, perhaps with a backslash before it (also `\*`). */
  flag(): string {
    return this.takes('\\') ? `\\${this.takes('*') ? '*' : this.atom()}` : this.atom();
  }

  number(max = 0xffff_ffff): number {
    const start = this.offset;
    while (isDigit(this.peek())) this.offset += 1;
    const digits = this.octets.toString('latin1', start, this.offset);
    if (digits === '') throw this.fault('Number expected');
    const value = Number(digits);
    if (digits.length > 20 || value > max) throw this.fault('Number too large');
    return value;
  }

  /** RFC 7162 §7: a mod-sequence, up to 2^63-1; what is beyond 2^53-1 stands for 2^53-1, which no message reaches. */
  modseq(): number {
    return Math.min(this.number(2 ** 63), Number.MAX_SAFE_INTEGER);
  }

  astring(): Buffer {
    return this.#stringOr(2);
  }

  /** list-mailbox: an astring that may hold wildcards. */
  listMailbox(): Buffer {
    return this.#stringOr(4);
  }

  string(): Buffer {
    const next = this.peek();
    if (next === QUOTE) return this.#quoted();
    if (next === CURLY || (next === TILDE && this.peek(1) === CURLY)) return this.literal();
    throw this.fault('String expected');
  }

  /** A string or NIL. */
  nstring(): Buffer | null {
    return this.takesKeyword('NIL') ? null : this.string();
  }

  /** A gathered literal; also literal8 and the non-synchronizing forms. */
  literal(): Buffer {
    this.takes('~');
    this.expect('{');
    const length = this.number(this.octets.length);
    this.takes('+');
    this.expect('}');
    if (this.peek() !== 13 || this.peek(1) !== 10) throw this.fault('Literal expected');
    const start = this.offset + 2;
    if (start + length > this.octets.length) throw this.fault('Literal is cut short');
    this.offset = start + length;
    return this.octets.subarray(start, this.offset);
  }

  /** `( item SP item … )`, `min` at least. */
  list<T>(item: () => T, min = 0): T[] {
    const items: T[] = [];
    this.nested(() => {
      if (min === 0 && this.peek() === CLOSE) return;
      for (;;) {
        items.push(item());
        if (items.length > MAX_LIST_ELEMENTS) throw this.fault('Too many list elements');
        if (this.peek() === CLOSE) return;
        this.space();
      }
    });
    return items;
  }

  /** Parentheses around what `inside` reads. */
  nested<T>(inside: () => T): T {
    this.expect('(');
    this.#depth += 1;
    if (this.#depth > MAX_NESTING) throw this.fault('Too deeply nested');
    const value = inside();
    this.expect(')');
    this.#depth -= 1;
    return value;
  }

  get isAtList(): boolean {
    return this.peek() === OPEN;
  }

  get isAtClose(): boolean {
    return this.peek() === CLOSE;
  }

  /** base64 of AUTHENTICATE's initial response; "=" alone is the empty one (RFC 4959 §3). */
  rest(): string {
    const rest = this.octets.toString('latin1', this.offset);
    this.offset = this.octets.length;
    return rest;
  }

  #stringOr(classBit: number): Buffer {
    const next = this.peek();
    if (next === QUOTE) return this.#quoted();
    if (next === CURLY || (next === TILDE && this.peek(1) === CURLY)) return this.literal();
    const start = this.offset;
    // 8-bit octets are no ATOM-CHAR; whoever sends them gets an answer about the name, not about the grammar.
    while (this.offset < this.octets.length && this.#isOf(classBit)) this.offset += 1;
    if (this.offset === start) throw this.fault(this.isAtEnd ? 'Missing argument' : 'String expected');
    return this.octets.subarray(start, this.offset);
  }

  #isOf(classBit: number): boolean {
    const octet = this.octets[this.offset]!;
    return (CLASSES[octet]! & classBit) !== 0 || octet > 127;
  }

  #run(classBit: number, message: string): string {
    const start = this.offset;
    while ((CLASSES[this.octets[this.offset] ?? 0]! & classBit) !== 0) this.offset += 1;
    if (this.offset === start) throw this.fault(message);
    return this.octets.toString('latin1', start, this.offset);
  }

  /** 8-bit octets are let through: clients send UTF-8 here, and what it means is for the argument to decide. */
  #quoted(): Buffer {
    const { octets } = this;
    const start = this.offset + 1;
    let escapes = 0;
    let at = start;
    for (; ; at++) {
      const octet = octets[at];
      if (octet === undefined) throw this.fault('Unterminated quoted string');
      if (octet === QUOTE) break;
      if (octet === BACKSLASH) {
        at += 1;
        if (octets[at] !== QUOTE && octets[at] !== BACKSLASH) throw this.fault('Invalid escape in a quoted string');
        escapes += 1;
      } else if (octet === 0 || octet === 10 || octet === 13) {
        throw this.fault('Control character in a quoted string');
      }
    }
    this.offset = at + 1;
    if (escapes === 0) return octets.subarray(start, at);
    const plain = Buffer.alloc(at - start - escapes);
    for (let from = start, to = 0; from < at; from++, to++) {
      if (octets[from] === BACKSLASH) from += 1;
      plain[to] = octets[from]!;
    }
    return plain;
  }
}
