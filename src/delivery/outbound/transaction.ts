/**
 * One mail transaction on an open connection: MAIL, a RCPT for each recipient, DATA, with a result of its own for every recipient.
 * RFC 5321 §3.3, §4.5.3.1.10 (too many recipients), RFC 1870 (SIZE), RFC 2920, RFC 3461 §4 (DSN), RFC 6152, RFC 6531 §3.4.
 */
import { type Address, formatAddress, parseAddress } from '../../mail/address.ts';
import type { EnvelopeRecipient, EnvelopeSender } from '../../mail/envelope.ts';
import type { SmtpReply } from '../../mail/status-code.ts';
import { ownReply } from '../queue/outcome.ts';
import { dataOctets } from './data-octets.ts';
import { ConnectionFailure, type SmtpConnection, type SmtpTimeouts } from './smtp-connection.ts';

export interface Transaction {
  readonly sender: EnvelopeSender;
  readonly recipients: readonly (EnvelopeRecipient & { readonly index: number })[];
  /** Octets that leave. */
  readonly size: number;
  readonly body: () => AsyncIterable<Buffer>;
  /** The header holds UTF-8, or an address does: a server without SMTPUTF8 can't have it. */
  readonly needsUtf8: boolean;
  /** Asked before the final dot, for the recipients that it is for. False, or a throw: no dot. */
  readonly beginSending: (indices: readonly number[]) => Promise<boolean>;
  readonly timeouts: SmtpTimeouts;
}

export type RecipientResult =
  | {
      readonly kind: 'sent' | 'deferred' | 'bounced';
      readonly reply: SmtpReply;
      readonly isDsnPassedOn: boolean;
      readonly isUncertain?: boolean;
    }
  /** Not settled here: the next host, or the next transaction, may do better. */
  | { readonly kind: 'next'; readonly reply: SmtpReply }
  /** RFC 5321 §4.5.3.1.10: the server takes no more in this transaction. */
  | { readonly kind: 'again'; readonly reply: SmtpReply };

/** By recipient index; one for each. Never throws for what the peer does. */
export async function transact(
  connection: SmtpConnection,
  tx: Transaction,
): Promise<ReadonlyMap<number, RecipientResult>> {
  const results = new Map<number, RecipientResult>();
  const settle = (kind: 'deferred' | 'bounced' | 'next', reply: SmtpReply): void => {
    for (const { index } of tx.recipients) {
      if (results.has(index)) continue;
      results.set(index, kind === 'next' ? { kind, reply } : { kind, reply, isDsnPassedOn: false });
    }
  };
  const refused = refuseAtHome(connection, tx, results);
  if (refused !== null) {
    settle('bounced', refused);
    return results;
  }
  const paths = tx.recipients.flatMap((recipient) => {
    const address = parseAddress(recipient.address);
    return results.has(recipient.index) || address === null ? [] : [{ ...recipient, address }];
  });
  if (paths.length === 0) return results;

  try {
    connection.messages += 1;
    const isDsn = connection.extensions.has('DSN');
    const mail = mailCommand(connection, tx);
    const commands = paths.map((recipient) => recipientCommand(recipient, isDsn));
    const isPipelined = connection.extensions.has('PIPELINING');
    if (isPipelined) connection.write(mail, ...commands);
    else connection.write(mail);
    const mailReply = await connection.reply('mail', tx.timeouts.mailMs);
    if (!isPositive(mailReply)) {
      if (isPipelined && connection.isOpen)
        for (const _ of commands) await connection.reply('recipient', tx.timeouts.recipientMs);
      // A sender refused for now may be welcome at another exchanger (RFC 5321 §5.1).
      settle(mailReply.code >= 500 ? 'bounced' : 'next', mailReply);
      await reset(connection, tx);
      return results;
    }
    const accepted: number[] = [];
    for (const [i, { index }] of paths.entries()) {
      if (!isPipelined) connection.write(commands[i]!);
      const reply = await connection.reply('recipient', tx.timeouts.recipientMs);
      if (isPositive(reply)) accepted.push(index);
      else if (reply.code === 421) settle('next', reply);
      else if ((reply.code === 452 || reply.code === 552) && accepted.length > 0 && !isMailboxFull(reply))
        results.set(index, { kind: 'again', reply });
      else results.set(index, { kind: reply.code >= 500 ? 'bounced' : 'deferred', reply, isDsnPassedOn: false });
    }
    if (accepted.length === 0) {
      await reset(connection, tx);
      return results;
    }
    const reply = await sendData(connection, tx, accepted);
    for (const index of accepted) results.set(index, dataResult(reply, isDsn));
    if (!isPositive(reply)) await reset(connection, tx);
  } catch (cause) {
    connection.close();
    if (!(cause instanceof ConnectionFailure)) throw cause;
    const uncertain = cause.phase === 'final dot';
    if (uncertain) {
      // RFC 5321 §4.5.3.2.6: without the answer nobody knows who has the message; losing it would be worse than sending it twice.
      const text = `${cause.message} after the final dot: it may have been accepted and be sent twice`;
      const reply = ownReply(451, '4.4.2', text);
      for (const { index } of tx.recipients) {
        if (results.has(index)) continue;
        results.set(index, { kind: 'deferred', reply, isDsnPassedOn: false, isUncertain: true });
      }
    } else {
      settle('next', cause.reply ?? ownReply(451, cause.phase === 'connect' ? '4.4.1' : '4.4.2', cause.message));
    }
  }
  return results;
}

