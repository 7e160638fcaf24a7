/**
 * Octets of an SMTP or LMTP client as command lines and message data, in place of smtp-server's own stream.
 *
 * Why not its own: that one ends a command at a bare LF, hands bare CR and LF on in a message, undoes dots behind a bare LF, and runs half a
 * line as a command when the client leaves. Here a line ends at CRLF alone (RFC 5321 §2.3.8), a fault is reported once a line, and half a line
 * is nothing. Memory: one line, one chunk, and the data stream's own buffer; the socket waits while any of them is full.
 */
import type { SMTPServerDataStream } from 'smtp-server';
import { SMTPStream } from 'smtp-server/lib/smtp-stream.js';
import { DotStuffedData, type LineFault } from './dot-stuffed-data.ts';

export type WireFault = LineFault | 'line-too-long' | 'flood';

/** Octets of one line that are swallowed to answer "line too long"; more is a flood and ends the connection. */
export const MAX_SWALLOWED_OCTETS = 64 * 1024;
/** A message may be refused for its size and still be read to its end; beyond this many times the limit the connection ends. */
const MAX_OVERSIZE_FACTOR = 2;
/** More than one socket read, so that what a client sent before our reply is seen before our reply (`onArrival`). */
const INPUT_BUFFER_OCTETS = 64 * 1024 + 1;
/** Pieces of one chunk that are written one by one. */
const MAX_PIECES = 4;
/** Commands that run one after another before others get their turn. */
const MAX_COMMANDS_IN_A_ROW = 100;

type Done = (error?: Error | null) => void;

export class StrictSmtpStream extends SMTPStream {
  /** Octets of a command line, CRLF included. */
  maxLineOctets: () => number = () => 512;
  /** A line that can't be a command. `done` goes on behind it. */
  onFault: (fault: WireFault, done: () => void) => void = (_, done) => done();
  /** Octets came in from the socket, before anything is made of them. */
  onArrival: () => void = () => undefined;

  #line: Buffer[] = [];
  #lineOctets = 0;
  #data: DotStuffedData | null = null;
  #maxDataOctets = Number.POSITIVE_INFINITY;
  #sink: SMTPServerDataStream | null = null;
  #resume: (() => void) | null = null;
  #dataEnded: ((how: 'ended' | 'gone') => void) | null = null;

  constructor() {
    super({ highWaterMark: INPUT_BUFFER_OCTETS });
  }

  override write(chunk: unknown, ...rest: unknown[]): boolean {
    this.onArrival();
    return (super.write as (chunk: unknown, ...rest: unknown[]) => boolean).call(this, chunk, ...rest);
  }

  get dataFault(): LineFault | null {
    return this.#data?.fault ?? null;
  }

  /** Octets of the message that came in so far. */
  get dataOctets(): number {
    return this.#data?.octets ?? 0;
  }

  /** The client waits for us: the message's reader is slower than the client. */
  get isReaderBusy(): boolean {
    return this.#sink?.writableNeedDrain ?? false;
  }

  /** From the next octet on: a message. `ended` resolves behind its final CRLF; the lines behind it wait for `continue`. */
  beginData(maxBytes: number): { readonly sink: SMTPServerDataStream; readonly ended: Promise<'ended' | 'gone'> } {
    const sink = this.startDataMode(maxBytes);
    // Whoever reads the message hears of its end; an error without a listener would end the process.
    sink.on('error', () => undefined);
    this.#data = new DotStuffedData();
    this.#maxDataOctets = maxBytes * MAX_OVERSIZE_FACTOR + MAX_SWALLOWED_OCTETS;
    this.#sink = sink;
    const ended = new Promise<'ended' | 'gone'>((resolve) => {
      this.#dataEnded = resolve;
    });
    return { sink, ended };
  }

  /** The client is gone: nothing more will come. */
  abandon(): void {
    this.isClosed = true;
    this.#endData('gone');
  }

  /** The replies to the message are sent: on with the commands. */
  override continue(): void {
    const resume = this.#resume;
    this.#resume = null;
    resume?.();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding | 'buffer', next: Done): void {
    this.#take(chunk, next);
  }

  /** Half a line at the end of the connection is no command. */
  override _flushData(): void {
    this.#line = [];
  }

  #take(chunk: Buffer, next: Done): void {
    let rest = chunk;
    for (let inARow = 0; ; inARow++) {
      if (this.isClosed || rest.length === 0) {
        next();
        return;
      }
      if (this._dataMode) {
        this.#takeData(rest, next);
        return;
      }
      if (inARow >= MAX_COMMANDS_IN_A_ROW) {
        const waiting = rest;
        setImmediate(() => this.#take(waiting, next));
        return;
      }
      const lf = rest.indexOf(10);
      const piece = lf === -1 ? rest : rest.subarray(0, lf + 1);
      this.#lineOctets += piece.length;
      const isTooLong = this.#lineOctets > this.maxLineOctets();
      if (isTooLong) this.#line = [];
      else this.#line.push(piece);
      if (this.#lineOctets > MAX_SWALLOWED_OCTETS) {
        this.onFault('flood', () => next());
        return;
      }
      if (lf === -1) {
        next();
        return;
      }
      rest = rest.subarray(lf + 1);
      const line = isTooLong ? null : this.#line.length === 1 ? this.#line[0]! : Buffer.concat(this.#line);
      this.#line = [];
      this.#lineOctets = 0;
      // A command that is done at once goes on in this loop, any other one comes back by itself.
      let isHere = true;
      let isDone = false;
      const behind = rest;
      const done = (): void => {
        if (isDone) return;
        isDone = true;
        if (!isHere) this.#take(behind, next);
      };
      this.#dispatch(line, done);
      isHere = false;
      if (!isDone) return;
    }
  }

  #dispatch(line: Buffer | null, done: () => void): void {
    if (line === null) {
      this.onFault('line-too-long', done);
      return;
    }
    const end = line.length - 2;
    if (end < 0 || line[end] !== 13) {
      this.onFault('bare-lf', done);
      return;
    }
    if (line.indexOf(13) !== end) {
      this.onFault('bare-cr', done);
      return;
    }
    this.oncommand(line.subarray(0, end), done);
  }

  #takeData(chunk: Buffer, next: Done): void {
    const data = this.#data!;
    const sink = this.#sink!;
    const { pieces, end } = data.feed(chunk);
    if (data.fault !== null && !sink.destroyed) sink.destroy(new Error(`${data.fault} in message data`));
    let isRoomLeft = true;
    // A text full of dots comes in many small pieces: one write of a copy is cheaper than as many writes.
    for (const piece of pieces.length > MAX_PIECES ? [Buffer.concat(pieces)] : pieces) {
      this.dataBytes += piece.length;
      if (sink.writable) isRoomLeft = sink.write(piece);
    }
    if (end !== -1) {
      const rest = chunk.subarray(end);
      this._dataMode = false;
      this.#resume = () => this.#take(rest, next);
      if (sink.writable) sink.end();
      this.#endData('ended');
      return;
    }
    if (data.octets > this.#maxDataOctets) {
      this.onFault('flood', () => next());
      return;
    }
    if (isRoomLeft || sink.destroyed) {
      next();
      return;
    }
    const onward = (): void => {
      sink.removeListener('drain', onward);
      sink.removeListener('close', onward);
      next();
    };
    sink.once('drain', onward);
    sink.once('close', onward);
  }

  #endData(how: 'ended' | 'gone'): void {
    const ended = this.#dataEnded;
    this.#dataEnded = null;
    ended?.(how);
  }
}
