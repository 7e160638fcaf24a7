/**
 * One client of SMTP or LMTP: smtp-server's connection with every place replaced where it is not strict enough for a mail server on the open net.
 *
 * Kept from smtp-server: the life of the socket, STARTTLS and what must be forgotten with it (RFC 3207 §4.2), the order of commands, the
 * dispatch. Replaced, since its hooks don't reach there: the octet stream (smtp-stream.ts); MAIL and RCPT with their parameters
 * (smtp-path.ts), where it lets unknown ones pass; AUTH (our SASL); DATA, where it can't tell that a client saw the reply; enhanced status
 * codes, which it derives from the basic code alone (RFC 2034 §4); deadlines that no trickle extends; a limit on mistakes.
 */
import type { Socket } from 'node:net';
import { SMTPConnection } from 'smtp-server/lib/smtp-connection.js';
import { countedOctets } from '../../delivery/inbound/receive-to-queue.ts';
import type { TraceOrigin } from '../../delivery/inbound/trace-fields.ts';
import type { RoutedRecipient } from '../../delivery/routing/route-recipient.ts';
import { addressKey } from '../../mail/address.ts';
import type { EnvelopeSender } from '../../mail/envelope.ts';
import type { SmtpReply, StatusCode } from '../../mail/status-code.ts';
import { decodeBase64Line, decodeInitialResponse } from '../sasl/base64-line.ts';
import { beginSasl, SASL_MECHANISMS } from '../sasl/begin-sasl.ts';
import type { SaslCredentials, SaslExchange, SaslStep } from '../sasl/mechanism.ts';
import { ClientDeadlines } from './smtp-deadlines.ts';
import type { SmtpListener } from './smtp-listener.ts';
import { parseMailCommand, parseRcptCommand } from './smtp-path.ts';
import { INTERNAL_ERROR, type ReplyPhase, replyToError } from './smtp-replies.ts';
import type { Acceptance, SmtpClient, SmtpUser } from './smtp-role.ts';
import { StrictSmtpStream, type WireFault } from './smtp-stream.ts';

interface OpenTransaction {
  readonly sender: EnvelopeSender;
  /** By address key: a recipient named twice is one recipient. */
  readonly recipients: Map<string, RoutedRecipient>;
  hasRefused: boolean;
}

type Done = () => void;

export class SmtpClientConnection extends SMTPConnection implements SmtpClient {
  #listener: SmtpListener | null = null;
  #deadlines: ClientDeadlines | null = null;
  #transaction: OpenTransaction | null = null;
  #errors = 0;
  #idleCommands = 0;
  #topSocket: Socket | null = null;
  /** To be called when the client's next octets come. */
  #onSeen: (() => void) | null = null;
  readonly #gone = new AbortController();

  /** Called once, instead of `init`. */
  start(listener: SmtpListener): void {
    this.#listener = listener;
    // Counted by `maxIdleCommands` instead, logged in or not.
    this._maxAllowedUnauthenticatedCommands = false;
    this.#deadlines = new ClientDeadlines(listener.limits, {
      isTransferring: () => this.isTransferring,
      progress: () => ({ octets: this.#stream?.dataOctets ?? 0, isReaderBusy: this.#stream?.isReaderBusy ?? false }),
      expire: (why) => this.#expire(why),
    });
    this._setListeners(() => this.connectionReady());
  }

  get user(): SmtpUser | null {
    return (this.session.user as SmtpUser | false | undefined) || null;
  }

  /** A message comes in or is being committed. */
  get isTransferring(): boolean {
    return Boolean(this._dataStream);
  }

  origin(isInternationalised: boolean): TraceOrigin {
    const isLmtp = this.#role.protocol === 'lmtp';
    const isExtended = isLmtp || this.openingCommand === 'EHLO';
    const name = `${isInternationalised ? 'UTF8' : isExtended && !isLmtp ? 'E' : ''}${isLmtp ? 'LMTP' : 'SMTP'}`;
    const protocol = `${name}${isExtended && this.secure ? 'S' : ''}${isExtended && this.user ? 'A' : ''}`;
    const cipher = this.tlsOptions || null;
    return {
      protocol: protocol as TraceOrigin['protocol'],
      helo: this.hostNameAppearsAs || null,
      remoteAddress: this.remoteAddress,
      ...(cipher === null ? {} : { tls: { version: cipher.version, cipher: cipher.standardName ?? cipher.name } }),
    };
  }

