/**
 * The literal of a message in APPEND: its octets pass through, never gathered (RFC 9051 §6.3.12). A synchronizing one is not sent by the
 * client before `accept`; to refuse it costs nothing.
 */
import type { Connection } from '../../stream/connection.ts';

const PIECE_OCTETS = 64 * 1024;

export class MessageLiteral {
  readonly octets: number;
  readonly isSynchronizing: boolean;
  #left: number;
  #isComing: boolean;
  readonly #connection: Connection;

  constructor(connection: Connection, octets: number, isSynchronizing: boolean) {
    this.#connection = connection;
    this.octets = octets;
    this.isSynchronizing = isSynchronizing;
    this.#left = octets;
    this.#isComing = !isSynchronizing;
  }

  /** The client sends it, or has sent it: it has to be read before anything else. */
  get isComing(): boolean {
    return this.#isComing;
  }

  get octetsLeft(): number {
    return this.#left;
  }

  /** Tells the client to go on. */
  async accept(): Promise<void> {
    if (!this.isSynchronizing) return;
    this.#isComing = true;
    this.#connection.writer.text('+ OK\r\n');
    await this.#connection.writer.flush();
  }

  /** The octets, once. What the consumer leaves is for `discard`. @throws ConnectionClosed when the client breaks off. */
  async *stream(): AsyncGenerator<Buffer> {
    while (this.#left > 0) {
      const piece = await this.#connection.reader.readSome(Math.min(PIECE_OCTETS, this.#left));
      this.#left -= piece.length;
      yield piece;
    }
  }

  /** Reads away what is left of an accepted or unasked literal. */
  async discard(): Promise<void> {
    for await (const _ of this.stream());
  }
}
