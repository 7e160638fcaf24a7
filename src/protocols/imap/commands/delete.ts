/**
 * DELETE (RFC 9051 §6.3.5). A mailbox with inferior names is refused with HASCHILDREN (§7.1), since the record has no names without
 * mailboxes; INBOX always is.
 */
import { no, ok } from '../session/completion.ts';
import { readMailboxName } from '../session/mailbox-names.ts';
import { defineCommand } from './command.ts';

export const deleteMailbox = defineCommand({
  name: 'DELETE',
  when: 'afterLogin',
  updates: 'all',
  parse: (cursor) => {
    cursor.space();
    return cursor.astring();
  },
  run: async (session, octets) => {
    const path = readMailboxName(octets);
    if (path === 'INBOX') return no('INBOX cannot be deleted', 'CANNOT');
    const { tree } = await session.mailboxes();
    const { mailbox, hasChildren } = tree.require(path);
    if (hasChildren) return no('The mailbox has inferior names', 'HASCHILDREN');
    const result = await session.store.changeMailboxes({ destroy: [mailbox.id], onDestroyRemoveEmails: true });
    const outcome = result.destroyed.get(mailbox.id);
    if (outcome !== undefined && !outcome.ok) throw outcome.refusal;
    // Deleting the selected mailbox leaves it; other sessions that have it selected are told BYE.
    if (session.selected?.view.mailbox === mailbox.id) session.unselect();
    session.noteModseq(result.modseq);
    return ok('Delete completed');
  },
});
