/**
 * Octets for a peer: gathered per batch of replies, written in few large pieces, never faster than the peer reads. `flush` waits until the
 * kernel has taken what was written; a peer that takes nothing for `stallLimitMs` loses the connection. Memory: one batch.
 */
import type { Writable } from 'node:stream';
import { ConnectionClosed } from './byte-reader.ts';

/** A batch that is worth a write of its own. */
const BATCH_OCTETS = 32 * 1024;

export class OctetWriter {
  #sink: Writable;
  #text = '';
  #pieces: Buffer[] = [];
  #pieceOctets = 0;
  readonly #stallLimitMs: number;

  constructor(sink: Writable, stallLimitMs: number) {
    this.#sink = sink;
    this.#stallLimitMs = stallLimitMs;
  }

  /** Goes on writing to another stream. Nothing may be pending. */
  switchTo(sink: Writable): void {
    this.#sink = sink;
  }

  get pendingOctets(): number {
    return this.#text.length + this.#pieceOctets;
  }

  /** Adds text; each character is one octet (latin1), so that only ASCII should come here. */
  text(text: string): void {
    this.#text += text;
  }

  octets(octets: Buffer): void {
    this.#closeText();
    this.#pieces.push(octets);
    this.#pieceOctets += octets.length;
  }

  /** Flushes when a batch has come together: to be awaited in every loop that writes. */
  flushWhenFull(): Promise<void> | undefined {
    return this.pendingOctets >= BATCH_OCTETS ? this.flush() : undefined;
  }

  /** @throws ConnectionClosed when the peer is gone or doesn't read. */
  async flush(): Promise<void> {
    const sink = this.#sink;
    if (this.#pieces.length === 0) {
      const text = this.#text;
      this.#text = '';
      if (text === '') return;
      if (sink.destroyed || sink.writableEnded) throw new ConnectionClosed();
      if (sink.write(text, 'latin1')) return;
    } else {
      this.#closeText();
      const pieces = this.#pieces;
      this.#pieces = [];
      this.#pieceOctets = 0;
      if (sink.destroyed || sink.writableEnded) throw new ConnectionClosed();
      sink.cork();
      let hasRoom = true;
      for (const piece of pieces) hasRoom = sink.write(piece);
      sink.uncork();
      if (hasRoom) return;
    }
    if (sink.writableNeedDrain) await drained(sink, this.#stallLimitMs);
  }

  /** Forgets what was not written. */
  drop(): void {
    this.#text = '';
    this.#pieces = [];
    this.#pieceOctets = 0;
  }

  #closeText(): void {
    if (this.#text === '') return;
    this.#pieces.push(Buffer.from(this.#text, 'latin1'));
    this.#pieceOctets += this.#text.length;
    this.#text = '';
  }
}

function drained(sink: Writable, stallLimitMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      settle();
      const stalled = new ConnectionClosed(new Error(`the peer read nothing for ${stallLimitMs} ms`));
      sink.destroy();
      reject(stalled);
    }, stallLimitMs);
    timer.unref();
    const onDrain = (): void => {
      settle();
      resolve();
    };
    const onClose = (): void => {
      settle();
      reject(new ConnectionClosed());
    };
    const settle = (): void => {
      clearTimeout(timer);
      sink.off('drain', onDrain);
      sink.off('close', onClose);
    };
    sink.on('drain', onDrain);
    sink.on('close', onClose);
  });
}