  /** Tells the client that the server stops, unless a message is under way. */
  stop(): void {
    if (!this.isTransferring) this.#reply({ code: 421, status: '4.3.2', lines: [`${this.name} shutting down`] });
  }

  // -- the wire ------------------------------------------------------------------------------------------------------------------------

  /** Runs in the base constructor: no field of this class is there yet. */
  override _createParser(): StrictSmtpStream {
    const stream = new StrictSmtpStream();
    stream.oncommand = (line, done) => this._onCommand(line, done);
    stream.maxLineOctets = () => this.#maxLineOctets;
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
    if (this._nextHandler === false && ++this.#idleCommands > this.#limits.maxIdleCommands) {
      this.#reply({ code: 421, status: '4.7.0', lines: ['too many commands without a message'] });
      return;
    }
    if (!isCommandText(line)) {
      this._nextHandler = false;
      this.#reply({ code: 500, status: '5.5.2', lines: ['command holds a character that is not allowed'] });
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

  /** Ends the connection at once. A raw socket must not be torn away from under its TLS socket. */
  cut(): void {
    this.#topSocket?.destroy();
    this._socket.destroy();
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
    if (this.#errors >= this.#limits.maxErrors && !this._closing) this.send(421, 'too many errors', '4.7.0');
  }

  override _resetSession(): void {
    super._resetSession();
    this.#transaction = null;
  }

  override _onClose(): void {
    const stream = this.#stream;
    super._onClose();
    stream?.abandon();
    this.#deadlines?.end();
    this.#gone.abort();
    this.#listener?.forget(this);
  }

  // -- commands ------------------------------------------------------------------------------------------------------------------------

  override handler_EHLO(line: Buffer, done: Done): void {
    const helo = this.#heloName(line);
    if (helo === null) {
      done();
      return;
    }
    this.hostNameAppearsAs = helo;
    this._resetSession();
    const { maxMessageBytes, maxRecipients } = this.#limits;
    const features = ['PIPELINING', `SIZE ${maxMessageBytes}`, '8BITMIME', 'SMTPUTF8', 'ENHANCEDSTATUSCODES', 'DSN'];
    if (!this.secure && this.#listener!.hasStartTls) features.push('STARTTLS');
    if (this.#mayLogIn) features.push(`AUTH ${SASL_MECHANISMS.join(' ')}`);
    // RFC 9422 §4.2.
    features.push(`LIMITS RCPTMAX=${maxRecipients}`);
    this.send(250, [this.name, ...features], false);
    done();
  }

  override handler_HELO(line: Buffer, done: Done): void {
    const helo = this.#heloName(line);
    if (helo === null) {
      done();
      return;
    }
    this.hostNameAppearsAs = helo;
    this._resetSession();
    this.send(250, this.name, false);
    done();
  }

  override handler_MAIL(line: Buffer, done: Done): void {
    this.#run('mail', done, async () => {
      if (this.#transaction !== null) return reply(503, '5.5.1', 'a transaction is open already');
      const command = parseMailCommand(line.toString('utf8'), { hasAuth: this.#role.login !== undefined });
      if (command.kind === 'bad') return command.reply;
      const { maxMessageBytes } = this.#limits;
      if (command.size !== null && command.size > maxMessageBytes) {
        return reply(552, '5.3.4', `message is larger than ${maxMessageBytes} octets`);
      }
      await this.#role.mail(this, command.sender);
      this.#transaction = { sender: command.sender, recipients: new Map(), hasRefused: false };
      return reply(250, '2.1.0', 'sender ok');
    });
  }

  override handler_RCPT(line: Buffer, done: Done): void {
    const transaction = this.#transaction;
    this.#run('rcpt', done, async () => {
      if (transaction === null) return reply(503, '5.5.1', 'need MAIL first');
      try {
        const answer = await this.#addRecipient(transaction, line.toString('utf8'));
        if (answer.code !== 250) transaction.hasRefused = true;
        return answer;
      } catch (error) {
        transaction.hasRefused = true;
        throw error;
      }
    });
  }

  override handler_DATA(line: Buffer, done: Done): void {
    const transaction = this.#transaction;
    const stream = this.#stream;
    if (line.toString('latin1').trim().length > 4) {
      this.#answer(501, '5.5.4', 'syntax: DATA', done);
      return;
    }
    if (transaction === null) {
      this.#answer(503, '5.5.1', 'need MAIL first', done);
      return;
    }
    if (transaction.recipients.size === 0) {
      // RFC 5321 §3.3: 554 tells a pipelining client that none of its recipients was taken.
      const code = transaction.hasRefused ? 554 : 503;
      this.#answer(code, '5.5.1', 'no valid recipients', done);
      return;
    }
    if (stream === null) {
      done();
      return;
    }
    const { sink, ended } = stream.beginData(this.#limits.maxMessageBytes);
    this._dataStream = sink;
    this.#deadlines?.dataBegins();
    // Once it is all here, the client waits for us.
    void ended.then(() => this.#deadlines?.dataEnds());
    this.send(354, 'end with <CR><LF>.<CR><LF>');
    void this.#receive(stream, sink, ended, transaction);
    done();
  }

  override handler_AUTH(line: Buffer, done: Done): void {
    const [, mechanism = '', initial, ...more] = line.toString('latin1').trim().split(' ');
    if (this.user !== null) {
      this.#answer(503, '5.5.1', 'already authenticated', done);
      return;
    }
    if (this.#transaction !== null) {
      this.#answer(503, '5.5.1', 'not within a transaction', done);
      return;
    }
    if (!this.#mayLogIn) {
      this.#answer(530, '5.7.0', 'must issue a STARTTLS command first', done);
      return;
    }
    if (more.length > 0) {
      this.#answer(501, '5.5.4', 'syntax: AUTH mechanism [initial-response]', done);
      return;
    }
    const exchange = beginSasl(mechanism);
    if (exchange === null) {
      this.#answer(504, '5.5.4', 'mechanism not known', done);
      return;
    }
    const response = initial === undefined ? null : decodeInitialResponse(initial);
    if (initial !== undefined && response === null) {
      this.#answer(501, '5.5.2', 'bad base64', done);
      return;
    }
    this.#stepLogin(exchange, exchange.begin(response), done);
  }

  override handler_VRFY(line: Buffer, done: Done): void {
    // RFC 5321 §7.3: nothing is told about who has a mailbox here.
    if (line.toString('latin1').trim().length <= 4) this.#answer(501, '5.5.4', 'syntax: VRFY address', done);
    else this.#answer(252, '2.1.5', 'send some mail, it will be tried', done);
  }

  override handler_HELP(_line: Buffer, done: Done): void {
    this.#answer(214, '2.0.0', 'commands: EHLO HELO MAIL RCPT DATA RSET NOOP QUIT VRFY STARTTLS AUTH (RFC 5321)', done);
  }

  /** Known and refused (RFC 5321 §3.5.1, §7.3). */
  handler_EXPN(_line: Buffer, done: Done): void {
    this.#answer(502, '5.5.1', 'EXPN is not offered', done);
  }

  override handler_RSET(_line: Buffer, done: Done): void {
    this._resetSession();
    this.#answer(250, '2.0.0', 'ok', done);
  }

  override handler_STARTTLS(line: Buffer, done: Done): void {
    if (!this.#listener!.hasStartTls) {
      this.#answer(502, '5.5.1', 'STARTTLS is not offered', done);
      return;
    }
    super.handler_STARTTLS(line, done);
  }

  override upgrade(done: Done, onSecure?: Done): void {
    super.upgrade(done, () => {
      this.#deadlines?.waitForCommand();
      onSecure?.();
    });
    this.#deadlines?.handshakeBegins();
  }

  // -- what they are made of -----------------------------------------------------------------------------------------------------------

  get #role() {
    return this.#listener!.role;
  }

  get #limits() {
    return this.#listener!.limits;
  }

  get #stream(): StrictSmtpStream | null {
    return this._parser instanceof StrictSmtpStream ? this._parser : null;
  }

  get #maxLineOctets(): number {
    return this.#role.login === undefined ? this.#limits.maxLineOctets : this.#limits.maxAuthLineOctets;
  }

  get #mayLogIn(): boolean {
    if (this.#role.login === undefined || this.user !== null) return false;
    return this.secure || (this.#listener!.allowPlaintextOnLoopback && isLoopback(this.remoteAddress));
  }

  #heloName(line: Buffer): string | null {
    const words = line.toString('utf8').trim().split(/ +/);
    const name = words[1] ?? '';
    // RFC 5321 §4.1.4: the name is not checked against DNS, and anything that fits in a trace field is taken.
    if (words.length === 2 && name.length <= 255) return name;
    this.send(501, `syntax: ${words[0]!.toUpperCase()} hostname`, '5.5.4');
    return null;
  }

  async #addRecipient(transaction: OpenTransaction, line: string): Promise<SmtpReply> {
    const command = parseRcptCommand(line, transaction.sender.smtputf8 === true);
    if (command.kind === 'bad') return command.reply;
    const address = command.address ?? (await this.#role.postmaster());
    const key = addressKey(address);
    const { recipients } = transaction;
    if (recipients.size >= this.#limits.maxRecipients && !recipients.has(key)) {
      // RFC 5321 §4.5.3.1.10: 452, so that the client sends the rest in another transaction.
      return reply(452, '4.5.3', 'too many recipients');
    }
    recipients.set(key, await this.#role.recipient(this, address, command.recipient));
    return reply(250, '2.1.5', 'recipient ok');
  }

  async #receive(
    stream: StrictSmtpStream,
    octets: AsyncIterable<Buffer>,
    ended: Promise<'ended' | 'gone'>,
    open: OpenTransaction,
  ): Promise<void> {
    const transaction = { sender: open.sender, recipients: [...open.recipients.values()] };
    let acceptance: Acceptance | null = null;
    let error: unknown = null;
    try {
      acceptance = await this.#role.message(this, transaction, countedOctets(octets, this.#limits.maxMessageBytes));
    } catch (cause) {
      error = cause;
    }
    // A refusal may come early: the rest of the message is read and dropped, the reply belongs behind its end.
    if ((await ended) === 'gone' || this._closed || this._closing) {
      if (acceptance === null) this.#log.debug({ peer: this.remoteAddress }, 'client left within a message');
      return;
    }
    const replies = acceptance?.replies ?? this.#refusals(stream, error, transaction.recipients.length);
    this._dataStream = false;
    this._transactionCounter += 1;
    this._unrecognizedCommands = 0;
    this.#idleCommands = 0;
    this._resetSession();
    for (const answer of replies) this.#reply(answer);
    if (stream.dataFault !== null) {
      this.close();
      return;
    }
    const onSeen = acceptance?.onSeen;
    if (onSeen !== undefined) this.#onSeen = onSeen;
    this.#deadlines?.waitForCommand();
    this._whenWritable(() => stream.continue());
  }

  /** A refused message has one reply, or one for each recipient in LMTP (RFC 2033 §4.2). */
  #refusals(stream: StrictSmtpStream, error: unknown, recipients: number): readonly SmtpReply[] {
    const fault = stream.dataFault;
    let answer = fault === null ? replyToError(error, 'data') : faultReply(fault);
    if (answer === null) {
      this.#log.error({ peer: this.remoteAddress, cause: error }, 'reception failed');
      answer = INTERNAL_ERROR;
    }
    return Array<SmtpReply>(this.#role.protocol === 'lmtp' ? recipients : 1).fill(answer);
  }

  #stepLogin(exchange: SaslExchange, step: SaslStep, done: Done): void {
    if (step.kind === 'malformed') {
      this.#answer(501, '5.5.2', 'bad authentication response', done);
      return;
    }
    if (step.kind === 'credentials') {
      this.#logIn(step.credentials, done);
      return;
    }
    this._nextHandler = (line, next) => {
      const text = line.toString('latin1');
      // RFC 4954 §4: a lone asterisk cancels.
      if (text === '*') {
        this.#answer(501, '5.7.0', 'authentication cancelled', next);
        return;
      }
      const response = decodeBase64Line(text);
      if (response === null) {
        this.#answer(501, '5.5.2', 'bad base64', next);
        return;
      }
      this.#stepLogin(exchange, exchange.respond(response), next);
    };
    this.send(334, step.challenge.toString('base64'));
    done();
  }

  #logIn(credentials: SaslCredentials, done: Done): void {
    const { authenticator, openAccount } = this.#role.login!;
    this.#run('auth', done, async () => {
      const account = await authenticator.authenticate(credentials, this.remoteAddress, this.#gone.signal);
      const store = await openAccount(account);
      this.session.user = { account, store } satisfies SmtpUser;
      this.#idleCommands = 0;
      return reply(235, '2.7.0', 'authenticated');
    });
  }

  /** Answers with what `work` says or throws, and goes on with the next command. */
  #run(phase: ReplyPhase, done: Done, work: () => Promise<SmtpReply>): void {
    work()
      .catch((error: unknown): SmtpReply => {
        const answer = replyToError(error, phase);
        if (answer === null && !this.#gone.signal.aborted) {
          this.#log.error({ peer: this.remoteAddress, phase, cause: error }, 'command failed');
        }
        return answer ?? INTERNAL_ERROR;
      })
      .then((answer) => {
        this.#reply(answer);
        done();
      });
  }

  #refuseOctets(fault: WireFault, done: Done): void {
    this._nextHandler = false;
    if (fault === 'flood') {
      this.#reply({ code: 421, status: '4.7.0', lines: ['too much input'] });
      return;
    }
    if (fault !== 'line-too-long' && !this._upgrading) {
      this.#reply(faultReply(fault));
      this.close();
      return;
    }
    this.#reply(reply(500, '5.5.2', 'line too long'));
    done();
  }

  /** Octets that come in while our reply is still in our own hands prove nothing (RFC 2920 §3.1: they may be pipelined). */
  #noteArrival(): void {
    if (this.#onSeen === null || this._socket.writableLength > 0) return;
    const onSeen = this.#onSeen;
    this.#onSeen = null;
    onSeen();
  }

  #expire(why: 'idle' | 'session' | 'handshake'): void {
    if (why === 'handshake') {
      this.cut();
      return;
    }
    const text = why === 'idle' ? 'timeout, closing the connection' : 'connection has been open for too long';
    this.#reply({ code: 421, status: '4.4.2', lines: [text] });
  }

  #answer(code: number, status: StatusCode, text: string, done: Done): void {
    this.#reply(reply(code, status, text));
    done();
  }

  #reply(answer: SmtpReply): void {
    this.send(answer.code, answer.lines.length === 1 ? answer.lines[0]! : [...answer.lines], answer.status ?? false);
  }

  get #log() {
    return this.#listener!.log;
  }
}

const reply = (code: number, status: StatusCode, text: string): SmtpReply => ({ code, status, lines: [text] });

/**
 * What follows a line end that others may see elsewhere is not to be trusted, be it in a command or in a message: the connection ends with this reply
 * (RFC 5321 §2.3.8, RFC 7504 §3).
 */
function faultReply(fault: Exclude<WireFault, 'flood' | 'line-too-long'>): SmtpReply {
  return reply(521, '5.5.2', `${fault === 'bare-lf' ? 'bare <LF>' : 'bare <CR>'} received, lines end with <CR><LF>`);
}

/** UTF-8 without control characters: what may be written to a log and a trace field. */
function isCommandText(line: Buffer): boolean {
  const text = line.toString('utf8');
  return !/[\x00-\x08\x0a-\x1f\x7f]/.test(text) && !(text.includes('\ufffd') && !line.includes('\ufffd'));
}

const isLoopback = (address: string): boolean => address === '::1' || /^(?:::ffff:)?127\./.test(address);
