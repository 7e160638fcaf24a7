/**
 * The octets after DATA up to the end of the message: doubled dots undone, everything else kept (RFC 5321 §4.5.2). Pure, fed in any pieces.
 *
 * The message ends at CRLF.CRLF and nowhere else (RFC 5321 §4.1.1.4). A CR or LF that stands alone is a fault (RFC 5321 §2.3.8): hosts that
 * read it as a line end can be made to see a second message inside the first ("SMTP smuggling"). After a fault nothing is handed on, but
 * the end is still looked for, so that client and server keep the same count of commands.
 */

export type LineFault = 'bare-cr' | 'bare-lf';

export interface DataProgress {
  /** Parts of the chunk that belong to the message; views, not copies. */
  readonly pieces: readonly Buffer[];
  /** Offset in the chunk just behind the final CRLF, or -1 while the message goes on. */
  readonly end: number;
}

const CR = 13;
const LF = 10;
const DOT = 46;
const NO_PIECES: readonly Buffer[] = [];

type State = 'line-start' | 'in-line' | 'after-cr' | 'after-dot' | 'after-dot-cr';

export class DotStuffedData {
  #state: State = 'line-start';
  #fault: LineFault | null = null;
  #octets = 0;

  get fault(): LineFault | null {
    return this.#fault;
  }

  /** Octets taken in, dots and all. */
  get octets(): number {
    return this.#octets;
  }

  feed(chunk: Buffer): DataProgress {
    const pieces: Buffer[] = [];
    let from = 0;
    let state = this.#state;
    let position = 0;
    const length = chunk.length;
    // Looked up once each time they are passed, not once a line: a chunk full of one of them must stay linear.
    let cr = chunk.indexOf(CR);
    let lf = chunk.indexOf(LF);
    while (position < length) {
      if (state === 'in-line') {
        // The hot path: everything up to the next line end in one go.
        if (cr !== -1 && cr < position) cr = chunk.indexOf(CR, position);
        if (lf !== -1 && lf < position) lf = chunk.indexOf(LF, position);
        if (cr === -1 || (lf !== -1 && lf < cr)) {
          if (lf === -1) break;
          this.#fault ??= 'bare-lf';
          position = lf + 1;
          continue;
        }
        position = cr + 1;
        state = 'after-cr';
        continue;
      }
      const octet = chunk[position]!;
      if (state === 'line-start') {
        if (octet === DOT) {
          if (position > from) pieces.push(chunk.subarray(from, position));
          from = position + 1;
          state = 'after-dot';
          position += 1;
        } else {
          state = 'in-line';
        }
      } else if (state === 'after-cr') {
        if (octet === LF) {
          state = 'line-start';
          position += 1;
        } else {
          this.#fault ??= 'bare-cr';
          state = 'in-line';
        }
      } else if (state === 'after-dot') {
        if (octet === CR) {
          state = 'after-dot-cr';
          position += 1;
        } else {
          state = 'in-line';
        }
      } else if (octet === LF) {
        this.#state = 'line-start';
        this.#octets += position + 1;
        return { pieces: this.#fault === null ? pieces : NO_PIECES, end: position + 1 };
      } else {
        this.#fault ??= 'bare-cr';
        state = 'in-line';
      }
    }
    // A carriage return behind a dot is held back with it: what follows decides, and anything but the end is a fault.
    const to = state === 'after-dot-cr' ? from : length;
    if (to > from) pieces.push(chunk.subarray(from, to));
    this.#state = state;
    this.#octets += length;
    return { pieces: this.#fault === null ? pieces : NO_PIECES, end: -1 };
  }
}
