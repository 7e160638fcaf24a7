/** EXPUNGE (RFC 9051 §6.4.3) and UID EXPUNGE (§6.4.9, RFC 4315 §2.1). The EXPUNGE replies are those that every session gets. */
import { parseSequenceSet } from '../grammar/sequence-set.ts';
import { no, ok } from '../session/completion.ts';
import { defineCommand } from './command.ts';
import { targetsOf } from './targets.ts';

export const expunge = defineCommand({
  name: 'EXPUNGE',
  when: 'selected',
  updates: 'all',
  parse: (cursor, { isUid }) => {
    if (!isUid) return null;
    cursor.space();
    return parseSequenceSet(cursor);
  },
  run: async (session, set) => {
    const { view, store } = session;
    if (session.selected!.isReadOnly) return no('The mailbox is selected read-only', 'NOPERM');
    const targets = set === null ? null : await targetsOf(session, set, true);
    if (targets?.count === 0) return ok('Nothing to expunge');
    const result = await store.expunge(view.mailbox, targets?.ranges);
    if (result.uids.length === 0) return ok('Nothing to expunge');
    session.noteModseq(result.modseq);
    return ok('Expunge completed', session.isCondstore ? `HIGHESTMODSEQ ${result.modseq}` : null);
  },
});
