/**
 * RENAME (RFC 9051 §6.3.6): with all inferior names, which hang on the mailbox itself; missing superior names are made. INBOX is special:
 * its messages go to a new mailbox of that name and it stays, empty, with its inferior names.
 */
import type { MailboxId } from '../../../mail/ids.ts';
import { asUid } from '../../../mail/ids.ts';
import { Refusal } from '../../../mail/refusal.ts';
import type { MailboxBatchResult } from '../../../storage/mail-store.ts';
import { type Completion, ok } from '../session/completion.ts';
import type { ImapSession } from '../session/imap-session.ts';
import { DELIMITER, levelsOf, type MailboxTree, readMailboxName } from '../session/mailbox-names.ts';
import { missingLevels } from '../session/missing-levels.ts';
import { defineCommand } from './command.ts';

export const rename = defineCommand({
  name: 'RENAME',
  when: 'afterLogin',
  updates: 'all',
  parse: (cursor) => {
    cursor.space();
    const from = cursor.astring();
    cursor.space();
    return { from, to: cursor.astring() };
  },
  run: async (session, args) => {
    const from = readMailboxName(args.from);
    const to = readMailboxName(args.to).replace(/\/$/, '');
    const levels = levelsOf(to);
    const { tree } = await session.mailboxes();
    const { mailbox } = tree.require(from);
    if (tree.find(to) !== null) throw new Refusal('alreadyExists', 'A mailbox of that name exists already');
    if (from === 'INBOX') return moveInbox(session, tree, mailbox.id, levels);
    if (to.startsWith(`${from}${DELIMITER}`)) throw new Refusal('invalid', 'A mailbox cannot be moved into itself');
    const { batch, last } = missingLevels(tree, levels.slice(0, -1));
    const result = await session.store.changeMailboxes({
      create: batch,
      update: new Map([[mailbox.id, { name: levels.at(-1)!, parent: last }]]),
    });
    session.noteModseq(result.modseq);
    requireAll(result);
    return ok('Rename completed');
  },
});

async function moveInbox(
  session: ImapSession,
  tree: MailboxTree,
  inbox: MailboxId,
  levels: readonly string[],
): Promise<Completion> {
  const { batch, lastKey } = missingLevels(tree, levels);
  const result = await session.store.changeMailboxes({ create: batch });
  requireAll(result);
  const made = result.created.get(lastKey);
  if (!made?.ok) throw new Error('the mailbox was not made');
  // Two mutations: if the second fails the new mailbox stays, empty, and nothing is lost.
  const moved = await session.store.copyOrMove(
    'move',
    inbox,
    [{ from: asUid(1), to: asUid(0xffff_ffff) }],
    made.value.id,
  );
  session.noteModseq(moved.modseq);
  return ok('Rename completed');
}

function requireAll(result: MailboxBatchResult): void {
  for (const outcomes of [result.created, result.updated]) {
    for (const outcome of outcomes.values()) if (!outcome.ok) throw outcome.refusal;
  }
}
