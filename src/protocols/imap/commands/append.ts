/**
 * APPEND (RFC 9051 §6.3.12) of one or many messages (RFC 3502), all or none. The literal goes straight into the record: what the command
 * would fail on is looked at before the client is told to send it, and a message that breaks off leaves nothing behind.
 */
import type { MailboxId } from '../../../mail/ids.ts';
import { Refusal } from '../../../mail/refusal.ts';
import type { NewMessage } from '../../../storage/mail-store.ts';
import { Cursor, SyntaxFault } from '../grammar/cursor.ts';
import { parseDateTime } from '../grammar/dates.ts';
import { type FlagList, readFlags } from '../grammar/flags.ts';
import { printNumbers } from '../grammar/sequence-set.ts';
import { readCommand } from '../session/command-reader.ts';
import { no, ok } from '../session/completion.ts';
import type { ImapSession } from '../session/imap-session.ts';
import { readMailboxName } from '../session/mailbox-names.ts';
import type { MessageLiteral } from '../session/message-literal.ts';
import { defineCommand } from './command.ts';

interface Announced {
  readonly flags: FlagList;
  readonly receivedAt: Date | null;
}

/** Arguments of one message, up to its literal's `{n}`. */
function parseAnnounced(cursor: Cursor): Announced {
  let flags: FlagList = { keywords: [], deleted: false };
  let receivedAt: Date | null = null;
  cursor.space();
  if (cursor.isAtList) {
    flags = readFlags(cursor.list(() => cursor.flag()));
    cursor.space();
  }
  if (cursor.peek() === 34) {
    receivedAt = parseDateTime(cursor);
    cursor.space();
  }
  if (!/^~?\{\d+\+?\}\r\n$/.test(cursor.rest())) throw cursor.fault('A literal is expected');
  return { flags, receivedAt };
}

/** Whether a command up to the `{n}` of a literal is an APPEND whose mailbox is named, so that the literal is a message. */
export function announcesMessage(octets: Buffer): boolean {
  const cursor = new Cursor(octets);
  try {
    cursor.tag();
    cursor.space();
    if (cursor.keyword() !== 'APPEND') return false;
    cursor.space();
    cursor.astring();
    return true;
  } catch (error) {
    if (error instanceof SyntaxFault) return false;
    throw error;
  }
}

export const append = defineCommand({
  name: 'APPEND',
  when: 'afterLogin',
  updates: 'all',
  parse: (cursor, { literal }) => {
    cursor.space();
    const octets = cursor.astring();
    if (literal === null) throw cursor.fault('A literal is expected');
    return { octets, announced: parseAnnounced(cursor) };
  },
  run: async (session, { octets, announced }, { literal }) => {
    const { tree } = await session.mailboxes();
    const target = tree.find(readMailboxName(octets));
    if (target === null) return no('No such mailbox', 'TRYCREATE');
    const mailbox = target.mailbox.id;
    const items: NewMessage[] = [];
    const deleted: boolean[] = [];
    for (let next: Incoming | null = { announced, literal: literal! }; next !== null; next = await readNext(session)) {
      if (items.length === session.server.limits.messagesPerAppend)
        throw new Refusal('tooMany', 'Too many messages in one APPEND');
      items.push(await receive(session, next, mailbox));
      deleted.push(next.announced.flags.deleted);
    }
    const result = await session.store.append(items);
    session.noteModseq(result.modseq);
    const memberships = result.messages.flatMap((message) => message.memberships.filter((m) => m.mailbox === mailbox));
    const marked = memberships
      .filter((_membership, index) => deleted[index])
      .map(({ uid }) => ({ from: uid, to: uid }));
    if (marked.length > 0) {
      const change = { mode: 'add', keywords: [], deleted: true } as const;
      session.noteModseq((await session.store.changeFlags(mailbox, marked, change)).modseq);
    }
    const uids = printNumbers(memberships.map(({ uid }) => uid));
    return ok('Append completed', `APPENDUID ${target.mailbox.uidValidity} ${uids}`);
  },
});

interface Incoming {
  readonly announced: Announced;
  readonly literal: MessageLiteral;
}

/** Streams one message into the record, where it waits for `append`. @throws Refusal 'tooLarge', 'overQuota', 'invalid'. */
async function receive(
  session: ImapSession,
  { announced, literal }: Incoming,
  mailbox: MailboxId,
): Promise<NewMessage> {
  const { server, connection, store } = session;
  const { limits } = server;
  if (literal.octets > limits.messageOctets) throw new Refusal('tooLarge', 'The message is too large');
  // RFC 3502 §6.3.11: a message of no octets cancels the command.
  if (literal.octets === 0) throw new Refusal('invalid', 'An empty message is none');
  const quota = await store.quota();
  if (quota.maxBytes !== null && quota.usedBytes + literal.octets > quota.maxBytes)
    throw new Refusal('overQuota', 'The account has no room for the message');
  connection.deadline.start(limits.commandMs + (literal.octets / limits.appendOctetsPerSecond) * 1_000, 'append');
  await literal.accept();
  const staged = await server.store.receiveBody(literal.stream(), {
    maxBytes: limits.messageOctets,
    near: store.account,
  });
  return {
    staged,
    mailboxes: [mailbox],
    keywords: announced.flags.keywords,
    receivedAt: announced.receivedAt ?? server.clock.now(),
  };
}

/** What follows a message: the end of the command, or the next message (RFC 3502 §6.3.11). */
async function readNext(session: ImapSession): Promise<Incoming | null> {
  const { limits } = session.server;
  const framed = await readCommand(session.connection, {
    maxOctets: limits.commandOctets,
    discardOctets: limits.discardOctets,
    isStreamed: () => true,
  });
  if (framed.kind !== 'command') {
    session.pendingLiteral = null;
    session.isEnding = true;
    throw new SyntaxFault('The command is too long');
  }
  session.pendingLiteral = framed.literal;
  const cursor = new Cursor(framed.octets);
  if (framed.literal === null) {
    cursor.expectEnd();
    return null;
  }
  return { announced: parseAnnounced(cursor), literal: framed.literal };
}
