/**
 * A stored message as the lines of a reply (RFC 1939 §3): a dot is put before each line that begins with one, and every line ends in CRLF. Octets
 * come in any cut and give the same reply.
 *
 * A bare LF, which only APPEND and import let in, goes out as CRLF: many clients end a line at LF alone, so that a stored `LF . LF` would
 * end the reply for them and let the sender of the message speak as the server. A bare CR ends no line for anybody and passes.
 * The size in LIST counts the CR that is added (`Message.crlfSize`); the CRLF that ends an unfinished last line belongs to the reply and counts no
 * more than the dots do. Dovecot counts in the same way.
 */

const LF = 10;
const CR = 13;
const DOT_OCTET = 46;
const DOT = Buffer.of(DOT_OCTET);
const CRLF = Buffer.of(CR, LF);

export class WireLines {
  /** Octets given out, without the added dots. */
  octets = 0;
  /** TOP: all that was asked for is there. */
  isDone = false;
  #isLineStart = true;
  /** The last octet of the octets before was CR. */
  #isAfterCr = false;
  /** Octets of the running line, its CR counted. */
  #lineOctets = 0;
  #isHeader = true;
  #bodyLinesLeft: number;

  /** `bodyLines`: the header and so many lines of the body (RFC 1939 §7 TOP); null: all. */
  constructor(bodyLines: number | null = null) {
    this.#bodyLinesLeft = bodyLines ?? Number.POSITIVE_INFINITY;
  }

  /** The octets to send for the next octets of the message; the same buffer where nothing is to be added. */
  push(chunk: Buffer): Buffer {
    const pieces: Buffer[] = [];
    let from = 0;
    let at = 0;
    let added = 0;
    while (at < chunk.length && !this.isDone) {
      if (this.#isLineStart && chunk[at] === DOT_OCTET) {
        pieces.push(chunk.subarray(from, at), DOT);
        from = at;
      }
      const lineEnd = chunk.indexOf(LF, at);
      if (lineEnd === -1) {
        this.#lineOctets += chunk.length - at;
        this.#isLineStart = false;
        at = chunk.length;
        break;
      }
      const isCrlf = lineEnd === 0 ? this.#isAfterCr : chunk[lineEnd - 1] === CR;
      if (!isCrlf) {
        pieces.push(chunk.subarray(from, lineEnd), CRLF);
        from = lineEnd + 1;
        added += 1;
      }
      const isBlank = this.#lineOctets + lineEnd - at === (isCrlf ? 1 : 0);
      this.#lineOctets = 0;
      this.#isLineStart = true;
      at = lineEnd + 1;
      this.#endLine(isBlank);
    }
    if (at > 0) this.#isAfterCr = chunk[at - 1] === CR;
    this.octets += at + added;
    if (pieces.length === 0) return at === chunk.length ? chunk : chunk.subarray(0, at);
    pieces.push(chunk.subarray(from, at));
    return Buffer.concat(pieces);
  }

  /** What ends the reply. */
  finish(): string {
    return this.#isLineStart ? '.\r\n' : '\r\n.\r\n';
  }

  #endLine(isBlank: boolean): void {
    if (this.#isHeader) this.#isHeader = !isBlank;
    else this.#bodyLinesLeft -= 1;
    this.isDone = !this.#isHeader && this.#bodyLinesLeft <= 0;
  }
}
