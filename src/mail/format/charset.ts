// Octets of a named charset to a string. Never throws: an unknown charset is read as windows-1252 and an
// ill-formed sequence becomes U+FFFD, and both are reported as a problem.
// us-ascii with 8-bit octets is what broken senders write for UTF-8: valid UTF-8 is taken as that, else windows-1252.
// iso-8859-1 is read as windows-1252, its superset in practice. RFC 2045 §5.2, RFC 2047 §5, RFC 8621 §4.1.4

import { isAscii, isUtf8 } from 'node:buffer';
import Encoding from 'encoding-japanese';
import iconv from 'iconv-lite';

export interface DecodedText {
  readonly text: string;
  /** RFC 8621 §4.1.4 isEncodingProblem: unknown charset or malformed octets. */
  readonly isEncodingProblem: boolean;
}

/** Decodes whole octets. `charset` in any case; null means us-ascii. */
export function decodeCharset(octets: Buffer, charset: string | null): DecodedText {
  const known = resolveCharset(charset);
  switch (known) {
    case 'us-ascii':
      if (isAscii(octets)) return { text: octets.toString('latin1'), isEncodingProblem: false };
      return { text: decodeUnlabelled(octets), isEncodingProblem: true };
    case 'utf-8': {
      const isValid = isUtf8(octets);
      return { text: withoutMark(octets.toString('utf8')), isEncodingProblem: !isValid };
    }
    case 'unknown':
      return { text: decodeUnlabelled(octets), isEncodingProblem: !isAscii(octets) };
    case 'iso-2022-jp':
      return reported(decodeIso2022Jp(octets));
    default:
      return reported(iconv.decode(octets, known));
  }
}

/** Text without any label: UTF-8 where it is valid, windows-1252 where not. */
export function decodeUnlabelled(octets: Buffer): string {
  if (isUtf8(octets)) return octets.toString('utf8');
  return iconv.decode(octets, 'windows-1252');
}

/** Whether a charset label is known here. */
export function isKnownCharset(charset: string): boolean {
  return resolveCharset(charset) !== 'unknown';
}

/** Decodes a charset chunk by chunk; characters split between chunks are joined. */
export class CharsetDecoder {
  isEncodingProblem = false;
  readonly #known: string;
  readonly #stream: { write(chunk: Buffer): string; end(): string | undefined } | null;
  #held: Buffer = Buffer.alloc(0);

  constructor(charset: string | null) {
    this.#known = resolveCharset(charset);
    this.#stream = GATHERED.has(this.#known) ? null : iconv.getDecoder(this.#known);
  }

  /** The text that is certain after this chunk. */
  write(chunk: Buffer): string {
    if (this.#stream !== null) return this.#checked(this.#stream.write(chunk));
    const octets = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    // RFC 1468: every line of iso-2022-jp starts in ASCII, so whole lines decode by themselves.
    let cut = octets.lastIndexOf(10) + 1;
    if (cut === 0 && octets.length > MAX_HELD_OCTETS) cut = octets.length;
    this.#held = Buffer.from(octets.subarray(cut));
    return cut === 0 ? '' : this.#whole(octets.subarray(0, cut));
  }

  /** The rest. */
  end(): string {
    if (this.#stream !== null) return this.#checked(this.#stream.end() ?? '');
    const rest = this.#held;
    this.#held = Buffer.alloc(0);
    return rest.length === 0 ? '' : this.#whole(rest);
  }

  #whole(octets: Buffer): string {
    const decoded = decodeCharset(octets, this.#known);
    if (decoded.isEncodingProblem) this.isEncodingProblem = true;
    return decoded.text;
  }

  #checked(text: string): string {
    if (!this.isEncodingProblem && text.includes('\ufffd')) this.isEncodingProblem = true;
    return text;
  }
}

const MAX_HELD_OCTETS = 65_536;

/** Charsets without a decoder of their own, and UTF-7, whose decoder loses characters at cuts: decoded line by line. */
const GATHERED = new Set(['us-ascii', 'unknown', 'iso-2022-jp', 'utf-7']);

/** Labels that iconv-lite takes but that are no charsets of mail. */
const NOT_CHARSETS = new Set(['base64', 'hex', 'binary', 'internal', 'ucs2', 'utf8lossy']);

const ALIASES: ReadonlyMap<string, string> = new Map([
  ['utf-8', 'utf-8'],
  ['utf8', 'utf-8'],
  ['unicode-1-1-utf-8', 'utf-8'],
  ['us-ascii', 'us-ascii'],
  ['ascii', 'us-ascii'],
  ['ansi_x3.4-1968', 'us-ascii'],
  ['646', 'us-ascii'],
  ['iso-8859-1', 'windows-1252'],
  ['iso8859-1', 'windows-1252'],
  ['iso_8859-1', 'windows-1252'],
  ['latin1', 'windows-1252'],
  ['x-ansi', 'windows-1252'],
  ['iso-8859-8-i', 'iso-8859-8'],
  ['iso-8859-8-e', 'iso-8859-8'],
  ['iso-8859-6-i', 'iso-8859-6'],
  ['iso-8859-9', 'windows-1254'],
  ['gb2312', 'gb18030'],
  ['gbk', 'gb18030'],
  ['x-gbk', 'gb18030'],
  ['ks_c_5601-1987', 'cp949'],
  ['ks_c_5601', 'cp949'],
  ['euc-kr', 'cp949'],
  ['windows-31j', 'cp932'],
  ['x-sjis', 'shift_jis'],
  ['x-euc-jp', 'euc-jp'],
  ['iso-2022-jp', 'iso-2022-jp'],
  ['iso-2022-jp-1', 'iso-2022-jp'],
  ['iso-2022-jp-2', 'iso-2022-jp'],
  ['iso-2022-jp-ms', 'iso-2022-jp'],
  ['cp50220', 'iso-2022-jp'],
  ['cp50221', 'iso-2022-jp'],
  ['csiso2022jp', 'iso-2022-jp'],
  ['unicode-1-1-utf-7', 'utf-7'],
  ['x-mac-roman', 'macintosh'],
]);

const MAX_LABEL_LENGTH = 64;

function resolveCharset(label: string | null): string {
  if (label === null || label === '') return 'us-ascii';
  if (label.length > MAX_LABEL_LENGTH) return 'unknown';
  const name = label.toLowerCase().trim();
  const alias = ALIASES.get(name);
  if (alias !== undefined) return alias;
  if (NOT_CHARSETS.has(name.replace(/[^a-z0-9]/g, '')) || !iconv.encodingExists(name)) return 'unknown';
  return name;
}

function reported(text: string): DecodedText {
  return { text, isEncodingProblem: text.includes('\ufffd') };
}

function withoutMark(text: string): string {
  return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
}

/** encoding-japanese takes long input apart by itself; 8-bit octets in a 7-bit charset become U+FFFD. */
function decodeIso2022Jp(octets: Buffer): string {
  const clean = isAscii(octets) ? octets : octets.map((octet) => (octet < 128 ? octet : 0x1a));
  const text = Encoding.convert(clean, { to: 'UNICODE', from: 'JIS', type: 'string' });
  return clean === octets ? text : text.replaceAll('\x1a', '\ufffd');
}
