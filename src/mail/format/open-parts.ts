// The parts that are open while a message is read, outermost first, and the boundaries that may end them. A boundary of
// an outer multipart ends everything inside it (RFC 2046 §5.1.2); of two equal boundaries the inner one counts.

import { becomePlainText, type PartDraft } from './part-header.ts';
import type { Defect } from './structure.ts';

export interface OpenPart {
  readonly kind: 'multipart' | 'message' | 'leaf';
  readonly part: PartDraft;
  /** Null once the closing boundary was seen. */
  boundary: string | null;
  /** Line ends before the body. */
  readonly firstLine: number;
}

export interface BoundaryMatch {
  readonly depth: number;
  readonly isClose: boolean;
}

const DASH = 45;

export class OpenParts {
  readonly #parts: OpenPart[] = [];
  /** First octets of the active boundaries: most lines that begin with dashes are dismissed by their third octet. */
  readonly #firstOctets = new Uint8Array(256);
  /** The boundary octets of each open part, null where none is active. */
  #boundaries: (Buffer | null)[] = [];

  get depth(): number {
    return this.#parts.length;
  }

  get top(): OpenPart | null {
    return this.#parts[this.#parts.length - 1] ?? null;
  }

  /** RFC 2046 §5.1.5. */
  get isInDigest(): boolean {
    const { top } = this;
    return top !== null && top.kind === 'multipart' && top.part.subtype === 'digest';
  }

  get isInMessage(): boolean {
    return this.#parts.some((open) => open.kind === 'message');
  }

  push(open: OpenPart): void {
    this.#parts.push(open);
    if (open.boundary !== null) this.#noteBoundaries();
  }

  mayBeBoundary(third: number): boolean {
    return this.#firstOctets[third] === 1;
  }

  /** The innermost multipart that this line (without its line end) delimits or closes. */
  match(line: Buffer): BoundaryMatch | null {
    let length = line.length;
    while (length > 2 && (line[length - 1] === 32 || line[length - 1] === 9)) length -= 1;
    for (let depth = this.#parts.length - 1; depth >= 0; depth -= 1) {
      const octets = this.#boundaries[depth];
      if (!octets) continue;
      const extra = length - 2 - octets.length;
      if ((extra !== 0 && extra !== 2) || octets.compare(line, 2, 2 + octets.length) !== 0) continue;
      if (extra === 0) return { depth, isClose: false };
      if (line[length - 1] === DASH && line[length - 2] === DASH) return { depth, isClose: true };
    }
    return null;
  }

  /** Ends all parts inside of `depth` (-1: all); `end` is where the next boundary line, or nothing, begins. */
  closeAbove(depth: number, end: number, lineEndBefore: number, lines: number, defects: Set<Defect>): void {
    while (this.#parts.length > depth + 1) {
      const { part, kind, boundary, firstLine } = this.#parts.pop()!;
      part.end = Math.max(part.bodyStart, end - lineEndBefore);
      if (kind === 'multipart') {
        if (boundary !== null) defects.add('boundary-not-closed');
        if (part.children.length === 0) {
          // A multipart holds at least one part (RFC 2046 §5.1.1); IMAP can't even say "none".
          defects.add('boundary-not-found');
          becomePlainText(part);
        }
      }
      if (part.type !== 'text' && part.type !== 'message') continue;
      const ownLines = lines - firstLine - (lineEndBefore > 0 ? 1 : 0);
      part.lines = Math.max(0, ownLines);
    }
    this.#noteBoundaries();
  }

  /** The innermost multipart saw its closing boundary: what follows is its epilogue. */
  closeBoundary(): void {
    const { top } = this;
    if (top !== null) top.boundary = null;
    this.#noteBoundaries();
  }

  /** No boundary ends anything any more: the part that follows runs to the end of the message. */
  forgetBoundaries(): void {
    for (const open of this.#parts) open.boundary = null;
    this.#noteBoundaries();
  }

  #noteBoundaries(): void {
    this.#firstOctets.fill(0);
    // Headers are read as UTF-8 where valid, so a boundary's octets are UTF-8 again.
    this.#boundaries = this.#parts.map(({ boundary }) => (boundary === null ? null : Buffer.from(boundary, 'utf8')));
    for (const octets of this.#boundaries) if (octets !== null) this.#firstOctets[octets[0]!] = 1;
  }
}
