/** STORE and UID STORE (RFC 9051 §6.4.6), with UNCHANGEDSINCE (RFC 7162 §3.1.3). */
import { asModseq } from '../../../mail/ids.ts';
import type { FlagChange } from '../../../storage/mail-store.ts';
import { printFlags, readFlags } from '../grammar/flags.ts';
import { parseSequenceSet, printNumbers } from '../grammar/sequence-set.ts';
import { no, ok } from '../session/completion.ts';
import { printFlagsReply } from '../session/updates.ts';
import { defineCommand } from './command.ts';
import { targetsOf } from './targets.ts';

const MODES: ReadonlyMap<string, FlagChange['mode']> = new Map([
  ['FLAGS', 'replace'],
  ['+FLAGS', 'add'],
  ['-FLAGS', 'remove'],
]);

export const store = defineCommand({
  name: 'STORE',
  when: 'selected',
  updates: 'noExpunge',
  parse: (cursor) => {
    cursor.space();
    const set = parseSequenceSet(cursor);
    cursor.space();
    let unchangedSince: number | null = null;
    if (cursor.isAtList) {
      cursor.nested(() => {
        if (cursor.keyword() !== 'UNCHANGEDSINCE') throw cursor.fault('Unknown modifier of STORE');
        cursor.space();
        unchangedSince = cursor.modseq();
      });
      cursor.space();
    }
    const [, item, silent] = /^([+-]?FLAGS)(\.SILENT)?$/.exec(cursor.keyword()) ?? [];
    const mode = MODES.get(item ?? '');
    if (mode === undefined) throw cursor.fault('FLAGS, +FLAGS or -FLAGS expected');
    cursor.space();
    const flags: string[] = [];
    if (cursor.isAtList) flags.push(...cursor.list(() => cursor.flag()));
    else {
      do flags.push(cursor.flag());
      while (cursor.takes(' '));
    }
    const change: FlagChange = { mode, ...readFlags(flags) };
    return { set, change, isSilent: silent !== undefined, unchangedSince: unchangedSince as number | null };
  },
  run: async (session, { set, change, isSilent, unchangedSince }, { isUid }) => {
    const { view, store, connection } = session;
    if (session.selected!.isReadOnly) return no('The mailbox is selected read-only', 'NOPERM');
    if (unchangedSince !== null) session.isCondstore = true;
    const { ranges, count } = await targetsOf(session, set, isUid);
    if (count === 0) return ok('Nothing to store');
    const result = await store.changeFlags(
      view.mailbox,
      ranges,
      unchangedSince === null ? change : { ...change, unchangedSince: asModseq(unchangedSince) },
    );
    view.noteOwnFlags(result.modseq);
    session.noteModseq(result.modseq);
    const conflicts = new Set(result.conflicts);
    for (const { uid, keywords, deleted, modseq } of result.messages) {
      const number = view.sequenceOf(uid);
      if (number === 0 || conflicts.has(uid)) continue;
      // RFC 7162 §3.1.3: the new mod-sequence is told even after .SILENT.
      if (!isSilent)
        session.untagged(printFlagsReply(session, number, uid, printFlags(keywords, deleted), modseq, isUid));
      else if (session.isCondstore) session.untagged(`${number} FETCH (UID ${uid} MODSEQ (${modseq}))`);
      await connection.writer.flushWhenFull();
    }
    if (result.conflicts.length > 0) {
      const numbers = isUid ? result.conflicts : result.conflicts.map((uid) => view.sequenceOf(uid));
      return ok('Conditional STORE failed for some', `MODIFIED ${printNumbers(numbers)}`);
    }
    return !isUid && result.messages.length < count
      ? ok('Some of the messages are expunged', 'EXPUNGEISSUED')
      : ok('Store completed');
  },
});
