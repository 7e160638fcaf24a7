/** CREATE (RFC 9051 §6.3.4), with the superior names that are missing, and with a special use (RFC 6154 §3). */
import { Refusal } from '../../../mail/refusal.ts';
import type { MailboxRole } from '../../../storage/model.ts';
import { no, ok } from '../session/completion.ts';
import { levelsOf, readMailboxName } from '../session/mailbox-names.ts';
import { missingLevels } from '../session/missing-levels.ts';
import { roleOfUse } from '../session/special-use.ts';
import { defineCommand } from './command.ts';

export const create = defineCommand({
  name: 'CREATE',
  when: 'afterLogin',
  updates: 'all',
  parse: (cursor) => {
    cursor.space();
    const octets = cursor.astring();
    if (cursor.isAtEnd) return { octets, uses: [] };
    cursor.space();
    let uses: string[] = [];
    cursor.list(() => {
      if (cursor.keyword() !== 'USE') throw cursor.fault('Unknown parameter of CREATE');
      cursor.space();
      uses = cursor.list(() => cursor.flag());
    }, 1);
    return { octets, uses };
  },
  run: async (session, { octets, uses }) => {
    // RFC 9051 §6.3.4: a delimiter at the end says that inferior names will follow; the name is made without it.
    const path = readMailboxName(octets).replace(/\/$/, '');
    const levels = levelsOf(path);
    let role: MailboxRole | null = null;
    for (const use of uses) {
      const wanted = roleOfUse(use);
      if (wanted === null || role !== null) return no('That use cannot be given', 'USEATTR');
      role = wanted;
    }
    const { tree } = await session.mailboxes();
    if (tree.find(path) !== null) throw new Refusal('alreadyExists', 'The mailbox exists already');
    const { batch, lastKey } = missingLevels(tree, levels, role);
    const result = await session.store.changeMailboxes({ create: batch });
    session.noteModseq(result.modseq);
    for (const outcome of result.created.values()) if (!outcome.ok) throw outcome.refusal;
    const made = result.created.get(lastKey);
    return ok('Create completed', made?.ok ? `MAILBOXID (${made.value.id})` : null);
  },
});