/** What can be told without asking the peer: for single recipients into `results`, for all as the answer. */
function refuseAtHome(
  connection: SmtpConnection,
  tx: Transaction,
  results: Map<number, RecipientResult>,
): SmtpReply | null {
  const { sender } = tx;
  if (sender.address !== '' && parseAddress(sender.address) === null) {
    return ownReply(553, '5.1.7', 'The sender address can not be sent');
  }
  for (const recipient of tx.recipients) {
    if (parseAddress(recipient.address) === null) {
      const reply = ownReply(553, '5.1.3', 'The recipient address can not be sent');
      results.set(recipient.index, { kind: 'bounced', reply, isDsnPassedOn: false });
    }
  }
  const maxSize = Number(connection.extensions.get('SIZE') ?? 0);
  if (maxSize > 0 && tx.size > maxSize) {
    return ownReply(552, '5.3.4', `The message has ${tx.size} octets, ${connection.host} takes ${maxSize}`);
  }
  if (tx.needsUtf8 && !connection.extensions.has('SMTPUTF8')) {
    return ownReply(550, '5.6.7', `${connection.host} takes no internationalised mail`);
  }
  return null;
}

function mailCommand(connection: SmtpConnection, tx: Transaction): string {
  const { extensions } = connection;
  const { sender } = tx;
  const address = sender.address === '' ? '' : formatAddress(parseAddress(sender.address)!);
  let command = `MAIL FROM:<${address}>`;
  if (extensions.has('SIZE')) command += ` SIZE=${tx.size}`;
  // RFC 6152 §3. A server without 8BITMIME gets the octets as they are: they arrive nearly everywhere, a conversion would break signatures.
  if (extensions.has('8BITMIME') && sender.body !== '7bit') command += ' BODY=8BITMIME';
  if (tx.needsUtf8) command += ' SMTPUTF8';
  if (extensions.has('DSN')) {
    if (sender.ret !== undefined) command += ` RET=${sender.ret === 'full' ? 'FULL' : 'HDRS'}`;
    if (sender.envid !== undefined) command += ` ENVID=${xtext(sender.envid)}`;
  }
  return command;
}

type CheckedRecipient = Pick<EnvelopeRecipient, 'notify' | 'orcpt'> & { readonly address: Address };

