/** A bare IMAP client for transcripts: sends what it is told, octet for octet, and gives back replies with their literals in place. */
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

export interface Answer {
  /** Untagged replies and continuations, without CRLF. */
  readonly lines: readonly string[];
  /** `OK [CODE] text`: the tagged reply without its tag. */
  readonly tagged: string;
}

export class ImapClient {
  #socket: Socket;
  #buffer: Buffer = Buffer.alloc(0);
  #wake: (() => void) | null = null;
  #isClosed = false;
  #tags = 0;
  readonly closed: Promise<void>;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.closed = new Promise((resolve) => {
      socket.once('close', () => resolve());
    });
    this.#listen(socket);
  }

  static async connect(port: number, options: { readonly isTls?: boolean } = {}): Promise<ImapClient> {
    const socket = options.isTls
      ? connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false })
      : connectTcp({ port, host: '127.0.0.1' });
    const client = new ImapClient(socket);
    await client.line();
    return client;
  }

  /** A connection of which the greeting is not read. */
  static open(port: number): ImapClient {
    return new ImapClient(connectTcp({ port, host: '127.0.0.1' }));
  }

  #listen(socket: Socket): void {
    socket.on('data', (octets: Buffer) => {
      this.#buffer = Buffer.concat([this.#buffer, octets]);
      this.#notify();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.#isClosed = true;
      this.#notify();
    });
  }

  #notify(): void {
    this.#wake?.();
    this.#wake = null;
  }

  async startTls(): Promise<void> {
    this.#socket.removeAllListeners('data');
    const secure = connectTls({ socket: this.#socket, rejectUnauthorized: false });
    this.#socket = secure;
    this.#listen(secure);
    await new Promise<void>((resolve, reject) => {
      secure.once('secureConnect', resolve);
      secure.once('error', reject);
    });
  }

  send(octets: string | Buffer): void {
    this.#socket.write(typeof octets === 'string' ? Buffer.from(octets, 'utf8') : octets);
  }

  /** Resolves when the kernel has the octets. */
  sendAll(octets: Buffer): Promise<void> {
    return new Promise((resolve) => {
      this.#socket.write(octets, () => resolve());
    });
  }

  /** Stops and goes on reading from the socket. */
  pause(): void {
    this.#socket.pause();
  }
  resume(): void {
    this.#socket.resume();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** One reply, with its literals; latin1. Null when the server has closed. */
  async nextLine(): Promise<string | null> {
    let end = 0;
    for (;;) {
      const at = this.#buffer.indexOf('\r\n', end, 'latin1');
      if (at === -1) {
        if (this.#isClosed) return null;
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        continue;
      }
      const literal = /\{(\d+)\}$/.exec(this.#buffer.toString('latin1', end, at));
      if (literal === null) {
        const line = this.#buffer.toString('latin1', 0, at);
        this.#buffer = this.#buffer.subarray(at + 2);
        return line;
      }
      end = at + 2 + Number(literal[1]);
      while (this.#buffer.length < end && !this.#isClosed) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
      if (this.#buffer.length < end) return null;
    }
  }

  async line(): Promise<string> {
    const line = await this.nextLine();
    if (line === null) throw new Error('the server closed the connection');
    return line;
  }

  /** All that comes until the server closes. */
  async rest(): Promise<string[]> {
    const lines: string[] = [];
    for (let line = await this.nextLine(); line !== null; line = await this.nextLine()) lines.push(line);
    return lines;
  }

  /** Lines until one that fits, that one last. */
  async until(wanted: RegExp): Promise<string[]> {
    const lines: string[] = [];
    for (;;) {
      const line = await this.line();
      lines.push(line);
      if (wanted.test(line)) return lines;
    }
  }

  /** Sends one command with a tag of its own and reads to its tagged reply. Literals in `command` are sent as LITERAL+ or not, as written. */
  async run(command: string | Buffer): Promise<Answer> {
    const tag = `t${++this.#tags}`;
    this.send(Buffer.concat([Buffer.from(`${tag} `), Buffer.from(command), Buffer.from('\r\n')]));
    return this.answerOf(tag);
  }

  async answerOf(tag: string): Promise<Answer> {
    const lines = await this.until(new RegExp(`^${tag} `));
    return { lines: lines.slice(0, -1), tagged: lines.at(-1)!.slice(tag.length + 1) };
  }

  /** As `run`, for commands that must end in OK: only the untagged replies. */
  async ok(command: string | Buffer): Promise<readonly string[]> {
    const { lines, tagged } = await this.run(command);
    if (!tagged.startsWith('OK')) throw new Error(`${command.toString().slice(0, 200)}: ${tagged}`);
    return lines;
  }

  async append(mailbox: string, message: string | Buffer, flags = ''): Promise<string> {
    const octets = Buffer.from(message);
    const head = Buffer.from(`APPEND "${mailbox}" ${flags === '' ? '' : `(${flags}) `}{${octets.length}+}\r\n`);
    return (await this.run(Buffer.concat([head, octets]))).tagged;
  }
}
