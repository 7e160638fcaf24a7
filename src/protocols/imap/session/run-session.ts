/**
 * The life of one connection: greeting, commands one after the other, farewell. A user's fault is answered NO, a fault of grammar BAD, a fault
 * of ours is logged once and answered in general words; the session goes on in each case. RFC 9051 §3, §7.1.
 */

import { ConnectionClosed, LineTooLong } from '../../stream/byte-reader.ts';
import { DeadlinePassed } from '../../stream/deadline.ts';
import { capabilities } from '../capabilities.ts';
import { announcesMessage } from '../commands/append.ts';
import type { Command } from '../commands/command.ts';
import { COMMANDS, UID_COMMANDS } from '../commands/registry.ts';
import { Cursor, SyntaxFault } from '../grammar/cursor.ts';
import { type Framed, type FramingOptions, readCommand, tagOf } from './command-reader.ts';
import { bad, type Completion, completionOf, no, printCompletion } from './completion.ts';
import type { ImapSession } from './imap-session.ts';
import { MailboxGone, ViewLost } from './mailbox-view.ts';
import { writeUpdates } from './updates.ts';

const LINGER_MS = 2_000;
const STOPPING = 'BYE Server shutting down';

/** Resolves when the connection is closed; never rejects. */
export async function runSession(session: ImapSession, isTlsFromStart: boolean): Promise<void> {
  const { connection, server, log } = session;
  const peer = connection.remoteAddress;
  connection.deadline.start(server.limits.loginMs, 'login');
  try {
    if (isTlsFromStart) await connection.startTls(server.secureContext!);
    session.untagged(`OK [CAPABILITY ${capabilities(session)}] Waxwing ready`);
    await connection.writer.flush();
    while (!session.isEnding) await runOne(session);
    if (session.isStopping) session.untagged(STOPPING);
  } catch (error) {
    if (error instanceof DeadlinePassed) {
      // RFC 9051 §5.4: the client is told. Nothing is said in the middle of a reply.
      if (!session.isMidReply)
        session.untagged(`BYE ${error.what === 'idle' ? 'Autologout' : `Too slow: ${error.what}`}`);
      log.info({ peer, what: error.what }, 'session timed out');
    } else if (error instanceof ConnectionClosed) {
      if (session.isStopping && !session.isMidReply) session.untagged(STOPPING);
      log.debug({ peer }, 'client closed');
    } else if (!connection.isSecure && (isTlsFromStart || session.startTls !== null)) {
      log.info({ peer, cause: error }, 'TLS handshake failed');
    } else {
      log.error({ peer, cause: error }, 'session failed');
      if (!session.isMidReply) session.untagged('BYE Internal error');
    }
    if (session.isMidReply) connection.destroy();
  } finally {
    session.close();
    await connection.end(LINGER_MS);
  }
}

/** Reads and answers one command. @throws what ends the connection. */
async function runOne(session: ImapSession): Promise<void> {
  const { connection, server } = session;
  const { limits } = server;
  const isLoggedIn = session.login !== null;
  // Before login one deadline covers all; after it silence and each command have their own.
  if (isLoggedIn) connection.deadline.start(limits.idleMs, 'idle');
  session.isWaiting = true;
  await connection.reader.waitForOctets();
  session.isWaiting = false;
  if (isLoggedIn) connection.deadline.start(limits.commandMs, 'command');
  const framed = await readCommand(connection, framingOf(session));
  if (isLoggedIn) connection.deadline.stop();
  await answer(session, framed);
  await connection.writer.flush();
  if (session.startTls !== null) {
    await connection.startTls(session.startTls);
    session.startTls = null;
  }
}

function framingOf(session: ImapSession): FramingOptions {
  const { limits } = session.server;
  return session.login === null
    ? { maxOctets: limits.commandOctetsBeforeLogin, discardOctets: limits.commandOctetsBeforeLogin, isStreamed: never }
    : { maxOctets: limits.commandOctets, discardOctets: limits.discardOctets, isStreamed: announcesMessage };
}
const never = (): boolean => false;

async function answer(session: ImapSession, framed: Framed): Promise<void> {
  const { connection } = session;
  const { writer } = connection;
  if (framed.kind !== 'command') {
    const tag = tagOf(framed.octets);
    const completion =
      framed.kind === 'literalTooLarge'
        ? no('The literal is too large', 'TOOBIG')
        : bad('The command is too long', 'LIMIT');
    if (framed.kind === 'hopeless') {
      session.untagged('BYE [TOOBIG] The command is far too long');
      session.isEnding = true;
    }
    countBad(session, completion);
    writer.text(printCompletion(tag, completion));
    return;
  }
  session.pendingLiteral = framed.literal;
  const cursor = new Cursor(framed.octets);
  let tag = '*';
  let completion: Completion;
  let updates: Command['updates'] = 'none';
  try {
    tag = cursor.tag();
    cursor.space();
    const { command, isUid } = readName(cursor);
    updates = isUid && command.updates === 'noExpunge' ? 'all' : command.updates;
    refuseOutOfState(session, command);
    completion = await command.prepare(cursor, session, { tag, isUid, literal: framed.literal })();
  } catch (error) {
    completion = refusalOf(session, error);
  }
  await disposeLiteral(session);
  // RFC 9051 §7.5.1: what happened meanwhile is told before the tagged reply.
  if (updates !== 'none' && completion.status !== 'BAD') await tellUpdates(session, updates);
  countBad(session, completion);
  writer.text(printCompletion(tag, completion));
}

