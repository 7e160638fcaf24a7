// RFC 2047 encoded words, read and written. Reading is lenient about where words stand (glued to text or to each
// other, as real mail has it) and leaves alone what is no word; a character split over adjacent words of one charset
// is joined. Writing gives words of at most 75 characters that never split a character. Linear; never throws.

import { decodeCharset } from './charset.ts';

/** Decodes all encoded words of an unfolded text. */
export function decodeWords(text: string): string {
  if (!text.includes('=?')) return text;
  let result = '';
  let plainStart = 0;
  let run: { charset: string; octets: Buffer[] } | null = null;
  let position = text.indexOf('=?');
  while (position !== -1) {
    const word = matchWord(text, position);
    if (word === null) {
      position = text.indexOf('=?', position + 2);
      continue;
    }
    const between = text.slice(plainStart, position);
    // RFC 2047 §6.2: white space between adjacent words is not shown.
    const isAdjacent = run !== null && isBlank(between);
    if (run !== null && !(isAdjacent && run.charset === word.charset)) {
      result += decodeRun(run);
      run = null;
    }
    if (!isAdjacent) result += between;
    const octets = word.isBase64 ? Buffer.from(word.payload, 'base64') : decodeQ(word.payload);
    if (run === null) run = { charset: word.charset, octets: [octets] };
    else run.octets.push(octets);
    plainStart = word.end;
    position = text.indexOf('=?', word.end);
  }
  if (run !== null) result += decodeRun(run);
  return result + text.slice(plainStart);
}

export interface EncodedWord {
  /** Lower-case, the RFC 2231 §5 language removed. */
  readonly charset: string;
  readonly isBase64: boolean;
  readonly payload: string;
  /** Offset after the closing `?=`. */
  readonly end: number;
}

const MAX_CHARSET_LENGTH = 64;
const QUESTION = 63;

/** The encoded word that starts at `start`, or null. */
export function matchWord(text: string, start: number): EncodedWord | null {
  const charsetStart = start + 2;
  let at = charsetStart;
  while (at < text.length && at - charsetStart <= MAX_CHARSET_LENGTH && isTokenCode(text.charCodeAt(at))) at += 1;
  if (at === charsetStart || text.charCodeAt(at) !== QUESTION || text.charCodeAt(at + 2) !== QUESTION) return null;
  const encoding = text.charCodeAt(at + 1) | 0x20;
  if (encoding !== 0x62 && encoding !== 0x71) return null;
  const payloadStart = at + 3;
  let payloadEnd = payloadStart;
  while (payloadEnd < text.length && isPayloadCode(text.charCodeAt(payloadEnd))) payloadEnd += 1;
  if (text.charCodeAt(payloadEnd) !== QUESTION || text.charCodeAt(payloadEnd + 1) !== 61) return null;
  const label = text.slice(charsetStart, at).toLowerCase();
  const star = label.indexOf('*');
  return {
    charset: star === -1 ? label : label.slice(0, star),
    isBase64: encoding === 0x62,
    payload: text.slice(payloadStart, payloadEnd),
    end: payloadEnd + 2,
  };
}

/** RFC 2047 §5 (1): white space separates words in unstructured text. */
const MAX_WORD_LENGTH = 75;
const WORD_PREFIX = '=?utf-8?';

/**
 * Encodes a whole text as words separated by single spaces (fold there). `isPhrase` keeps to the characters allowed
 * in a display name (RFC 2047 §5 (3)). Always encodes; ask `needsWords` first.
 */
export function encodeWords(text: string, isPhrase: boolean): string {
  const octets = Buffer.from(text, 'utf8');
  let escaped = 0;
  for (const octet of octets) if (!isPlainQ(octet, isPhrase) && octet !== 32) escaped += 1;
  return escaped * 3 > octets.length ? encodeB(text) : encodeQ(text, isPhrase);
}

