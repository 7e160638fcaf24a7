/**
 * One connection to a next hop: greeting, EHLO or HELO, STARTTLS where it is offered, and commands with their replies in order.
 *
 * Every wait has the limit of RFC 5321 §4.5.3.2 and ends with the signal of its attempt. A ConnectionFailure leaves the connection closed.
 * RFC 5321 §3.1-3.3, RFC 2920 (pipelining), RFC 3207 (STARTTLS), RFC 7435 §3 (opportunistic: a certificate that proves nothing is still
 * better than plain text).
 */
import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { SmtpReply } from '../../mail/status-code.ts';
import type { Clock } from '../../server/clock.ts';
import { formatReply, ReplyReader } from './reply-reader.ts';

/** RFC 5321 §4.5.3.2. */
export interface SmtpTimeouts {
  readonly connectMs: number;
  readonly greetingMs: number;
  readonly helloMs: number;
  readonly mailMs: number;
  readonly recipientMs: number;
  readonly dataMs: number;
  /** Of one piece of the message. */
  readonly blockMs: number;
  readonly finalDotMs: number;
  readonly quitMs: number;
}
export const RFC_TIMEOUTS: SmtpTimeouts = {
  connectMs: 30_000,
  greetingMs: 300_000,
  helloMs: 300_000,
  mailMs: 300_000,
  recipientMs: 300_000,
  dataMs: 120_000,
  blockMs: 180_000,
  finalDotMs: 600_000,
  quitMs: 5_000,
};

export type Phase =
  | 'connect'
  | 'greeting'
  | 'hello'
  | 'tls'
  | 'mail'
  | 'recipient'
  | 'data'
  | 'block'
  | 'final dot'
  | 'quit';

/** The connection is of no more use: it broke, timed out, or the peer doesn't speak SMTP, or refused us as a whole. */
export class ConnectionFailure extends Error {
  override readonly name = 'ConnectionFailure';
  readonly phase: Phase;
  /** What the peer said, where it said something. */
  readonly reply: SmtpReply | null;
  constructor(phase: Phase, message: string, options: { readonly reply?: SmtpReply; readonly cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.phase = phase;
    this.reply = options.reply ?? null;
  }
}

export interface ConnectOptions {
  readonly address: string;
  readonly port: number;
  /** For TLS server name indication; the host's name or address. */
  readonly host: string;
  /** How we call ourselves. */
  readonly heloName: string;
  readonly tls: 'opportunistic' | 'never';
  readonly timeouts: SmtpTimeouts;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Keywords of the EHLO reply, upper-case, with their parameters. */
export type Extensions = ReadonlyMap<string, string>;

export class SmtpConnection {
  readonly #options: ConnectOptions;
  #socket: Socket;
  #reader = new ReplyReader();
  readonly #replies: SmtpReply[] = [];
  #failure: ConnectionFailure | null = null;
  #phase: Phase = 'connect';
  #waiting: (() => void) | null = null;
  #extensions: Extensions = new Map();
  #tls: string | null = null;
  #detach: () => void = () => undefined;
  /** Messages tried on this connection. */
  messages = 0;

  private constructor(options: ConnectOptions) {
    this.#options = options;
    this.#socket = connect({ host: options.address, port: options.port, noDelay: true });
    this.#listen();
  }

  /** Ready for MAIL. Throws ConnectionFailure. */
  static async open(options: ConnectOptions): Promise<SmtpConnection> {
    const connection = new SmtpConnection(options);
    const release = connection.follow(options.signal);
    try {
      await connection.#start();
      return connection;
    } catch (cause) {
      connection.close();
      throw cause;
    } finally {
      release();
    }
  }

  get extensions(): Extensions {
    return this.#extensions;
  }
  get host(): string {
    return this.#options.host;
  }
  /** Protocol version, or null in plain text. */
  get tls(): string | null {
    return this.#tls;
  }
  get isOpen(): boolean {
    return this.#failure === null;
  }

  /** Ends the connection when the signal is aborted, until released. */
  follow(signal: AbortSignal): () => void {
    const onAbort = (): void => this.#fail(new ConnectionFailure(this.#phase, 'interrupted', { cause: signal.reason }));
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    return () => signal.removeEventListener('abort', onAbort);
  }

