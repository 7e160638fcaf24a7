/** A bare POP3 client for transcripts: sends what it is told, octet for octet, and gives replies back as the octets that came. */
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

export class Pop3Client {
  #socket: Socket;
  #buffer: Buffer = Buffer.alloc(0);
  #wake: (() => void) | null = null;
  #isClosed = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#listen(socket);
  }

  /** After the greeting. */
  static async connect(port: number, options: { readonly isTls?: boolean } = {}): Promise<Pop3Client> {
    const client = Pop3Client.open(port, options);
    await client.line();
    return client;
  }

  /** A connection of which the greeting is not read. */
  static open(port: number, options: { readonly isTls?: boolean } = {}): Pop3Client {
    return new Pop3Client(
      options.isTls
        ? connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false })
        : connectTcp({ port, host: '127.0.0.1' }),
    );
  }

  #listen(socket: Socket): void {
    socket.on('data', (octets: Buffer) => {
      this.#buffer = Buffer.concat([this.#buffer, octets]);
      this.#notify();
    });
    socket.on('error', () => undefined);
    const onEnd = (): void => {
      this.#isClosed = true;
      this.#notify();
    };
    socket.on('end', onEnd);
    socket.on('close', onEnd);
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

  /** No more octets from us; what comes is still read. */
  halfClose(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** Stops and goes on reading from the socket. */
  pause(): void {
    this.#socket.pause();
  }
  resume(): void {
    this.#socket.resume();
  }

  /** Waits for an end that `endOf` finds; null when the connection ended first. */
  async #until(endOf: (buffer: Buffer) => number): Promise<Buffer | null> {
    for (;;) {
      const end = endOf(this.#buffer);
      if (end !== -1) {
        const octets = this.#buffer.subarray(0, end);
        this.#buffer = this.#buffer.subarray(end);
        return octets;
      }
      if (this.#isClosed) return null;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** One line without its CRLF; a bare LF is no line end here. Null at the end of the connection. */
  async nextLine(): Promise<string | null> {
    const octets = await this.#until((buffer) => {
      const at = buffer.indexOf('\r\n');
      return at === -1 ? -1 : at + 2;
    });
    return octets === null ? null : octets.toString('latin1', 0, octets.length - 2);
  }

  async line(): Promise<string> {
    const line = await this.nextLine();
    if (line === null) throw new Error('the server closed the connection');
    return line;
  }

  /** Everything to the server's end of the connection. */
  async rest(): Promise<string> {
    while (!this.#isClosed) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#buffer.toString('latin1');
  }

  /** Sends one command and reads a reply of one line. */
  async run(command: string): Promise<string> {
    this.send(`${command}\r\n`);
    return this.line();
  }

  /** As `run`, for commands that must succeed. */
  async ok(command: string): Promise<string> {
    const reply = await this.run(command);
    if (!reply.startsWith('+OK')) throw new Error(`${command}: ${reply}`);
    return reply;
  }

  /** The octets of a reply of many lines after its first line, the final dot included, dots still stuffed. */
  async stuffed(command: string): Promise<Buffer> {
    await this.ok(command);
    const octets = await this.#until((buffer) => {
      if (buffer.length >= 3 && buffer.toString('latin1', 0, 3) === '.\r\n') return 3;
      const at = buffer.indexOf('\r\n.\r\n');
      return at === -1 ? -1 : at + 5;
    });
    if (octets === null) throw new Error(`${command}: the connection ended in the middle`);
    return octets;
  }

  /** The content of a reply of many lines: without the final dot, dots unstuffed. */
  async content(command: string): Promise<Buffer> {
    const octets = (await this.stuffed(command)).toString('latin1');
    return Buffer.from(octets.slice(0, -3).replace(/^\./, '').replaceAll('\r\n.', '\r\n'), 'latin1');
  }

  /** The lines of a listing. */
  async lines(command: string): Promise<readonly string[]> {
    const text = (await this.content(command)).toString('latin1');
    return text === '' ? [] : text.slice(0, -2).split('\r\n');
  }
}