function recipientCommand({ address, notify, orcpt }: CheckedRecipient, isDsn: boolean): string {
  let command = `RCPT TO:<${formatAddress(address)}>`;
  if (!isDsn) return command;
  if (notify !== undefined && notify.length > 0) command += ` NOTIFY=${notify.join(',').toUpperCase()}`;
  if (orcpt !== undefined) command += ` ORCPT=${orcptParameter(orcpt)}`;
  return command;
}

/** Sends the message; the reply to the final dot, or the one that refused it before. */
async function sendData(connection: SmtpConnection, tx: Transaction, accepted: readonly number[]): Promise<SmtpReply> {
  connection.write('DATA');
  const go = await connection.reply('data', tx.timeouts.dataMs);
  if (go.code !== 354) {
    if (isPositive(go)) throw new ConnectionFailure('data', `unexpected answer to DATA: ${go.code}`);
    return go;
  }
  try {
    for await (const octets of dataOctets(tx.body())) {
      await connection.writeOctets(octets);
      if (connection.hasReply) break;
    }
  } catch (cause) {
    connection.close();
    // A refusal sent before the peer closed says more than the close.
    if (connection.hasReply) return connection.reply('block', 0);
    throw cause instanceof ConnectionFailure
      ? cause
      : new ConnectionFailure('block', 'the message could not be read', { cause });
  }
  if (connection.hasReply) {
    // An answer before the final dot: the message is not accepted, whatever it says.
    const early = await connection.reply('block', 0);
    connection.close();
    return isPositive(early) ? ownReply(451, '4.5.0', 'answered before the end of the message') : early;
  }
  let mayEnd: boolean;
  try {
    mayEnd = await tx.beginSending(accepted);
  } catch (cause) {
    throw new ConnectionFailure('block', 'the record could not be written before the final dot', { cause });
  }
  if (!mayEnd) throw new ConnectionFailure('block', 'the lease on this message was lost');
  connection.write('.');
  const reply = await connection.reply('final dot', tx.timeouts.finalDotMs);
  return reply;
}

function dataResult(reply: SmtpReply, isDsnPassedOn: boolean): RecipientResult {
  if (isPositive(reply)) return { kind: 'sent', reply, isDsnPassedOn };
  return { kind: reply.code >= 500 ? 'bounced' : 'deferred', reply, isDsnPassedOn: false };
}

/** After a transaction that ended early the connection is clean again, or closed. */
async function reset(connection: SmtpConnection, tx: Transaction): Promise<void> {
  if (!connection.isOpen) return;
  try {
    connection.write('RSET');
    const reply = await connection.reply('mail', tx.timeouts.mailMs);
    if (!isPositive(reply)) connection.close();
  } catch {
    connection.close(); // its results are settled
  }
}

const isPositive = (reply: SmtpReply): boolean => reply.code >= 200 && reply.code < 300;
const isMailboxFull = (reply: SmtpReply): boolean => reply.status?.endsWith('.2.2') ?? false;

/** RFC 3461 §4: printable ASCII but '+' and '=', the rest as +XX. */
export function xtext(text: string): string {
  let out = '';
  for (const octet of Buffer.from(text)) {
    const isPlain = octet > 32 && octet < 127 && octet !== 43 && octet !== 61;
    out += isPlain ? String.fromCharCode(octet) : `+${octet.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return out;
}

/** RFC 3461 §4.2: the address type stays as it is, the address becomes xtext; RFC 6533 §3: characters beyond ASCII as \x{HEX}. */
function orcptParameter(value: string): string {
  const semicolon = value.indexOf(';');
  const type = semicolon > 0 ? value.slice(0, semicolon) : 'rfc822';
  const safeType = /^[A-Za-z0-9-]+$/.test(type) ? type : 'rfc822';
  const address = value
    .slice(semicolon + 1)
    .replace(/[^\x00-\x7f]/gu, (character) => `\\x{${character.codePointAt(0)!.toString(16).toUpperCase()}}`);
  return `${safeType};${xtext(address)}`;
}
