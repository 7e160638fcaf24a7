/** COPY (RFC 9051 §6.4.7) and MOVE (§6.4.8, RFC 6851), with COPYUID (RFC 4315 §3). All or none. */
import { parseSequenceSet, printNumbers } from '../grammar/sequence-set.ts';
import { no, ok } from '../session/completion.ts';
import { readMailboxName } from '../session/mailbox-names.ts';
import { type Command, defineCommand } from './command.ts';
import { targetsOf } from './targets.ts';

export const copy = copyCommand('COPY');
export const move = copyCommand('MOVE');

function copyCommand(name: 'COPY' | 'MOVE'): Command {
  return defineCommand({
    name,
    when: 'selected',
    // RFC 6851 §3.3: EXPUNGE is told in MOVE, as in UID MOVE.
    updates: 'all',
    parse: (cursor) => {
      cursor.space();
      const set = parseSequenceSet(cursor);
      cursor.space();
      return { set, octets: cursor.astring() };
    },
    run: async (session, { set, octets }, { isUid }) => {
      const { view, store } = session;
      if (name === 'MOVE' && session.selected!.isReadOnly) return no('The mailbox is selected read-only', 'NOPERM');
      const { ranges } = await targetsOf(session, set, isUid);
      const { tree } = await session.mailboxes();
      const target = tree.find(readMailboxName(octets));
      if (target === null) return no('No such mailbox', 'TRYCREATE');
      if (ranges.length === 0) return ok(`No messages to ${name.toLowerCase()}`);
      const result = await store.copyOrMove(name === 'COPY' ? 'copy' : 'move', view.mailbox, ranges, target.mailbox.id);
      session.noteModseq(result.modseq);
      if (result.pairs.length === 0) return ok(`No messages to ${name.toLowerCase()}`);
      const from = printNumbers(result.pairs.map((pair) => pair.from));
      const to = printNumbers(result.pairs.map((pair) => pair.to));
      const code = `COPYUID ${result.uidValidity} ${from} ${to}`;
      if (name === 'COPY') return ok('Copy completed', code);
      // RFC 6851 §4.3: before the EXPUNGEs, so that the client can tell where each message went.
      session.untagged(`OK [${code}] Moved`);
      return ok('Move completed');
    },
  });
}
