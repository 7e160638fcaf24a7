/**
 * One peer of a text protocol: a reader, a writer, a deadline, and the step from plain text to TLS. Whoever opened it closes it.
 */
import type { Socket } from 'node:net';
import type { SecureContext, TLSSocket } from 'node:tls';
import { ByteReader } from './byte-reader.ts';
import { Deadline, DeadlinePassed } from './deadline.ts';
import { OctetWriter } from './octet-writer.ts';
import { upgradeToTls } from './tls-upgrade.ts';

export interface ConnectionOptions {
  /** A peer that takes nothing of what is written for so long is cut off. */
  readonly stallLimitMs: number;
  readonly handshakeLimitMs: number;
}

export class Connection {
  readonly reader: ByteReader;
  readonly writer: OctetWriter;
  readonly deadline: Deadline;
  /** Such as '192.0.2.1'. */
  readonly remoteAddress: string;
  readonly remotePort: number;
  #socket: Socket | TLSSocket;
  #isSecure = false;
  readonly #options: ConnectionOptions;

  constructor(socket: Socket, options: ConnectionOptions) {
    this.#socket = socket;
    this.#options = options;
    this.remoteAddress = socket.remoteAddress ?? '';
    this.remotePort = socket.remotePort ?? 0;
    // The reader hears of errors while it is attached; between two attachments nobody else would, and the process would end.
    socket.on('error', () => undefined);
    this.reader = new ByteReader(socket);
    this.writer = new OctetWriter(socket, options.stallLimitMs);
    this.deadline = new Deadline((what) => this.reader.fail(new DeadlinePassed(what)));
  }

  get isSecure(): boolean {
    return this.#isSecure;
  }

  get isLoopback(): boolean {
    return isLoopbackAddress(this.remoteAddress);
  }

  get isClosed(): boolean {
    return this.#socket.destroyed;
  }

  /**
   * TLS from here on. Plain text that came after the command is dropped unread (RFC 3501 §6.2.1, CVE-2011-0411); nothing may be pending
   * for writing. @throws when the handshake fails; the socket is then closed.
   */
  async startTls(secureContext: SecureContext): Promise<void> {
    this.reader.detach();
    const secure = await upgradeToTls(this.#socket, secureContext, this.#options.handshakeLimitMs);
    secure.on('error', () => undefined);
    this.#socket = secure;
    this.reader.switchTo(secure);
    this.writer.switchTo(secure);
    this.#isSecure = true;
  }

  /** Sends what is pending and closes; the peer gets `lingerMs` to take it and to close as well. */
  async end(lingerMs: number): Promise<void> {
    this.deadline.stop();
    const socket = this.#socket;
    if (socket.destroyed) return;
    await this.writer.flush().catch(() => socket.destroy());
    this.reader.detach();
    if (socket.destroyed) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => socket.destroy(), lingerMs);
      timer.unref();
      socket.once('close', () => {
        clearTimeout(timer);
        resolve();
      });
      socket.once('end', () => socket.destroy());
      // What the peer still sends is thrown away, so that its side can close; one that has closed already is not waited for.
      socket.end(() => (socket.readableEnded ? socket.destroy() : socket.resume()));
    });
  }

  destroy(): void {
    this.deadline.stop();
    this.#socket.destroy();
  }
}

/** 127.0.0.0/8 and ::1, also as IPv4-mapped. */
export function isLoopbackAddress(address: string): boolean {
  return address === '::1' || /^(?:::ffff:)?127\./i.test(address);
}
