/**
 * A raw client for line protocols over a real socket: it sends exactly the octets it is told and reads line by line, so that tests can be rude
 * and benchmarks cheap. Lines are returned without their line end, as latin1, one character an octet.
 */
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

export class LineClient {
  #socket: Socket;
  #buffer: Buffer = Buffer.alloc(0);
  /** What came after `#buffer`, joined to it only when it is looked at. */
  #pieces: Buffer[] = [];
  #waiting = 0;
  #scanned = 0;
  #isEnded = false;
  #failure: Error | null = null;
  #wake: (() => void) | null = null;
  readonly #onData = (piece: Buffer): void => {
    this.#pieces.push(piece);
    this.#waiting += piece.length;
    this.#wake?.();
  };

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#listen();
  }

  static async open(
    port: number,
    options: { readonly tls?: boolean; readonly host?: string; readonly localAddress?: string } = {},
  ): Promise<LineClient> {
    const host = options.host ?? '127.0.0.1';
    const socket = options.tls
      ? connectTls({ host, port, rejectUnauthorized: false })
      : connectTcp({ host, port, ...(options.localAddress ? { localAddress: options.localAddress } : {}) });
    socket.setNoDelay(true);
    await new Promise<void>((resolve, reject) => {
      socket.once(options.tls ? 'secureConnect' : 'connect', resolve);
      socket.once('error', reject);
    });
    return new LineClient(socket);
  }

  #listen(): void {
    this.#socket.on('data', this.#onData);
    this.#socket.on('error', (cause) => {
      this.#failure = cause;
      this.#isEnded = true;
      this.#wake?.();
    });
    this.#socket.on('close', () => {
      this.#isEnded = true;
      this.#wake?.();
    });
    this.#socket.on('end', () => {
      this.#isEnded = true;
      this.#wake?.();
    });
  }

  /** Octets as they are. Resolves when the socket took them. */
  write(octets: Buffer | string): Promise<void> {
    const data = typeof octets === 'string' ? Buffer.from(octets, 'utf8') : octets;
    if (this.#socket.write(data)) return Promise.resolve();
    return new Promise((resolve) => {
      this.#socket.once('drain', resolve);
      this.#socket.once('close', resolve);
    });
  }

  /** One line with CRLF. */
  send(line: string): Promise<void> {
    return this.write(`${line}\r\n`);
  }

  /** The next line, or null at the end of the connection. */
  async line(): Promise<string | null> {
    for (;;) {
      this.#join();
      const at = this.#buffer.indexOf(10, this.#scanned);
      if (at >= 0) {
        const end = at > 0 && this.#buffer[at - 1] === 13 ? at - 1 : at;
        const line = this.#buffer.toString('latin1', 0, end);
        this.#buffer = this.#buffer.subarray(at + 1);
        this.#scanned = 0;
        return line;
      }
      this.#scanned = this.#buffer.length;
      if (this.#isEnded) return null;
      await this.#more();
    }
  }

  /** Exactly `count` octets. */
  async octets(count: number): Promise<Buffer> {
    while (this.#buffer.length + this.#waiting < count) {
      if (this.#isEnded) {
        const missing = count - this.#buffer.length - this.#waiting;
        throw new Error(`the connection ended ${missing} octets early`, { cause: this.#failure });
      }
      await this.#more();
    }
    this.#join();
    const octets = this.#buffer.subarray(0, count);
    this.#buffer = this.#buffer.subarray(count);
    this.#scanned = 0;
    return octets;
  }

  /** An SMTP reply with all its lines (RFC 5321 §4.2.1); null at the end of the connection. */
  async reply(): Promise<{ readonly code: number; readonly lines: readonly string[] } | null> {
    const lines: string[] = [];
    for (;;) {
      const line = await this.line();
      if (line === null) return null;
      lines.push(line.slice(4));
      if (line[3] !== '-') return { code: Number(line.slice(0, 3)), lines };
    }
  }

  /** Sends a command and reads its SMTP reply; throws unless its code begins with `code`. */
  async smtp(command: string, code: string): Promise<readonly string[]> {
    await this.send(command);
    const reply = await this.reply();
    if (!reply || !String(reply.code).startsWith(code))
      throw new Error(`${command}: ${reply ? `${reply.code} ${reply.lines.join(' / ')}` : 'connection closed'}`);
    return reply.lines;
  }

  /** Sends an IMAP command and reads to its tagged response. Literals are put into their line in place of the announcement. */
  async imap(tag: string, command: string): Promise<{ readonly untagged: readonly string[]; readonly status: string }> {
    await this.send(`${tag} ${command}`);
    return this.imapResponse(tag);
  }

  async imapResponse(tag: string): Promise<{ readonly untagged: readonly string[]; readonly status: string }> {
    const untagged: string[] = [];
    for (;;) {
      const line = await this.imapLine();
      if (line === null)
        throw new Error(`the connection ended before the response to ${tag}`, { cause: this.#failure });
      if (line.startsWith(`${tag} `)) return { untagged, status: line.slice(tag.length + 1) };
      untagged.push(line);
    }
  }

  /** One logical IMAP line, literals included (RFC 3501 §4.3). */
  async imapLine(): Promise<string | null> {
    let logical = '';
    for (;;) {
      const line = await this.line();
      if (line === null) return logical === '' ? null : logical;
      const literal = /\{(\d+)\}$/.exec(line);
      if (!literal) return logical + line;
      logical += `${line}\r\n${(await this.octets(Number(literal[1]))).toString('latin1')}`;
    }
  }

  /** Client side of STARTTLS, after the server agreed. */
  async startTls(): Promise<void> {
    this.#socket.removeAllListeners();
    const secure = connectTls({ socket: this.#socket, rejectUnauthorized: false });
    await new Promise<void>((resolve, reject) => {
      secure.once('secureConnect', resolve);
      secure.once('error', reject);
    });
    this.#socket = secure;
    this.#buffer = Buffer.alloc(0);
    this.#pieces = [];
    this.#waiting = 0;
    this.#scanned = 0;
    this.#listen();
  }

  /** Half-closes: no more octets from us. */
  end(): void {
    this.#socket.end();
  }

  /** Drops the connection at once. */
  destroy(): void {
    this.#socket.destroy();
  }

  /** Resolves when the peer is gone. */
  async closed(): Promise<void> {
    while (!this.#isEnded) await this.#more();
  }

  #join(): void {
    if (this.#pieces.length === 0) return;
    this.#buffer = Buffer.concat([this.#buffer, ...this.#pieces]);
    this.#pieces = [];
    this.#waiting = 0;
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = () => {
        this.#wake = null;
        resolve();
      };
    });
  }
}
