/**
 * SELECT and EXAMINE (RFC 9051 §6.3.2 and §6.3.3, RFC 7162 §3.1.8). The answer comes from the mailbox's row alone, however many messages it has.
 *
 * Two departures. RECENT is always 0: \Recent goes to the first session that is told of a message, which would make every SELECT a write
 * to the record; RFC 9051 §2.3.2 has dropped the flag, and no client in use needs it. `OK [UNSEEN n]` is left out for the same reason: the
 * first unseen sequence number costs a search, and RFC 9051 §6.3.2 has dropped it.
 */
import { COMMON_KEYWORDS, SYSTEM_FLAGS } from '../grammar/flags.ts';
import { type Completion, no, ok } from '../session/completion.ts';
import type { ImapSession } from '../session/imap-session.ts';
import { readMailboxName } from '../session/mailbox-names.ts';
import { MailboxView } from '../session/mailbox-view.ts';
import { type Command, defineCommand } from './command.ts';

export const select = selectCommand('SELECT', false);
export const examine = selectCommand('EXAMINE', true);

function selectCommand(name: 'SELECT' | 'EXAMINE', isReadOnly: boolean): Command {
  return defineCommand({
    name,
    when: 'afterLogin',
    updates: 'none',
    parse: (cursor) => {
      cursor.space();
      const octets = cursor.astring();
      if (cursor.isAtEnd) return { octets, isCondstore: false };
      cursor.space();
      const parameters = cursor.list(() => cursor.keyword(), 1);
      const unknown = parameters.find((parameter) => parameter !== 'CONDSTORE');
      if (unknown !== undefined) throw cursor.fault(`Unknown parameter of ${name}`);
      return { octets, isCondstore: true };
    },
    run: async (session, { octets, isCondstore }) => {
      // RFC 9051 §6.3.2: the old mailbox is left even when the new one can't be had.
      const hadSelected = session.selected !== null;
      session.unselect();
      if (hadSelected) session.untagged('OK [CLOSED] Previous mailbox closed');
      if (isCondstore) session.isCondstore = true;
      return open(session, readMailboxName(octets), isReadOnly);
    },
  });
}

async function open(session: ImapSession, path: string, isReadOnly: boolean): Promise<Completion> {
  const { tree, state } = await session.mailboxes();
  const found = tree.find(path);
  if (found === null) return no('No such mailbox', 'NONEXISTENT');
  const { mailbox } = found;
  const view = new MailboxView(session.store, session.server.snapshots, mailbox, state);
  session.select({ view, path, isReadOnly });
  session.untagged(`FLAGS (${SYSTEM_FLAGS} ${COMMON_KEYWORDS})`);
  session.untagged(
    isReadOnly
      ? 'OK [PERMANENTFLAGS ()] Read-only mailbox'
      : `OK [PERMANENTFLAGS (${SYSTEM_FLAGS} ${COMMON_KEYWORDS} \\*)] Flags permitted`,
  );
  session.untagged(`${mailbox.total} EXISTS`);
  session.untagged('0 RECENT');
  session.untagged(`OK [UIDVALIDITY ${mailbox.uidValidity}] UIDs valid`);
  session.untagged(`OK [UIDNEXT ${mailbox.uidNext}] Predicted next UID`);
  session.untagged(`OK [HIGHESTMODSEQ ${Math.max(1, mailbox.modseq)}] Highest`);
  session.untagged(`OK [MAILBOXID (${mailbox.id})] Mailbox`);
  return ok(isReadOnly ? 'Examine completed' : 'Select completed', isReadOnly ? 'READ-ONLY' : 'READ-WRITE');
}
