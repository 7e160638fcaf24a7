/**
 * SUBSCRIBE and UNSUBSCRIBE (RFC 9051 §6.3.7 and §6.3.8). A subscription belongs to the mailbox, as in JMAP (RFC 8621 §2): a name without a
 * mailbox can't have one, and it ends with the mailbox.
 */
import { ok } from '../session/completion.ts';
import { readMailboxName } from '../session/mailbox-names.ts';
import { type Command, defineCommand } from './command.ts';

export const subscribe = subscription('SUBSCRIBE', true);
export const unsubscribe = subscription('UNSUBSCRIBE', false);

function subscription(name: string, isSubscribed: boolean): Command {
  return defineCommand({
    name,
    when: 'afterLogin',
    updates: 'all',
    parse: (cursor) => {
      cursor.space();
      return cursor.astring();
    },
    run: async (session, octets) => {
      const { tree } = await session.mailboxes();
      const { mailbox } = tree.require(readMailboxName(octets).replace(/\/$/, ''));
      if (mailbox.subscribed !== isSubscribed) {
        const result = await session.store.changeMailboxes({ update: new Map([[mailbox.id, { isSubscribed }]]) });
        const outcome = result.updated.get(mailbox.id);
        if (outcome !== undefined && !outcome.ok) throw outcome.refusal;
        session.noteModseq(result.modseq);
      }
      return ok(isSubscribed ? 'Subscribe completed' : 'Unsubscribe completed');
    },
  });
}
