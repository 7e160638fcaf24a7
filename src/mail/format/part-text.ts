// The decoded text of a text part, bounded, from octets or from a stream: transfer encoding off, charset to string, line
// ends to LF. What can't be decoded is replaced and reported, never thrown. RFC 8621 §4.1.4 (EmailBodyValue)

import { CharsetDecoder } from './charset.ts';
import { charsetOf, type PartNode } from './structure.ts';
import { createTransferDecoder, isKnownEncoding, type TransferDecoder } from './transfer-decode.ts';

export interface PartText {
  /** CRLF turned into LF (RFC 8621 §4.1.4). */
  readonly text: string;
  /** Unknown charset or transfer encoding, or malformed octets. */
  readonly isEncodingProblem: boolean;
  /** The text goes on behind `maxBytes`. */
  readonly isTruncated: boolean;
}

/**
 * `octets` are the encoded octets of the part's body (bodyStart..end). `maxBytes` bounds the UTF-8 size of the text;
 * 0 means no bound (RFC 8621 §4.2 maxBodyValueBytes). It never cuts a character, nor an HTML tag.
 */
export function decodePartText(node: PartNode, octets: Buffer, maxBytes: number = 0): PartText {
  const reader = new PartTextReader(node, maxBytes);
  // Decoding in slices lets a bound end the work early.
  for (let at = 0; at < octets.length && !reader.isFull; at += SLICE) reader.write(octets.subarray(at, at + SLICE));
  return reader.end();
}

const SLICE = 65_536;

/** The same for a streamed body. */
export class PartTextReader {
  readonly #decoder: TransferDecoder;
  readonly #charset: CharsetDecoder;
  readonly #maxBytes: number;
  readonly #isHtml: boolean;
  #isProblem: boolean;
  #pieces: string[] = [];
  #bytes = 0;
  #endsInCr = false;

  constructor(node: PartNode, maxBytes: number = 0) {
    this.#decoder = createTransferDecoder(node.encoding);
    this.#charset = new CharsetDecoder(charsetOf(node));
    this.#isProblem = !isKnownEncoding(node.encoding);
    this.#maxBytes = maxBytes;
    this.#isHtml = node.subtype === 'html';
  }

  /** True when more octets can't change the text any more. */
  get isFull(): boolean {
    return this.#maxBytes > 0 && this.#bytes > this.#maxBytes;
  }

  write(chunk: Buffer): void {
    if (!this.isFull) this.#add(this.#charset.write(this.#decoder.write(chunk)));
  }

  end(): PartText {
    if (!this.isFull) this.#add(this.#charset.write(this.#decoder.end()) + this.#charset.end());
    if (this.#endsInCr) this.#pieces.push('\r');
    const whole = this.#pieces.join('');
    const isTruncated = this.#maxBytes > 0 && Buffer.byteLength(whole) > this.#maxBytes;
    return {
      text: isTruncated ? cutText(whole, this.#maxBytes, this.#isHtml) : whole,
      isEncodingProblem: this.#isProblem || this.#charset.isEncodingProblem,
      isTruncated,
    };
  }

  #add(decoded: string): void {
    if (decoded === '') return;
    let text = this.#endsInCr ? `\r${decoded}` : decoded;
    this.#endsInCr = text.endsWith('\r');
    if (this.#endsInCr) text = text.slice(0, -1);
    const piece = text.replaceAll('\r\n', '\n');
    this.#pieces.push(piece);
    this.#bytes += Buffer.byteLength(piece);
  }
}

/** RFC 8621 §4.2: never mid-codepoint, and not inside of an HTML tag. */
function cutText(text: string, maxBytes: number, isHtml: boolean): string {
  const octets = Buffer.from(text, 'utf8');
  let end = maxBytes;
  while (end > 0 && (octets[end]! & 0xc0) === 0x80) end -= 1;
  const cut = octets.toString('utf8', 0, end);
  if (!isHtml) return cut;
  const open = cut.lastIndexOf('<');
  return open > cut.lastIndexOf('>') ? cut.slice(0, open) : cut;
}
