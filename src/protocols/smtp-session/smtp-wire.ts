/**
 * The wire of one SMTP or LMTP client: smtp-server's connection, made strict enough for the open net. What the commands mean is in
 * smtp-connection.ts.
 *
 * Kept from smtp-server: the life of the socket, STARTTLS and what must be forgotten with it (RFC 3207 §4.2), the order of commands, their
 * dispatch. Replaced, since its hooks don't reach there: the octet stream (smtp-stream.ts); replies, whose enhanced status codes it derives
 * from the basic code alone (RFC 2034 §4); deadlines that no trickle extends; a limit on mistakes; knowing that a client saw a reply.
 */
import type { Socket } from 'node:net';
import { SMTPConnection } from 'smtp-server/lib/smtp-connection.js';
import type { SmtpReply, StatusCode } from '../../mail/status-code.ts';
import { ClientDeadlines } from './smtp-deadlines.ts';
import type { SmtpLimits } from './smtp-limits.ts';
import type { Acceptance } from './smtp-role.ts';
import { StrictSmtpStream, type WireFault } from './smtp-stream.ts';

export type Done = () => void;

export abstract class SmtpWire extends SMTPConnection {
  /** Aborted when the connection is closed. */
  readonly gone: AbortSignal;
  readonly #end = new AbortController();
  #limits: SmtpLimits | null = null;
  #deadlines: ClientDeadlines | null = null;
  #errors = 0;
  #idleCommands = 0;
  #topSocket: Socket | null = null;
  /** Of a message whose replies are sent, and of which it isn't known yet whether the client saw them. */
  #unseen: Pick<Acceptance, 'onSeen' | 'onLost'> | null = null;

  constructor(...args: ConstructorParameters<typeof SMTPConnection>) {
    super(...args);
    this.gone = this.#end.signal;
  }

  /** Octets of a line, CRLF included. */
  protected abstract readonly maxLineOctets: number;