function readName(cursor: Cursor): { readonly command: Command; readonly isUid: boolean } {
  const name = cursor.keyword();
  const isUid = name === 'UID';
  if (isUid) cursor.space();
  const command = isUid ? UID_COMMANDS.get(cursor.keyword()) : COMMANDS.get(name);
  if (command === undefined) throw cursor.fault('Unknown command');
  return { command, isUid };
}

function refuseOutOfState(session: ImapSession, command: Command): void {
  const isLoggedIn = session.login !== null;
  if (command.when === 'beforeLogin' && isLoggedIn) throw new SyntaxFault('Already logged in');
  if (command.when !== 'always' && command.when !== 'beforeLogin' && !isLoggedIn) throw new SyntaxFault('Log in first');
  if (command.when === 'selected' && session.selected === null) throw new SyntaxFault('No mailbox is selected');
}

/** @throws what ends the connection. */
function refusalOf(session: ImapSession, error: unknown): Completion {
  const { log, connection } = session;
  if (error instanceof SyntaxFault) return bad(error.message);
  const refused = completionOf(error);
  if (refused !== null) {
    const cause = error instanceof Error ? error.cause : undefined;
    if (cause !== undefined) log.warn({ peer: connection.remoteAddress, cause }, 'command deferred');
    if (!session.isMidReply) return refused;
  }
  if (error instanceof ConnectionClosed || error instanceof DeadlinePassed) throw error;
  if (error instanceof LineTooLong) {
    // A line inside a command (SASL, DONE): where the next command begins can't be told.
    session.untagged('BYE [TOOBIG] The line is too long');
    session.isEnding = true;
    return bad('The line is too long', 'LIMIT');
  }
  if (error instanceof MailboxGone || error instanceof ViewLost) return leaveMailbox(session, error);
  // Half a reply is out: only the end of the connection can tell the client that the rest won't come.
  if (session.isMidReply) throw error;
  log.error({ peer: connection.remoteAddress, account: session.login?.info.id, cause: error }, 'command failed');
  return no('Internal error', 'SERVERBUG');
}

/** As Dovecot does: a client whose mailbox is gone, or whose view is, has to begin anew. */
function leaveMailbox(session: ImapSession, error: MailboxGone | ViewLost): Completion {
  const isGone = error instanceof MailboxGone;
  if (!isGone) session.log.error({ mailbox: session.selected?.view.mailbox, cause: error }, 'view of a mailbox lost');
  session.unselect();
  session.isEnding = true;
  session.untagged(isGone ? 'BYE Selected mailbox was deleted' : 'BYE Mailbox changed too much, log in again');
  return isGone
    ? no('The mailbox was deleted', 'NONEXISTENT')
    : no('The mailbox has to be selected anew', 'UNAVAILABLE');
}

async function tellUpdates(session: ImapSession, updates: Exclude<Command['updates'], 'none'>): Promise<void> {
  if (session.selected === null || (updates !== 'now' && !session.isBehind)) return;
  try {
    await writeUpdates(session, updates !== 'noExpunge');
  } catch (error) {
    // The command itself is done and answered as it ended. Where the view did not move, the news come at the next occasion.
    if (error instanceof MailboxGone || error instanceof ViewLost) leaveMailbox(session, error);
    else if (completionOf(error) === null) throw error;
  }
}

/** A message literal that the command left: what is coming has to be read, with all that belongs to the command. */
async function disposeLiteral(session: ImapSession): Promise<void> {
  const { limits } = session.server;
  let budget = limits.messageOctets;
  for (let literal = session.pendingLiteral; literal !== null; literal = session.pendingLiteral) {
    session.pendingLiteral = null;
    // A literal that was not asked for yet ends the command where it is refused (RFC 9051 §4.3).
    if (!literal.isComing) return;
    budget -= literal.octetsLeft;
    if (budget < 0) return abandon(session);
    session.connection.deadline.start(
      limits.commandMs + (literal.octetsLeft / limits.appendOctetsPerSecond) * 1_000,
      'append',
    );
    await literal.discard();
    const framed = await readCommand(session.connection, { ...framingOf(session), isStreamed: () => true });
    if (framed.kind !== 'command') return abandon(session);
    session.pendingLiteral = framed.literal;
  }
}

function abandon(session: ImapSession): void {
  session.untagged('BYE [TOOBIG] The message is far too large');
  session.isEnding = true;
}

function countBad(session: ImapSession, completion: Completion): void {
  session.badCommands = completion.status === 'BAD' ? session.badCommands + 1 : 0;
  if (session.badCommands < session.server.limits.badCommandsInARow || session.isEnding) return;
  session.untagged('BYE Too many invalid commands');
  session.isEnding = true;
}
