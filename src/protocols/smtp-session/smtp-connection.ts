/**
 * The commands of one SMTP or LMTP client (RFC 5321 §4.1.1, RFC 2033 §4): their order, what each needs, and the reply. What a listener wants
 * with them is its role's business, the octets are smtp-wire.ts's. In place of smtp-server's own: MAIL and RCPT, where it lets unknown
 * parameters pass; AUTH, by our SASL; DATA, where a reply belongs to a commit.
 */
import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import type { SMTPConnectionOptions } from 'smtp-server/lib/smtp-connection.js';
import { countedOctets } from '../../delivery/inbound/receive-to-queue.ts';
import type { TraceOrigin } from '../../delivery/inbound/trace-fields.ts';
import type { RoutedRecipient } from '../../delivery/routing/route-recipient.ts';
import { addressKey } from '../../mail/address.ts';
import type { EnvelopeSender } from '../../mail/envelope.ts';
import type { SmtpReply, StatusCode } from '../../mail/status-code.ts';
import { SASL_MECHANISMS } from '../sasl/begin-sasl.ts';
import type { SaslCredentials } from '../sasl/mechanism.ts';
import { AuthExchange, type AuthStep } from './smtp-auth.ts';
import type { SmtpListener } from './smtp-listener.ts';
import { parseMailCommand, parseRcptCommand } from './smtp-path.ts';
import { INTERNAL_ERROR, type ReplyPhase, replyToError } from './smtp-replies.ts';
import type { Acceptance, SmtpClient, SmtpUser } from './smtp-role.ts';
import type { StrictSmtpStream } from './smtp-stream.ts';
import { type Done, faultReply, reply, SmtpWire } from './smtp-wire.ts';

interface OpenTransaction {
  readonly sender: EnvelopeSender;
  /** By address key: a recipient named twice is one recipient. */
  readonly recipients: Map<string, RoutedRecipient>;
  hasRefused: boolean;
}

export class SmtpClientConnection extends SmtpWire implements SmtpClient {
  readonly #listener: SmtpListener;
  #transaction: OpenTransaction | null = null;

  constructor(listener: SmtpListener, socket: Socket | TLSSocket, options?: SMTPConnectionOptions | null) {
    super(listener, socket, options);
    this.#listener = listener;
  }

  start(): void {
    this.gone.addEventListener('abort', () => this.#listener.forget(this));
    this.open(this.#limits);
  }

  get user(): SmtpUser | null {
    return (this.session.user as SmtpUser | false | undefined) || null;
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

  override _resetSession(): void {
    super._resetSession();
    this.#transaction = null;
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
    if (!this.secure && this.#listener.hasStartTls) features.push('STARTTLS');
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
    const { stream } = this;
    const refusal = whyNoData(line, transaction);
    if (refusal !== null) this.reply(refusal);
    else if (transaction !== null && stream !== null) {
      const { sink, ended } = this.beginTransfer(stream, this.#limits.maxMessageBytes);
      void this.#receive(stream, sink, ended, transaction);
    }
    done();
  }

  override handler_AUTH(line: Buffer, done: Done): void {
    const refusal = this.#whyNoLogin();
    if (refusal !== null) {
      this.reply(refusal);
      done();
      return;
    }
    const exchange = new AuthExchange();
    this.#stepLogin(exchange, exchange.begin(line.toString('latin1')), done);
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
    if (!this.#listener.hasStartTls) {
      this.#answer(502, '5.5.1', 'STARTTLS is not offered', done);
      return;
    }
    super.handler_STARTTLS(line, done);
  }

  // -- what they are made of -----------------------------------------------------------------------------------------------------------

  get #role() {
    return this.#listener.role;
  }

  get #limits() {
    return this.#listener.limits;
  }

  protected get maxLineOctets(): number {
    return this.#role.login === undefined ? this.#limits.maxLineOctets : this.#limits.maxAuthLineOctets;
  }

  get #mayLogIn(): boolean {
    if (this.#role.login === undefined || this.user !== null) return false;
    return this.secure || (this.#listener.allowPlaintextOnLoopback && isLoopback(this.remoteAddress));
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
    octets: Readable,
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
      // Whoever refuses need not have read anything: the rest is dropped as it comes.
      octets.destroy();
    }
    // A refusal may come early: the rest of the message is read and dropped, the reply belongs behind its end.
    if ((await ended) === 'gone' || this._closed || this._closing) {
      acceptance?.onLost?.();
      if (acceptance === null) this.#log.debug({ peer: this.remoteAddress }, 'client left within a message');
      return;
    }
    const refused = (): Acceptance => ({ replies: this.#refusals(stream, error, transaction.recipients.length) });
    this.endTransfer(stream, acceptance ?? refused());
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

  #whyNoLogin(): SmtpReply | null {
    if (this.user !== null) return reply(503, '5.5.1', 'already authenticated');
    if (this.#transaction !== null) return reply(503, '5.5.1', 'not within a transaction');
    return this.#mayLogIn ? null : reply(530, '5.7.0', 'must issue a STARTTLS command first');
  }

  #stepLogin(exchange: AuthExchange, step: AuthStep, done: Done): void {
    if (step.kind === 'credentials') {
      this.#logIn(step.credentials, done);
      return;
    }
    if (step.kind === 'challenge') {
      this._nextHandler = (line, next) => this.#stepLogin(exchange, exchange.next(line.toString('latin1')), next);
      this.send(334, step.text);
    } else {
      this.reply(step.reply);
    }
    done();
  }

  #logIn(credentials: SaslCredentials, done: Done): void {
    const { authenticator, openAccount } = this.#role.login!;
    this.#run('auth', done, async () => {
      const account = await authenticator.authenticate(credentials, this.remoteAddress, this.gone);
      const store = await openAccount(account);
      this.session.user = { account, store } satisfies SmtpUser;
      return reply(235, '2.7.0', 'authenticated');
    });
  }

  /** Answers with what `work` says or throws, and goes on with the next command. */
  #run(phase: ReplyPhase, done: Done, work: () => Promise<SmtpReply>): void {
    work()
      .catch((error: unknown): SmtpReply => {
        const answer = replyToError(error, phase);
        if (answer === null && !this.gone.aborted) {
          this.#log.error({ peer: this.remoteAddress, phase, cause: error }, 'command failed');
        }
        return answer ?? INTERNAL_ERROR;
      })
      .then((answer) => {
        this.reply(answer);
        done();
      });
  }

  #answer(code: number, status: StatusCode, text: string, done: Done): void {
    this.reply(reply(code, status, text));
    done();
  }

  get #log() {
    return this.#listener.log;
  }
}

function whyNoData(line: Buffer, transaction: OpenTransaction | null): SmtpReply | null {
  if (line.toString('latin1').trim().length > 4) return reply(501, '5.5.4', 'syntax: DATA');
  if (transaction === null) return reply(503, '5.5.1', 'need MAIL first');
  if (transaction.recipients.size > 0) return null;
  // RFC 5321 §3.3: 554 tells a pipelining client that none of its recipients was taken.
  return reply(transaction.hasRefused ? 554 : 503, '5.5.1', 'no valid recipients');
}

const isLoopback = (address: string): boolean => address === '::1' || /^(?:::ffff:)?127\./.test(address);
