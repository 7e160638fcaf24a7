/** FETCH and UID FETCH (RFC 9051 §6.4.5), with CHANGEDSINCE (RFC 7162 §3.1.4.1). */
import { asModseq } from '../../../mail/ids.ts';
import { writeMessages } from '../fetch/write-messages.ts';
import { type FetchItem, parseFetchItems } from '../grammar/fetch-items.ts';
import { isInRanges, parseSequenceSet, rangesOf } from '../grammar/sequence-set.ts';
import { ok } from '../session/completion.ts';
import { defineCommand } from './command.ts';
import { targetsOf } from './targets.ts';

export const fetch = defineCommand({
  name: 'FETCH',
  when: 'selected',
  updates: 'noExpunge',
  parse: (cursor) => {
    cursor.space();
    const set = parseSequenceSet(cursor);
    cursor.space();
    const items = parseFetchItems(cursor);
    let changedSince: number | null = null;
    if (!cursor.isAtEnd) {
      cursor.space();
      cursor.nested(() => {
        if (cursor.keyword() !== 'CHANGEDSINCE') throw cursor.fault('Unknown modifier of FETCH');
        cursor.space();
        changedSince = cursor.modseq();
      });
    }
    return { set, items, changedSince: changedSince as number | null };
  },
  run: async (session, { set, items, changedSince }, { isUid }) => {
    const isAbout = (kind: FetchItem['kind']): boolean => items.some((item) => item.kind === kind);
    const asked: FetchItem[] = [...items];
    // RFC 9051 §6.4.9: UID FETCH always tells the UID. RFC 7162 §3.1.4.1: CHANGEDSINCE always tells MODSEQ.
    if (isUid && !isAbout('UID')) asked.unshift({ kind: 'UID' });
    if (changedSince !== null && !isAbout('MODSEQ')) asked.push({ kind: 'MODSEQ' });
    if (changedSince !== null || isAbout('MODSEQ')) session.isCondstore = true;
    let { ranges, count } = await targetsOf(session, set, isUid);
    if (changedSince !== null && count > 0) {
      const from = asModseq(Math.min(changedSince + 1, Number.MAX_SAFE_INTEGER));
      const changed = await session.store.searchMailbox(session.view.mailbox, { op: 'modseq', from });
      ranges = rangesOf(changed.filter((uid) => isInRanges(ranges, uid)));
      count = 0;
    }
    const written = ranges.length === 0 ? 0 : await writeMessages(session, ranges, unique(asked));
    return written < count && !isUid ? ok('Some of the messages are expunged', 'EXPUNGEISSUED') : ok('Fetch completed');
  },
});

/** The same item twice is answered once. */
function unique(items: readonly FetchItem[]): FetchItem[] {
  const seen = new Set<string>();
  return items.filter((item) => {
    const name = item.kind === 'section' ? `${item.label}${item.partial?.length ?? ''}` : item.kind;
    return !seen.has(name) && seen.add(name);
  });
}
