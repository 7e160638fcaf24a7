/**
 * A message as a reply, streamed from the store to the client: memory is a piece of the body. Until the first octets are there a failure is answered; after
 * that it can only end the connection, so that a client never takes a part for the whole.
 */
import type { Message } from '../../../storage/model.ts';
import { ConnectionClosed } from '../../stream/byte-reader.ts';
import { ok, printReply, type Reply } from '../replies.ts';
import type { Pop3Session } from '../session/pop3-session.ts';
import { WireLines } from '../wire-lines.ts';
import { messageGone, noSuchMessage } from './no-such-message.ts';

/** Octets that are looked through at once. */
const PIECE_OCTETS = 16 * 1024;

/** `bodyLines` null: all of it. */
export async function writeMessage(
  session: Pop3Session,
  number: number,
  bodyLines: number | null,
): Promise<Reply | null> {
  const { drop } = session.transaction;
  const { writer } = session.connection;
  if (!drop.has(number)) return noSuchMessage();
  const message = await findMessage(session, number);
  if (message === null) return messageGone();
  const heading = printReply(ok(bodyLines === null ? `${drop.size(number)} octets` : 'Top of message follows'));
  const lines = new WireLines(bodyLines);
  const checkPace = paceOf(session);
  for await (const octets of session.server.store.readBody(message.body)) {
    if (!session.isMidReply) writer.text(heading);
    session.isMidReply = true;
    for (let at = 0; at < octets.length && !lines.isDone; at += PIECE_OCTETS) {
      writer.octets(lines.push(octets.subarray(at, at + PIECE_OCTETS)));
      await writer.flushWhenFull();
      checkPace(lines.octets);
    }
    if (lines.isDone) break;
  }
  if (!session.isMidReply) writer.text(heading);
  writer.text(lines.finish());
  session.isMidReply = false;
  return null;
}

async function findMessage({ transaction }: Pop3Session, number: number): Promise<Message | null> {
  const { drop, store } = transaction;
  const uid = drop.uid(number);
  for await (const batch of store.messagesByUid(drop.mailbox, [{ from: uid, to: uid }])) {
    for (const message of batch) return message;
  }
  return null;
}

/** Throws when the client takes octets more slowly than it may. */
function paceOf({ server }: Pop3Session): (octets: number) => void {
  const { stallMs, slowestOctetsPerSecond } = server.limits;
  const beganMs = server.clock.now().getTime();
  return (octets) => {
    const limitMs = stallMs + (octets / slowestOctetsPerSecond) * 1000;
    if (server.clock.now().getTime() - beganMs <= limitMs) return;
    throw new ConnectionClosed(new Error('the peer reads too slowly'));
  };
}
