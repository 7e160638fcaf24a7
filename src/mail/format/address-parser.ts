// The parser behind address-list.ts: one pass over the text, tokens gathered per address, each address resolved when its
// end is met. What was looked for once in vain (a closing quote, parenthesis, bracket) is not looked for again: hostile
// input costs linear time. Never throws. RFC 5322 §3.4, §4.4, RFC 6532

import { endOfComment } from './comment.ts';
import { matchWord } from './encoded-words.ts';
import type { EnvelopeAddress } from './structure.ts';

export interface AddressList {
  /** Groups are marked as in IMAP's ENVELOPE. */
  readonly addresses: readonly EnvelopeAddress[];
  /** True when addresses beyond the limit were left out. */
  readonly isCut: boolean;
}

interface Token {
  readonly kind: 'atom' | 'quoted' | 'literal' | 'at';
  readonly text: string;
  readonly hasSpaceBefore: boolean;
}

/** Characters that end an atom; the dot stays inside, since real names hold it ("John Q. Public"). */
const SPECIALS = new Set('()<>[]:;@,"\\\r\n\t \0');

export class AddressParser {
  /** Characters looked at so far; tests hold it to a multiple of the text's length. */
  work = 0;
  readonly #text: string;
  readonly #maxAddresses: number;
  readonly #result: EnvelopeAddress[] = [];
  #position = 0;
  #tokens: Token[] = [];
  #angle: Token[] | null = null;
  #route: string | null = null;
  #comment: string | null = null;
  #hasSpace = false;
  #isInAngle = false;
  #isInGroup = false;
  /** Once a closing character was looked for in vain it is not looked for again: that keeps the parser linear. */
  #lacksQuoteEnd = false;
  #lacksCommentEnd = false;
  #lacksLiteralEnd = false;

  constructor(text: string, maxAddresses: number) {
    this.#text = text;
    this.#maxAddresses = maxAddresses;
  }

