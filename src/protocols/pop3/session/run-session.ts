/**
 * The life of one connection: greeting, commands one after the other (RFC 2449 §6.6 PIPELINING: replies are sent together while more commands wait),
 * farewell. What a client gets wrong is answered -ERR, a fault of ours is logged once and answered in general words; the session goes on in each
 * case. Only QUIT deletes: a connection that ends in any other way leaves the drop as it was (RFC 1939 §3, §6).
 */
import { setImmediate } from 'node:timers/promises';
import { ConnectionClosed, LineTooLong } from '../../stream/byte-reader.ts';
import { DeadlinePassed } from '../../stream/deadline.ts';
import { runCommand } from '../commands/registry.ts';
import { parseRequest } from '../grammar.ts';
import { err, ok, printReply, type Reply, replyOf } from '../replies.ts';
import type { Pop3Session } from './pop3-session.ts';

const LINGER_MS = 2_000;
const STOPPING = printReply(err('Server shutting down', 'SYS/TEMP'));

/** Resolves when the connection is closed; never rejects. */
export async function runSession(session: Pop3Session, isTlsFromStart: boolean): Promise<void> {
  const { connection, server, log } = session;
  const { writer } = connection;
  const peer = connection.remoteAddress;
  connection.deadline.start(server.limits.loginMs, 'login');
  try {
    if (isTlsFromStart) await connection.startTls(server.secureContext!);
    // No timestamp in it: APOP is off, since it needs passwords in clear text on the server (RFC 1939 §7).
    writer.text(printReply(ok('Waxwing ready')));
    while (!session.isEnding) await runOne(session);
    if (session.isStopping) writer.text(STOPPING);
  } catch (error) {
    if (error instanceof DeadlinePassed) {
      // RFC 1939 §3: the connection is closed without a response, and nothing is removed.
      log.info({ peer, what: error.what }, 'session timed out');
    } else if (error instanceof ConnectionClosed) {
      if (session.isStopping && !session.isMidReply) writer.text(STOPPING);
      log.debug({ peer }, 'client closed');
    } else if (!connection.isSecure && (isTlsFromStart || session.startTls !== null)) {
      log.info({ peer, cause: error }, 'TLS handshake failed');
    } else {
      log.error({ peer, cause: error }, 'session failed');
    }
    // A message that was sent in part must not look like a whole one.
    if (session.isMidReply) connection.destroy();
  } finally {
    await session.close();
    await connection.end(LINGER_MS);
  }
}

/** Reads and answers one command. @throws what ends the connection. */
async function runOne(session: Pop3Session): Promise<void> {
  const { connection } = session;
  const line = await nextLine(session);
  if (line !== null) await answer(session, line);
  await connection.writer.flushWhenFull();
  if (session.startTls === null) return;
  await connection.writer.flush();
  await connection.startTls(session.startTls);
  session.startTls = null;
}

/** The next command; null when it was too long, which is answered here. */
async function nextLine(session: Pop3Session): Promise<Buffer | null> {
  const { connection, isLoggedIn } = session;
  const { reader, writer, deadline } = connection;
  const { limits } = session.server;
  // Before login one deadline covers all; after it silence and each command have their own.
  if (isLoggedIn) deadline.start(limits.idleMs, 'idle');
  session.isWaiting = true;
  if (reader.pendingOctets === 0) await writer.flush();
  await reader.waitForOctets();
  session.isWaiting = false;
  if (isLoggedIn) deadline.start(limits.commandMs, 'command');
  try {
    const coming = reader.readLine(limits.commandOctets - 1);
    if (writer.pendingOctets === 0) return await coming;
    // The rest of the line may depend on replies that are not sent yet.
    let isThere = false;
    const note = (): void => {
      isThere = true;
    };
    coming.then(note, note);
    await setImmediate();
    if (!isThere) await writer.flush();
    return await coming;
  } catch (error) {
    if (!(error instanceof LineTooLong)) throw error;
    const isSkipped = (await reader.skipLine(limits.discardOctets)) !== null;
    writer.text(printReply(err('The command is too long')));
    if (!isSkipped) session.isEnding = true;
    countBad(session, true);
    return null;
  } finally {
    if (isLoggedIn) deadline.stop();
  }
}

async function answer(session: Pop3Session, line: Buffer): Promise<void> {
  const { connection } = session;
  const request = parseRequest(line);
  let reply: Reply | null;
  if (request.command === null) {
    reply = err(request.fault);
    countBad(session, true);
  } else {
    try {
      reply = await runCommand(session, request);
      countBad(session, false);
    } catch (error) {
      if (error instanceof ConnectionClosed || error instanceof DeadlinePassed || session.isMidReply) throw error;
      reply = replyOf(error);
      if (reply === null) {
        const account = session.isLoggedIn ? session.transaction.info.id : undefined;
        session.log.error(
          { peer: connection.remoteAddress, account, command: request.command, cause: error },
          'command failed',
        );
        reply = err('Internal error', 'SYS/TEMP');
      }
    }
  }
  if (reply !== null) connection.writer.text(printReply(reply));
}

/** Who goes on sending what is no command is no POP3 client: the connection ends after the answer. */
function countBad(session: Pop3Session, isBad: boolean): void {
  session.badCommands = isBad ? session.badCommands + 1 : 0;
  if (session.badCommands >= session.server.limits.badCommandsInARow) session.isEnding = true;
}