/** Whether a header text can't stand as it is: 8-bit, control characters, or what would be read as a word. */
export function needsWords(text: string): boolean {
  return /[^\t\x20-\x7e]/.test(text) || text.includes('=?');
}

function encodeB(text: string): string {
  const maxOctets = Math.floor((MAX_WORD_LENGTH - WORD_PREFIX.length - 4) / 4) * 3;
  const words: string[] = [];
  let chunk: Buffer[] = [];
  let length = 0;
  const flush = (): void => {
    if (length > 0) words.push(`${WORD_PREFIX}B?${Buffer.concat(chunk, length).toString('base64')}?=`);
    chunk = [];
    length = 0;
  };
  for (const character of text) {
    const octets = Buffer.from(character, 'utf8');
    if (length + octets.length > maxOctets) flush();
    chunk.push(octets);
    length += octets.length;
  }
  flush();
  return words.join(' ');
}

function encodeQ(text: string, isPhrase: boolean): string {
  const maxLength = MAX_WORD_LENGTH - WORD_PREFIX.length - 4;
  const words: string[] = [];
  let payload = '';
  for (const character of text) {
    let piece = '';
    for (const octet of Buffer.from(character, 'utf8')) {
      if (octet === 32) piece += '_';
      else if (isPlainQ(octet, isPhrase)) piece += String.fromCharCode(octet);
      else piece += `=${octet.toString(16).toUpperCase().padStart(2, '0')}`;
    }
    if (payload.length + piece.length > maxLength) {
      words.push(`${WORD_PREFIX}Q?${payload}?=`);
      payload = '';
    }
    payload += piece;
  }
  if (payload !== '') words.push(`${WORD_PREFIX}Q?${payload}?=`);
  return words.join(' ');
}

function isPlainQ(octet: number, isPhrase: boolean): boolean {
  if ((octet >= 48 && octet <= 57) || (octet >= 65 && octet <= 90) || (octet >= 97 && octet <= 122)) return true;
  if (octet === 0x21 || octet === 0x2a || octet === 0x2b || octet === 0x2d || octet === 0x2f) return true;
  if (isPhrase) return false;
  return octet > 32 && octet < 127 && octet !== 0x3d && octet !== 0x3f && octet !== 0x5f;
}

function decodeRun(run: { charset: string; octets: readonly Buffer[] }): string {
  const octets = run.octets.length === 1 ? run.octets[0]! : Buffer.concat(run.octets);
  const { text } = decodeCharset(octets, run.charset);
  return /[\0\r\n]/.test(text) ? text.replaceAll('\0', '').replace(/[\r\n]+/g, ' ') : text;
}

function decodeQ(payload: string): Buffer {
  const octets = Buffer.allocUnsafe(payload.length * 3);
  let length = 0;
  for (let i = 0; i < payload.length; i += 1) {
    const code = payload.charCodeAt(i);
    if (code === 0x5f) {
      octets[length++] = 32;
    } else if (code === 0x3d && isHex(payload.charCodeAt(i + 1)) && isHex(payload.charCodeAt(i + 2))) {
      octets[length++] = Number.parseInt(payload.slice(i + 1, i + 3), 16);
      i += 2;
    } else if (code < 128) {
      octets[length++] = code;
    } else {
      length += octets.write(payload[i]!, length, 'utf8');
    }
  }
  return octets.subarray(0, length);
}

function isHex(code: number): boolean {
  return (code >= 48 && code <= 57) || (code >= 65 && code <= 70) || (code >= 97 && code <= 102);
}

/** RFC 2047 §2 token: printable except specials. */
function isTokenCode(code: number): boolean {
  return code > 32 && code < 127 && !'()<>@,;:"/[]?.='.includes(String.fromCharCode(code));
}

function isPayloadCode(code: number): boolean {
  return code > 32 && code !== QUESTION && code !== 127;
}

function isBlank(text: string): boolean {
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (code !== 32 && code !== 9 && code !== 13 && code !== 10) return false;
  }
  return true;
}
