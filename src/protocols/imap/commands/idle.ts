/**
 * IDLE (RFC 9051 §6.3.13, RFC 2177): every change is told as soon as it is known, until the client says DONE. The client's word and the
 * doorbell wake one loop; a burst of changes is one look into the log.
 */
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
        if (session.isBehind) await writeUpdates(session, true);
        else if (isQuiet) session.untagged('OK Still here');
        isQuiet = false;
        await connection.writer.flush();
      }
    } finally {
      clearInterval(keepAlive);
    }
    if (line.text === null) return ok('Idle ended');
    return line.text.toUpperCase() === 'DONE' ? ok('Idle completed') : bad('DONE expected');
  },
});

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
