/**
 * SELECT and EXAMINE (RFC 9051 §6.3.2 and §6.3.3, RFC 7162 §3.1.8 and §3.2.5). The answer comes from the mailbox's row alone, however many messages it
 * has; with QRESYNC, from the log as well.
 *
 * Two departures. RECENT is always 0: \Recent goes to the first session that is told of a message, which would make every SELECT a write
 * to the record; RFC 9051 §2.3.2 has dropped the flag, and no client in use needs it. `OK [UNSEEN n]` is left out for the same reason: the
 * first unseen sequence number costs a search, and RFC 9051 §6.3.2 has dropped it.
 */
import { asModseq } from '../../../mail/ids.ts';
import type { Mailbox } from '../../../storage/model.ts';
import { writeMessages } from '../fetch/write-messages.ts';
import { SyntaxFault } from '../grammar/cursor.ts';
import { COMMON_KEYWORDS, SYSTEM_FLAGS } from '../grammar/flags.ts';
import { intersected, lastMatchingUid, MAX_UID, printRanges } from '../grammar/number-ranges.ts';
import { parseSelectParameters, type QresyncParameter } from '../grammar/select-parameters.ts';
import { isInRanges, rangesOf } from '../grammar/sequence-set.ts';
import { type Completion, no, ok } from '../session/completion.ts';
import type { ImapSession } from '../session/imap-session.ts';
import { readMailboxName } from '../session/mailbox-names.ts';
import { MailboxView } from '../session/mailbox-view.ts';
import { possiblyKnown, vanishedSince } from '../session/vanished.ts';
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
      return { octets, ...parseSelectParameters(cursor) };
    },
    run: async (session, { octets, isCondstore, qresync }) => {
      // RFC 7162 §3.2.5: only a client that has enabled it understands the answer.
      if (qresync !== null && !session.isQresync) throw new SyntaxFault('Enable QRESYNC first');
      // RFC 9051 §6.3.2: the old mailbox is left even when the new one can't be had.
      const hadSelected = session.selected !== null;
      session.unselect();
      if (hadSelected) session.untagged('OK [CLOSED] Previous mailbox closed');
      if (isCondstore) session.isCondstore = true;
      return open(session, readMailboxName(octets), isReadOnly, qresync);
    },
  });
}

async function open(
  session: ImapSession,
  path: string,
  isReadOnly: boolean,
  qresync: QresyncParameter | null,
): Promise<Completion> {
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
  if (qresync !== null && qresync.uidValidity === mailbox.uidValidity) await resynchronize(session, mailbox, qresync);
  return ok(isReadOnly ? 'Examine completed' : 'Select completed', isReadOnly ? 'READ-ONLY' : 'READ-WRITE');
}

/**
 * What happened since the client was here last (RFC 7162 §3.2.5): first the UIDs that are gone, then flags, and new messages where it did not
 * name those that it knows (§3.2.5.1).
 */
async function resynchronize(session: ImapSession, mailbox: Mailbox, asked: QresyncParameter): Promise<void> {
  const { view, store } = session;
  const known = possiblyKnown(view, asked.known);
  if (asked.modseq === mailbox.modseq || known.length === 0) return;
  const matched = asked.match === null ? 0 : lastMatchingUid(await view.uids(), asked.match);
  const above = intersected(known, [{ from: matched + 1, to: MAX_UID }]);
  const gone = await vanishedSince(store, view, asked.modseq, above);
  if (gone.length > 0) session.untagged(`VANISHED (EARLIER) ${printRanges(gone)}`);
  const from = asModseq(Math.min(asked.modseq + 1, Number.MAX_SAFE_INTEGER));
  const changed = await store.searchMailbox(mailbox.id, { op: 'modseq', from });
  const shown = rangesOf(changed.filter((uid) => isInRanges(known, uid)));
  if (shown.length > 0) await writeMessages(session, shown, RESYNC_ITEMS);
}

const RESYNC_ITEMS = [{ kind: 'UID' }, { kind: 'FLAGS' }, { kind: 'MODSEQ' }] as const;
