/**
 * IDLE (RFC 9051 §6.3.13, RFC 2177): every change is told as soon as it is known, until the client says DONE. The client's word and the
 * doorbell wake one loop; a burst of changes is one look into the log.
 */
import { Deferral } from '../../../mail/refusal.ts';
import { bad, ok } from '../session/completion.ts';
import type { ImapSession } from '../session/imap-session.ts';
import { writeUpdates } from '../session/updates.ts';
import { defineCommand, noArguments } from './command.ts';

/** `DONE` and something to spare. */
const MAX_LINE = 64;

export const idle = defineCommand({
  name: 'IDLE',
  when: 'afterLogin',
  updates: 'all',
  parse: noArguments,
  run: async (session) => {
    const { connection, server } = session;
    const { limits } = server;
    connection.writer.text('+ idling\r\n');
    // What was known before IDLE is told at once.
    await writeUpdates(session, true);
    await connection.writer.flush();
    connection.deadline.start(limits.idleMs, 'idle');
    const line = new ClientLine(session);
    const keepAlive = setInterval(() => {
      isQuiet = true;
      session.wake.wake();
    }, limits.keepAliveMs);
    keepAlive.unref();
    let isQuiet = false;
    try {
      for (;;) {
        await session.wake.wait();
        if (line.error !== null) throw line.error;
        if (line.text !== null || session.isEnding) break;
        if (session.isBehind) await catchUp(session);
        else if (isQuiet) session.untagged('OK Still here');
        isQuiet = false;
        await connection.writer.flush();
      }
    } catch (error) {
      // The line is still being read beside: nothing can be read after it but by this loop.
      session.isEnding = true;
      throw error;
    } finally {
      clearInterval(keepAlive);
    }
    if (line.text === null) return ok('Idle ended');
    return line.text.toUpperCase() === 'DONE' ? ok('Idle completed') : bad('DONE expected');
  },
});

/** With all sessions that were woken by the same change; alone when what they read was from before it. */
async function catchUp(session: ImapSession): Promise<void> {
  try {
    await writeUpdates(session, true, session.server.reads);
    if (session.isBehind) await writeUpdates(session, true);
  } catch (cause) {
    // The record can't be reached just now: the next doorbell, poll or sign of life tries again, and nothing is lost.
    if (!(cause instanceof Deferral)) throw cause;
    session.log.warn({ peer: session.connection.remoteAddress, cause }, 'idle session could not look for changes');
  }
}

/** The one line that ends IDLE, read beside the loop. */
class ClientLine {
  text: string | null = null;
  error: unknown = null;

  constructor(session: ImapSession) {
    session.connection.reader
      .readLine(MAX_LINE)
      .then(
        (line) => {
          this.text = line.toString('latin1');
        },
        (error: unknown) => {
          this.error = error;
        },
      )
      .finally(() => session.wake.wake());
  }
}