  parse(): AddressList {
    const text = this.#text;
    while (this.#position < text.length) {
      if (this.#result.length >= this.#maxAddresses) return { addresses: this.#result, isCut: true };
      const before = this.#position;
      this.#step(text[before]!);
      this.work += Math.max(1, this.#position - before);
    }
    this.#endAddress();
    if (this.#isInGroup) this.#result.push(GROUP_END);
    return { addresses: this.#result, isCut: false };
  }

  #step(character: string): void {
    switch (character) {
      case ' ':
      case '\t':
      case '\r':
      case '\n':
      case '\0':
        this.#hasSpace = true;
        this.#position += 1;
        return;
      case '(':
        this.#takeComment();
        return;
      case '"':
        this.#takeQuoted();
        return;
      case '[':
        this.#takeLiteral();
        return;
      case '@':
        this.#position += 1;
        this.#add('at', '@');
        return;
      case '<':
        this.#position += 1;
        // RFC 5322 §3.4: the display name stands before; a second bracket in one address is a fault, passed over.
        if (this.#angle === null) {
          this.#angle = [];
          this.#isInAngle = true;
        }
        return;
      case '>':
        this.#position += 1;
        this.#isInAngle = false;
        return;
      case ',':
        this.#position += 1;
        // RFC 5322 §4.4: commas in a source route do not end the address.
        if (this.#isInAngle && this.#angle?.[0]?.kind === 'at') return;
        this.#endAddress();
        return;
      case ';':
        this.#position += 1;
        this.#endAddress();
        if (this.#isInGroup) this.#result.push(GROUP_END);
        this.#isInGroup = false;
        return;
      case ':':
        this.#position += 1;
        this.#takeColon();
        return;
      case ')':
      case ']':
      case '\\':
        this.#position += 1;
        return;
      default:
        this.#takeAtom();
    }
  }

  #add(kind: Token['kind'], text: string): void {
    const token = { kind, text, hasSpaceBefore: this.#hasSpace };
    this.#hasSpace = false;
    if (this.#isInAngle && this.#angle !== null) this.#angle.push(token);
    else this.#tokens.push(token);
  }

  #takeColon(): void {
    if (this.#isInAngle && this.#angle !== null) {
      if (this.#angle[0]?.kind === 'at') this.#route = joinTokens(this.#angle).replaceAll('@', ',@').slice(1);
      this.#angle = [];
      return;
    }
    if (this.#angle !== null || this.#isInGroup) return;
    const name = phraseOf(this.#tokens);
    this.#reset();
    if (name === '') return;
    this.#result.push({ name: null, route: null, mailbox: name, host: null });
    this.#isInGroup = true;
  }

  #takeAtom(): void {
    const text = this.#text;
    const start = this.#position;
    let end = start;
    if (text.startsWith('=?', start)) end = matchWord(text, start)?.end ?? start;
    while (end < text.length && !SPECIALS.has(text[end]!)) end += 1;
    this.#position = end;
    this.#add('atom', text.slice(start, end));
  }

  #takeQuoted(): void {
    const text = this.#text;
    let content = '';
    let runStart = this.#position + 1;
    let at = runStart;
    while (!this.#lacksQuoteEnd && at < text.length && text[at] !== '"') {
      if (text[at] === '\\' && at + 1 < text.length) {
        content += text.slice(runStart, at);
        runStart = at + 1;
        at += 1;
      }
      at += 1;
    }
    if (this.#lacksQuoteEnd || at >= text.length) {
      if (!this.#lacksQuoteEnd) this.work += at - this.#position;
      this.#lacksQuoteEnd = true;
      this.#position += 1;
      return;
    }
    this.#position = at + 1;
    this.#add('quoted', content + text.slice(runStart, at));
  }

  #takeLiteral(): void {
    const end = this.#lacksLiteralEnd ? -1 : this.#text.indexOf(']', this.#position);
    if (end === -1) {
      if (!this.#lacksLiteralEnd) this.work += this.#text.length - this.#position;
      this.#lacksLiteralEnd = true;
      this.#position += 1;
      return;
    }
    const literal = this.#text.slice(this.#position, end + 1);
    this.#position = end + 1;
    this.#add('literal', literal.replace(/[\r\n\t \0]/g, ''));
  }

  /** RFC 5322 §3.2.2: comments nest; depth is a number, not a call. */
  #takeComment(): void {
    const end = this.#lacksCommentEnd ? -1 : endOfComment(this.#text, this.#position);
    if (end === -1) {
      if (!this.#lacksCommentEnd) this.work += this.#text.length - this.#position;
      this.#lacksCommentEnd = true;
      this.#position += 1;
      return;
    }
    const comment = this.#text.slice(this.#position + 1, end - 1);
    this.#comment = comment.includes('\\') ? comment.replace(/\\(.)/g, '$1') : comment;
    this.#position = end;
    this.#hasSpace = true;
  }

  #endAddress(): void {
    const address = this.#resolve();
    if (address !== null) this.#result.push(address);
    this.#reset();
  }

  #resolve(): EnvelopeAddress | null {
    let name: string;
    let spec: readonly Token[];
    if (this.#angle !== null) {
      name = phraseOf(this.#tokens);
      spec = this.#angle;
    } else {
      const start = startOfSpec(this.#tokens);
      name = phraseOf(this.#tokens.slice(0, start));
      spec = this.#tokens.slice(start);
    }
    const at = lastAt(spec);
    const mailbox = joinTokens(at === -1 ? spec : spec.slice(0, at));
    const host = at === -1 ? '' : hostOf(spec, at);
    if (name === '') name = this.#comment?.trim() ?? '';
    if (mailbox === '' && host === '' && (name === '' || this.#angle === null)) return null;
    return { name: name === '' ? null : name, route: this.#route, mailbox, host };
  }

  #reset(): void {
    this.#tokens = [];
    this.#angle = null;
    this.#route = null;
    this.#comment = null;
    this.#isInAngle = false;
    this.#hasSpace = false;
  }
}

const GROUP_END: EnvelopeAddress = Object.freeze({ name: null, route: null, mailbox: null, host: null });

function phraseOf(tokens: readonly Token[]): string {
  let phrase = '';
  for (const token of tokens) phrase += token.hasSpaceBefore && phrase !== '' ? ` ${token.text}` : token.text;
  return phrase.trim();
}

function joinTokens(tokens: readonly Token[]): string {
  let joined = '';
  for (const token of tokens) joined += token.text;
  return joined;
}

function lastAt(tokens: readonly Token[]): number {
  for (let i = tokens.length - 1; i >= 0; i -= 1) if (tokens[i]!.kind === 'at') return i;
  return -1;
}

/** "John Doe john@x.org": without brackets the address is what clings to the last at sign, the rest is a name. */
function startOfSpec(tokens: readonly Token[]): number {
  const at = lastAt(tokens);
  if (at === -1) return tokens.length > 1 ? tokens.length - 1 : 0;
  let start = at;
  while (start > 0) {
    const token = tokens[start]!;
    const before = tokens[start - 1]!;
    if (start < at && token.hasSpaceBefore && !token.text.startsWith('.') && !before.text.endsWith('.')) break;
    start -= 1;
  }
  return start;
}

/** Obsolete white space around the dots of a domain goes (RFC 5322 §4.4); words after the domain are no part of it. */
function hostOf(tokens: readonly Token[], at: number): string {
  let host = '';
  for (let i = at + 1; i < tokens.length; i += 1) {
    const token = tokens[i]!;
    if (host !== '' && token.hasSpaceBefore && !token.text.startsWith('.') && !host.endsWith('.')) break;
    host += token.text;
  }
  return host;
}