  /** Writes command lines; each must be free of CR and LF: whoever builds one from addresses has checked them. */
  write(...lines: readonly string[]): void {
    for (const line of lines) {
      if (/[\r\n\0]/.test(line)) throw new TypeError('a command holds a line end');
    }
    if (this.#failure !== null) throw this.#failure;
    this.#socket.write(lines.map((line) => `${line}\r\n`).join(''));
  }

  /** Writes octets of a message and waits until the peer takes more. */
  async writeOctets(octets: Buffer): Promise<void> {
    this.#phase = 'block';
    if (this.#failure !== null) throw this.#failure;
    if (this.#socket.write(octets)) return;
    const socket = this.#socket;
    await this.#wait(this.#options.timeouts.blockMs, () => !socket.writableNeedDrain);
  }

  /** The next reply in order. */
  async reply(phase: Phase, limitMs: number): Promise<SmtpReply> {
    this.#phase = phase;
    if (this.#replies.length === 0) await this.#wait(limitMs, () => this.#replies.length > 0);
    const reply = this.#replies.shift()!;
    // RFC 5321 §3.8: 421 says that the peer closes the connection.
    if (reply.code === 421) this.#fail(new ConnectionFailure(phase, formatReply(reply), { reply }));
    return reply;
  }

  /** A reply that came before it was asked for, such as a refusal in the middle of DATA. */
  get hasReply(): boolean {
    return this.#replies.length > 0;
  }

  /** Says QUIT and doesn't care for the answer. */
  async quit(): Promise<void> {
    try {
      if (this.#failure === null) {
        this.write('QUIT');
        await this.reply('quit', this.#options.timeouts.quitMs);
      }
    } catch {
      // RFC 5321 §4.1.1.10: the messages are settled already.
    } finally {
      this.close();
    }
  }

  close(): void {
    this.#fail(new ConnectionFailure(this.#phase, 'closed by this host'));
  }

  async #start(): Promise<void> {
    const { timeouts, tls } = this.#options;
    const socket = this.#socket;
    let isConnected = false;
    socket.once('connect', () => {
      isConnected = true;
      this.#waiting?.();
    });
    await this.#wait(timeouts.connectMs, () => isConnected);
    const greeting = await this.reply('greeting', timeouts.greetingMs);
    if (greeting.code !== 220) throw this.#refused('greeting', greeting);
    await this.#hello();
    if (tls === 'opportunistic' && this.#extensions.has('STARTTLS')) await this.#startTls();
  }

  /** RFC 5321 §3.2: a server that doesn't know EHLO is greeted with HELO. */
  async #hello(): Promise<void> {
    const { heloName, timeouts } = this.#options;
    this.write(`EHLO ${heloName}`);
    const reply = await this.reply('hello', timeouts.helloMs);
    if (reply.code === 250) {
      this.#extensions = parseExtensions(reply);
      return;
    }
    this.#extensions = new Map();
    if (reply.code < 500) throw this.#refused('hello', reply);
    this.write(`HELO ${heloName}`);
    const second = await this.reply('hello', timeouts.helloMs);
    if (second.code !== 250) throw this.#refused('hello', second);
  }

  async #startTls(): Promise<void> {
    const { timeouts, host } = this.#options;
    this.write('STARTTLS');
    const reply = await this.reply('tls', timeouts.helloMs);
    if (reply.code !== 220) return; // RFC 3207 §4.1: the client may go on without
    // RFC 3207 §4.2, §6: what came in plain text after the 220 was put there by somebody else.
    if (this.#reader.hasRest || this.#replies.length > 0) {
      throw new ConnectionFailure('tls', 'octets in plain text after the answer to STARTTLS');
    }
    this.#detach();
    this.#reader = new ReplyReader();
    const plain = this.#socket;
    const secure = connectTls({
      socket: plain,
      rejectUnauthorized: false,
      ...(isIP(host) === 0 ? { servername: host } : {}),
    });
    this.#socket = secure;
    this.#listen();
    let isSecure = false;
    secure.once('secureConnect', () => {
      isSecure = true;
      this.#waiting?.();
    });
    await this.#wait(timeouts.helloMs, () => isSecure);
    this.#tls = secure.getProtocol();
    // RFC 3207 §4.2: what was learnt in plain text counts for nothing.
    try {
      await this.#hello();
    } catch (cause) {
      // TLS 1.3 (RFC 8446 §4.4): the peer may refuse the handshake after it seemed done.
      throw new ConnectionFailure('tls', (cause as Error).message, { cause });
    }
  }

  #refused(phase: Phase, reply: SmtpReply): ConnectionFailure {
    return new ConnectionFailure(phase, formatReply(reply), { reply });
  }

  #listen(): void {
    const socket = this.#socket;
    const onData = (chunk: Buffer): void => {
      try {
        this.#replies.push(...this.#reader.push(chunk));
      } catch (cause) {
        this.#fail(new ConnectionFailure(this.#phase, (cause as Error).message, { cause }));
      }
      this.#waiting?.();
    };
    const onError = (cause: Error): void =>
      this.#fail(new ConnectionFailure(this.#phase, `connection failed: ${cause.message}`, { cause }));
    const onClose = (): void => this.#fail(new ConnectionFailure(this.#phase, 'connection closed by the peer'));
    const onDrain = (): void => this.#waiting?.();
    socket.on('data', onData).on('error', onError).on('close', onClose).on('end', onClose).on('drain', onDrain);
    this.#detach = () => {
      socket.off('data', onData).off('error', onError).off('close', onClose).off('end', onClose).off('drain', onDrain);
      socket.on('error', () => undefined); // reported by the TLS socket over it
    };
  }

  /** The first failure stays; replies that came before it can still be read. */
  #fail(failure: ConnectionFailure): void {
    if (this.#failure !== null) return;
    this.#failure = failure;
    this.#socket.destroy();
    this.#waiting?.();
  }

  async #wait(limitMs: number, isDone: () => boolean): Promise<void> {
    if (isDone()) return;
    if (this.#failure !== null) throw this.#failure;
    const end = new AbortController();
    const phase = this.#phase;
    this.#options.clock.wait(limitMs, end.signal).then(
      () => this.#fail(new ConnectionFailure(phase, `no answer within ${Math.round(limitMs / 1_000)} s (${phase})`)),
      () => undefined, // done in time
    );
    try {
      while (!isDone()) {
        if (this.#failure !== null) throw this.#failure;
        await new Promise<void>((resolve) => {
          this.#waiting = resolve;
        });
      }
    } finally {
      this.#waiting = null;
      end.abort();
    }
  }
}

/** RFC 5321 §4.1.1.1: the first line names the host, each other an extension. */
function parseExtensions(reply: SmtpReply): Extensions {
  const extensions = new Map<string, string>();
  for (const line of reply.lines.slice(1)) {
    const [keyword = '', ...parameters] = line.split(' ');
    if (/^[A-Za-z0-9][A-Za-z0-9-]*$/.test(keyword)) extensions.set(keyword.toUpperCase(), parameters.join(' '));
  }
  return extensions;
}
