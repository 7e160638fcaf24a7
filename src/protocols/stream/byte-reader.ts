/**
 * Octets of a peer, taken line by line or in exact amounts by whoever asks: what nobody asks for stays in the kernel, so that a fast peer
 * can't grow memory and an idle one holds no buffer. One reader at a time. Fails with ConnectionClosed when the peer is gone, with the
 * error given to `fail` when a deadline passed.
 */
import type { Readable } from 'node:stream';

/** The peer closed, or the socket broke. Never the peer's to read. */
export class ConnectionClosed extends Error {
  override readonly name = 'ConnectionClosed';
  constructor(cause?: unknown) {
    super('connection closed', cause === undefined ? undefined : { cause });
  }
}

/** No line end within the limit. The reader stands where the line began. */
export class LineTooLong extends Error {
  override readonly name = 'LineTooLong';
  constructor() {
    super('line too long');
  }
}

const LF = 10;
const CR = 13;
/** What is kept of a line that is skipped: enough for the announcement of a literal. */
const TAIL_OCTETS = 64;

export class ByteReader {
  #source: Readable;
  #chunks: Buffer[] = [];
  #heldOctets = 0;
  #hasEnded = false;
  #failure: Error | null = null;
  #wake: (() => void) | null = null;

  readonly #onReadable = (): void => this.#notify();
  readonly #onEnd = (): void => {
    this.#hasEnded = true;
    this.#notify();
  };
  readonly #onError = (cause: Error): void => {
    this.#failure ??= new ConnectionClosed(cause);
    this.#notify();
  };

  constructor(source: Readable) {
    this.#source = source;
    this.#listen();
  }

  /** Octets that arrived and were not taken, in this reader and in the stream below it. */
  get pendingOctets(): number {
    return this.#heldOctets + this.#source.readableLength;
  }

  /** Goes on reading from another stream (TLS over the old one). What was held is dropped: RFC 3501 §6.2.1 forbids to use it. */
  switchTo(source: Readable): void {
    this.detach();
    this.#source = source;
    this.#hasEnded = false;
    this.#listen();
  }

  /** Lets go of the stream and of everything held. */
  detach(): void {
    this.#source.off('readable', this.#onReadable);
    this.#source.off('end', this.#onEnd);
    this.#source.off('close', this.#onEnd);
    this.#source.off('error', this.#onError);
    this.#chunks = [];
    this.#heldOctets = 0;
  }

  /** Ends the wait of the reader, now and for ever, with this error. */
  fail(error: Error): void {
    this.#failure ??= error;
    this.#notify();
  }

  /** Resolves when at least one octet is there. */
  async waitForOctets(): Promise<void> {
    while (this.#heldOctets === 0) await this.#more();
  }

  /**
   * One line without its CRLF or bare LF (accepted as Dovecot does: mail clients send it from scripts).
   * @throws LineTooLong when `maxOctets` pass without a line end.
   */
  async readLine(maxOctets: number): Promise<Buffer> {
    let scanned = 0;
    let before = 0;
    for (;;) {
      for (; scanned < this.#chunks.length; scanned++) {
        const chunk = this.#chunks[scanned]!;
        const at = chunk.indexOf(LF);
        if (at !== -1 && before + at <= maxOctets) return withoutLineEnd(this.#take(before + at + 1));
        before += chunk.length;
        if (at !== -1 || before > maxOctets) throw new LineTooLong();
      }
      await this.#more();
    }
  }

  /** Throws octets away to the next line end; gives the last ones of the line back. Null when there is no end within `maxOctets`. */
  async skipLine(maxOctets: number): Promise<Buffer | null> {
    let tail: Buffer = Buffer.alloc(0);
    for (let passed = 0; ; ) {
      while (this.#chunks.length > 0) {
        const at = this.#chunks[0]!.indexOf(LF);
        const octets = this.#take(at === -1 ? this.#chunks[0]!.length : at + 1);
        passed += octets.length;
        tail = Buffer.concat([tail, octets.subarray(-TAIL_OCTETS)]).subarray(-TAIL_OCTETS);
        if (at !== -1) return withoutLineEnd(tail);
        if (passed > maxOctets) return null;
      }
      await this.#more();
    }
  }

  /** At least one and at most `maxOctets` octets, as they come. */
  async readSome(maxOctets: number): Promise<Buffer> {
    await this.waitForOctets();
    return this.#take(Math.min(maxOctets, this.#chunks[0]!.length));
  }

  /** Exactly `octets`, gathered: for small amounts that were checked against a budget. */
  async readExactly(octets: number): Promise<Buffer> {
    while (this.#heldOctets < octets) await this.#more();
    return this.#take(octets);
  }

  #listen(): void {
    this.#source.on('readable', this.#onReadable);
    this.#source.on('end', this.#onEnd);
    this.#source.on('close', this.#onEnd);
    this.#source.on('error', this.#onError);
  }

  #notify(): void {
    const wake = this.#wake;
    this.#wake = null;
    wake?.();
  }

  async #more(): Promise<void> {
    for (;;) {
      if (this.#failure !== null) throw this.#failure;
      const chunk = this.#source.read() as Buffer | null;
      if (chunk !== null) {
        this.#chunks.push(chunk);
        this.#heldOctets += chunk.length;
        return;
      }
      if (this.#hasEnded) throw new ConnectionClosed();
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #take(octets: number): Buffer {
    this.#heldOctets -= octets;
    const first = this.#chunks[0];
    if (octets === 0 || first === undefined) return Buffer.alloc(0);
    if (first.length > octets) {
      this.#chunks[0] = first.subarray(octets);
      return first.subarray(0, octets);
    }
    if (first.length === octets) {
      this.#chunks.shift();
      return first;
    }
    const pieces: Buffer[] = [];
    let wanted = octets;
    let used = 0;
    while (wanted > 0) {
      const chunk = this.#chunks[used]!;
      if (chunk.length > wanted) {
        pieces.push(chunk.subarray(0, wanted));
        this.#chunks[used] = chunk.subarray(wanted);
        wanted = 0;
      } else {
        pieces.push(chunk);
        wanted -= chunk.length;
        used += 1;
      }
    }
    this.#chunks.splice(0, used);
    return Buffer.concat(pieces, octets);
  }
}

function withoutLineEnd(line: Buffer): Buffer {
  const end = line.length - 1;
  return line.subarray(0, line[end - 1] === CR ? end - 1 : end);
}