  /** Called once, instead of `init`. */
  protected open(limits: SmtpLimits): void {
    this.#limits = limits;
    // Counted by `maxIdleCommands` instead, logged in or not.
    this._maxAllowedUnauthenticatedCommands = false;
    this.#deadlines = new ClientDeadlines(limits, {
      isTransferring: () => this.isTransferring,
      progress: () => ({ octets: this.stream?.dataOctets ?? 0, isReaderBusy: this.stream?.isReaderBusy ?? false }),
      expire: (why) => this.#expire(why),
    });
    this._setListeners(() => this.connectionReady());
  }

  /** A message comes in or is being committed. */
  get isTransferring(): boolean {
    return Boolean(this._dataStream);
  }

  /** The octets, or null when the connection is closed. */
  protected get stream(): StrictSmtpStream | null {
    return this._parser instanceof StrictSmtpStream ? this._parser : null;
  }

  /** Tells the client that the server stops, unless a message is under way. */
  stop(): void {
    if (!this.isTransferring) this.reply({ code: 421, status: '4.3.2', lines: [`${this.name} shutting down`] });
  }

  /** Ends the connection at once. A raw socket must not be torn away from under its TLS socket. */
  cut(): void {
    this.#topSocket?.destroy();
    this._socket.destroy();
  }

  protected reply(answer: SmtpReply): void {
    this.send(answer.code, answer.lines.length === 1 ? answer.lines[0]! : [...answer.lines], answer.status ?? false);
  }

  /** 354 is sent: a message comes in on `stream` until `ended`. */
  protected beginTransfer(stream: StrictSmtpStream, maxBytes: number): ReturnType<StrictSmtpStream['beginData']> {
    const data = stream.beginData(maxBytes);
    this._dataStream = data.sink;
    this.#deadlines?.dataBegins();
    // Once it is all here, the client waits for us.
    void data.ended.then(() => this.#deadlines?.dataEnds());
    this.send(354, 'end with <CR><LF>.<CR><LF>');
    return data;
  }

  /** The replies to a message; then the next command. */
  protected endTransfer(stream: StrictSmtpStream, acceptance: Acceptance): void {
    this._dataStream = false;
    this._transactionCounter += 1;
    this._unrecognizedCommands = 0;
    this.#idleCommands = 0;
    this._resetSession();
    for (const answer of acceptance.replies) this.reply(answer);
    if (stream.dataFault !== null) {
      this.close();
      return;
    }
    // A client that closed its side will say nothing more.
    if (this._socket.readableEnded) acceptance.onLost?.();
    else this.#unseen = acceptance;
    this.#deadlines?.waitForCommand();
    this._whenWritable(() => stream.continue());
  }

  // -- in place of the base's ----------------------------------------------------------------------------------------------------------

  /** Runs in the base constructor: no field of this class is there yet. */
  override _createParser(): StrictSmtpStream {
    const stream = new StrictSmtpStream();
    stream.oncommand = (line, done) => this._onCommand(line, done);
    stream.maxLineOctets = () => this.maxLineOctets;
    stream.onFault = (fault, done) => this.#refuseOctets(fault, done);
    stream.onArrival = () => this.#noteArrival();
    stream.on('error', () => this.close());
    // The client closed its side and everything it sent is answered.
    stream.on('finish', () => this.close());
    return stream;
  }

  override _onCommand(line: Buffer, done: Done = () => undefined): void {
    this.#deadlines?.commandCame();
    const onward = (): void => {
      if (!this.isTransferring && !this._upgrading) this.#deadlines?.waitForCommand();
      done();
    };
    if (this._nextHandler === false && ++this.#idleCommands > this.#limits!.maxIdleCommands) {
      this.reply({ code: 421, status: '4.7.0', lines: ['too many commands without a message'] });
      return;
    }
    if (!isCommandText(line)) {
      this._nextHandler = false;
      this.reply({ code: 500, status: '5.5.2', lines: ['command holds a character that is not allowed'] });
      onward();
      return;
    }
    super._onCommand(line, onward);
  }

  /** The base derives the enhanced code from the basic one; ours are given, as `context`. */
  override _getEnhancedStatusCode(code: number, context?: string | false): string {
    if (typeof context === 'string' && /^[245]\.\d/.test(context)) return context;
    if (code === 421) return this._server._closeTimeout ? '4.3.2' : '4.7.0';
    return super._getEnhancedStatusCode(code, context);
  }

  /** Called by the base with the socket that counts now: the only sight of a TLS socket whose handshake isn't done. */
  override _armTimeout(socket: Socket = this._socket): void {
    this.#topSocket = socket;
    super._armTimeout(socket);
  }

  /** The one place that writes. The base's would be silent to a client that has closed its side and still reads. */
  override send(code: number, data?: string | string[] | null, context?: string | false): void {
    const status = this._getEnhancedStatusCode(code, context);
    const texts = Array.isArray(data) ? data : [data ?? ''];
    const lines = texts.map((text, i) => {
      const mark = i < texts.length - 1 ? '-' : ' ';
      // RFC 5321 §4.2: a reply can't be split by what is quoted in it.
      return `${code}${mark}${status === '' ? '' : `${status} `}${text.replace(/[\x00-\x1f\x7f-\x9f]/g, ' ')}\r\n`;
    });
    // Within a TLS handshake it would be clear text in the midst of records.
    if (!this._upgrading && this._socket.writable) this._socket.write(lines.join(''));
    if (code === 421) this.close();
    if (code < 500) return;
    this.#errors += 1;
    if (this.#errors >= this.#limits!.maxErrors && !this._closing) this.send(421, 'too many errors', '4.7.0');
  }

  override _onClose(): void {
    const stream = this.stream;
    super._onClose();
    stream?.abandon();
    this.#deadlines?.end();
    this.#settle('onLost');
    this.#end.abort();
  }

  override upgrade(done: Done, onSecure?: Done): void {
    super.upgrade(done, () => {
      this.#deadlines?.waitForCommand();
      onSecure?.();
    });
    this.#deadlines?.handshakeBegins();
  }

  #refuseOctets(fault: WireFault, done: Done): void {
    this._nextHandler = false;
    if (fault === 'flood') {
      this.reply({ code: 421, status: '4.7.0', lines: ['too much input'] });
      return;
    }
    if (fault !== 'line-too-long' && !this._upgrading) {
      this.reply(faultReply(fault));
      this.close();
      return;
    }
    this.reply(reply(500, '5.5.2', 'line too long'));
    done();
  }

  /** Octets that come in while our reply is still in our own hands prove nothing (RFC 2920 §3.1: they may be pipelined). */
  #noteArrival(): void {
    if (this._socket.writableLength === 0) this.#settle('onSeen');
  }

  #settle(how: 'onSeen' | 'onLost'): void {
    const unseen = this.#unseen;
    this.#unseen = null;
    unseen?.[how]?.();
  }

  #expire(why: 'idle' | 'session' | 'handshake'): void {
    if (why === 'handshake') {
      this.cut();
      return;
    }
    const text = why === 'idle' ? 'timeout, closing the connection' : 'connection has been open for too long';
    this.reply({ code: 421, status: '4.4.2', lines: [text] });
  }
}

export const reply = (code: number, status: StatusCode, text: string): SmtpReply => ({ code, status, lines: [text] });

/**
 * What follows a line end that others may see elsewhere is not to be trusted, be it in a command or in a message: the connection ends with this reply
 * (RFC 5321 §2.3.8, RFC 7504 §3).
 */
export function faultReply(fault: Exclude<WireFault, 'flood' | 'line-too-long'>): SmtpReply {
  return reply(521, '5.5.2', `${fault === 'bare-lf' ? 'bare <LF>' : 'bare <CR>'} received, lines end with <CR><LF>`);
}

/** UTF-8 without control characters: what may be written to a log and a trace field. */
function isCommandText(line: Buffer): boolean {
  const text = line.toString('utf8');
  return !/[\x00-\x08\x0a-\x1f\x7f]/.test(text) && !(text.includes('\ufffd') && !line.includes('\ufffd'));
}
