/** A line for each message that is not deleted, never faster than the client reads. */
import { ok, printReply } from '../replies.ts';
import type { Pop3Session } from '../session/pop3-session.ts';

export async function writeListing(
  session: Pop3Session,
  heading: string,
  describe: (message: number) => string,
): Promise<null> {
  const { writer } = session.connection;
  const { drop } = session.transaction;
  session.isMidReply = true;
  writer.text(printReply(ok(heading)));
  for (let message = 1; message <= drop.last; message++) {
    if (!drop.has(message)) continue;
    writer.text(`${message} ${describe(message)}\r\n`);
    await writer.flushWhenFull();
  }
  writer.text('.\r\n');
  session.isMidReply = false;
  return null;
}
