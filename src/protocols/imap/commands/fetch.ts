/** FETCH and UID FETCH (RFC 9051 §6.4.5), with CHANGEDSINCE and VANISHED (RFC 7162 §3.1.4.1 and §3.2.6). */
import { asModseq } from '../../../mail/ids.ts';
import { writeMessages } from '../fetch/write-messages.ts';
import { SyntaxFault } from '../grammar/cursor.ts';
import { type FetchItem, parseFetchItems } from '../grammar/fetch-items.ts';
import { printRanges } from '../grammar/number-ranges.ts';
import { isInRanges, parseSequenceSet, rangesOf, resolveUids } from '../grammar/sequence-set.ts';
import { ok } from '../session/completion.ts';
import { possiblyKnown, vanishedSince } from '../session/vanished.ts';
import { defineCommand } from './command.ts';
import { targetsOf } from './targets.ts';

export const fetch = defineCommand({
  name: 'FETCH',
  when: 'selected',
  updates: 'noExpunge',
  parse: (cursor, { isUid }) => {
    cursor.space();
    const set = parseSequenceSet(cursor);
    cursor.space();
    const items = parseFetchItems(cursor);
    let changedSince: number | null = null;
    let isVanished = false;
    if (!cursor.isAtEnd) {
      cursor.space();
      cursor.list(() => {
        const modifier = cursor.keyword();
        if (modifier === 'VANISHED') isVanished = true;
        else if (modifier === 'CHANGEDSINCE') {
          cursor.space();
          changedSince = cursor.modseq();
        } else throw cursor.fault('Unknown modifier of FETCH');
      }, 1);
    }
    // RFC 7162 §3.2.6: only of UIDs, and only since some time.
    if (isVanished && (!isUid || changedSince === null))
      throw cursor.fault('VANISHED goes with UID FETCH and CHANGEDSINCE');
    return { set, items, changedSince: changedSince as number | null, isVanished };
  },
  run: async (session, { set, items, changedSince, isVanished }, { isUid }) => {
    if (isVanished && !session.isQresync) throw new SyntaxFault('Enable QRESYNC first');
    const isAbout = (kind: FetchItem['kind']): boolean => items.some((item) => item.kind === kind);
    const asked: FetchItem[] = [...items];
    // RFC 9051 §6.4.9: UID FETCH always tells the UID. RFC 7162 §3.1.4.1: CHANGEDSINCE always tells MODSEQ.
    if (isUid && !isAbout('UID')) asked.unshift({ kind: 'UID' });
    if (changedSince !== null && !isAbout('MODSEQ')) asked.push({ kind: 'MODSEQ' });
    if (changedSince !== null || isAbout('MODSEQ')) session.isCondstore = true;
    if (isVanished) {
      // "*" reaches to whatever had the largest UID: that message may be gone.
      const known = possiblyKnown(session.view, resolveUids(set, session.view.uidNext - 1));
      const gone = await vanishedSince(session.store, session.view, changedSince!, known);
      if (gone.length > 0) session.untagged(`VANISHED (EARLIER) ${printRanges(gone)}`);
    }
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
