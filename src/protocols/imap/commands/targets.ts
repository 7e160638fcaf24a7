/** The messages that a command names, by sequence number or UID, as ranges of UIDs that the client knows of. */
import { asUid } from '../../../mail/ids.ts';
import type { UidRange } from '../../../storage/model.ts';
import { resolveSequenceNumbers, resolveUids, type SequenceSet } from '../grammar/sequence-set.ts';
import type { ImapSession } from '../session/imap-session.ts';
import { lowerBound } from '../session/uid-list.ts';

export interface Targets {
  readonly ranges: readonly UidRange[];
  /** Messages of the view in the ranges: fewer found in the record means that some are expunged. */
  readonly count: number;
}

/** @throws SyntaxFault for sequence numbers that don't exist. */
export async function targetsOf(session: ImapSession, set: SequenceSet, isUid: boolean): Promise<Targets> {
  const { view } = session;
  if (!isUid) {
    const numbers = resolveSequenceNumbers(set, view.exists);
    if (numbers.length === 0) return { ranges: [], count: 0 };
    const count = numbers.reduce((sum, { from, to }) => sum + to - from + 1, 0);
    return { ranges: await view.uidRanges(numbers), count };
  }
  const uids = await view.uids();
  const ranges: UidRange[] = [];
  let count = 0;
  for (const { from, to } of resolveUids(set, uids.at(-1) ?? 0)) {
    // Only what the client was told of: a message that came since has no sequence number yet.
    const first = lowerBound(uids, from);
    const last = lowerBound(uids, to + 1) - 1;
    if (first > last) continue;
    ranges.push({ from: asUid(uids[first]!), to: asUid(uids[last]!) });
    count += last - first + 1;
  }
  return { ranges, count };
}
