// Cuts a stream of octets where the structure of a message may change: at a line that begins with two dashes, and
// (while a header is read) at the blank line. All other octets pass through untouched, in runs as long as the chunks
// allow. Any split of the stream gives the same events. Memory: at most one possible boundary line. Both CRLF and bare
// LF end a line. RFC 2046 §5.1.1, RFC 5322 §2.1

import { MAX_BOUNDARY_LINE } from './limits.ts';

export interface LineEvents {
  /** Which lines matter now; asked at the start of each line. */
  readonly isHeader: boolean;
  /** Whether a line that begins with "--" and this third octet may be a boundary. */
  mayBeBoundary(third: number): boolean;
  /** A run of octets that belong to the current header or body. The chunk is only lent. */
  octets(run: Buffer): void;
  /** The blank line that ends a header; the offset after it. */
  blankLine(end: number): void;
  /**
   * A whole line that begins with "--", its line end removed. True when it was a boundary; false passes it on as
   * octets. `lineEndBefore` is the length (0, 1, 2) of the line end before it.
   */
  dashLine(line: Buffer, start: number, end: number, lineEndBefore: number): boolean;
}

const LF = 10;
const CR = 13;
const DASH = 45;
const NOTHING = Buffer.alloc(0);

export class LineScanner {
  /** Line ends seen so far. */
  lines = 0;
  /** Line ends without CR. */
  bareLineFeeds = 0;
  hasNul = false;
  readonly #events: LineEvents;
  #held: Buffer = NOTHING;
  /** Offset of the next octet that is not yet given out. */
  #offset = 0;
  #isAtLineStart = true;
  /** The last two octets given out, for the line end before a boundary. */
  #last = -1;
  #beforeLast = -1;

  constructor(events: LineEvents) {
    this.#events = events;
  }

  /** Octets seen, the held ones included. */
  get size(): number {
    return this.#offset + this.#held.length;
  }

  push(chunk: Buffer): void {
    if (!this.hasNul && chunk.indexOf(0) !== -1) this.hasNul = true;
    this.#scan(this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]), false);
  }

  finish(): void {
    const rest = this.#held;
    if (rest.length > 0) this.#scan(rest, true);
  }

  #scan(chunk: Buffer, isLast: boolean): void {
    this.#held = NOTHING;
    let at = 0;
    while (at < chunk.length) {
      if (this.#isAtLineStart) {
        const taken = this.#takeSpecialLine(chunk, at, isLast);
        if (taken === -1) {
          this.#held = Buffer.from(chunk.subarray(at));
          return;
        }
        if (taken > at) {
          at = taken;
          continue;
        }
      }
      const runEnd = this.#endOfRun(chunk, at);
      this.#give(chunk, at, runEnd);
      at = runEnd;
    }
  }

  /** The end of the octets from `at` that need no look: up to a line that may be special, or the chunk's end. */
  #endOfRun(chunk: Buffer, at: number): number {
    const { isHeader } = this.#events;
    let from = at;
    for (;;) {
      const lineEnd = chunk.indexOf(LF, from);
      if (lineEnd === -1) {
        this.#isAtLineStart = false;
        return chunk.length;
      }
      this.lines += 1;
      if (!this.#isAfterCr(chunk, lineEnd)) this.bareLineFeeds += 1;
      from = lineEnd + 1;
      const next = chunk[from];
      if (next === undefined || next === DASH || (isHeader && (next === LF || next === CR))) {
        this.#isAtLineStart = true;
        return from;
      }
    }
  }

  #isAfterCr(chunk: Buffer, lineEnd: number): boolean {
    return (lineEnd > 0 ? chunk[lineEnd - 1] : this.#last) === CR;
  }

  /** The offset after a blank or boundary line at `at`; `at` when the line is an ordinary one; -1 to wait for more. */
  #takeSpecialLine(chunk: Buffer, at: number, isLast: boolean): number {
    const first = chunk[at];
    if (this.#events.isHeader && (first === LF || first === CR)) {
      if (first === CR && at + 1 === chunk.length && !isLast) return -1;
      if (first === LF || chunk[at + 1] === LF) {
        const end = at + (first === LF ? 1 : 2);
        this.lines += 1;
        if (first === LF) this.bareLineFeeds += 1;
        this.#skip(chunk, at, end);
        this.#events.blankLine(this.#offset);
        return end;
      }
    }
    if (first !== DASH) return at;
    if (at + 2 >= chunk.length && !isLast) return -1;
    if (chunk[at + 1] !== DASH || at + 2 >= chunk.length || !this.#events.mayBeBoundary(chunk[at + 2]!)) return at;
    return this.#takeDashLine(chunk, at, isLast);
  }

  #takeDashLine(chunk: Buffer, at: number, isLast: boolean): number {
    const lineEnd = chunk.indexOf(LF, at);
    const length = (lineEnd === -1 ? chunk.length : lineEnd) - at;
    if (length >= MAX_BOUNDARY_LINE) return at;
    if (lineEnd === -1 && !isLast) return -1;
    const end = lineEnd === -1 ? chunk.length : lineEnd + 1;
    let textEnd = lineEnd === -1 ? end : end - 1;
    if (textEnd > at && chunk[textEnd - 1] === CR) textEnd -= 1;
    const lineEndBefore = this.#offset === 0 ? 0 : this.#beforeLast === CR ? 2 : 1;
    const isBoundary = this.#events.dashLine(
      chunk.subarray(at, textEnd),
      this.#offset,
      this.#offset + end - at,
      lineEndBefore,
    );
    if (!isBoundary) return at;
    if (lineEnd !== -1) {
      this.lines += 1;
      if (chunk[end - 2] !== CR) this.bareLineFeeds += 1;
    }
    this.#skip(chunk, at, end);
    this.#isAtLineStart = true;
    return end;
  }

  #give(chunk: Buffer, start: number, end: number): void {
    this.#events.octets(start === 0 && end === chunk.length ? chunk : chunk.subarray(start, end));
    this.#skip(chunk, start, end);
  }

  #skip(chunk: Buffer, start: number, end: number): void {
    this.#offset += end - start;
    if (end - start >= 2) {
      this.#beforeLast = chunk[end - 2]!;
      this.#last = chunk[end - 1]!;
    } else if (end > start) {
      this.#beforeLast = this.#last;
      this.#last = chunk[end - 1]!;
    }
  }
}
