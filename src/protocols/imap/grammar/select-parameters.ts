/**
 * The parameters of SELECT and EXAMINE (RFC 4466 §2.1): CONDSTORE (RFC 7162 §3.1.8) and
 * QRESYNC (uidvalidity modseq [known-uids [(known-numbers their-uids)]]) (RFC 7162 §3.2.5). Pure.
 */
import type { Cursor } from './cursor.ts';
import { countOf, type SequenceMatch } from './number-ranges.ts';
import { type NumberRange, normalised, parseSequenceSet } from './sequence-set.ts';

export interface QresyncParameter {
  readonly uidValidity: number;
  readonly modseq: number;
  /** Null: as if all were named. */
  readonly known: readonly NumberRange[] | null;
  readonly match: SequenceMatch | null;
}

export interface SelectParameters {
  readonly isCondstore: boolean;
  readonly qresync: QresyncParameter | null;
}

/** To the end of the command. @throws SyntaxFault. */
export function parseSelectParameters(cursor: Cursor): SelectParameters {
  if (cursor.isAtEnd) return { isCondstore: false, qresync: null };
  cursor.space();
  let isCondstore = false;
  let qresync = null as QresyncParameter | null;
  cursor.list(() => {
    const name = cursor.keyword();
    if (name === 'CONDSTORE') isCondstore = true;
    else if (name === 'QRESYNC') {
      cursor.space();
      qresync = cursor.nested(() => parseQresync(cursor));
    } else throw cursor.fault('Unknown parameter');
  }, 1);
  return { isCondstore, qresync };
}

function parseQresync(cursor: Cursor): QresyncParameter {
  const uidValidity = cursor.number();
  cursor.space();
  const modseq = cursor.modseq();
  if (uidValidity === 0 || modseq === 0) throw cursor.fault('Zero is neither a UIDVALIDITY nor a mod-sequence');
  let known: readonly NumberRange[] | null = null;
  let match: SequenceMatch | null = null;
  if (!cursor.isAtClose) {
    cursor.space();
    // RFC 7162 §7 lets the match data stand without the known UIDs.
    if (!cursor.isAtList) {
      known = parseRanges(cursor);
      if (!cursor.isAtClose) cursor.space();
    }
    if (cursor.isAtList) match = cursor.nested(() => parseMatch(cursor));
  }
  return { uidValidity, modseq, known, match };
}

function parseMatch(cursor: Cursor): SequenceMatch {
  const numbers = parseRanges(cursor);
  cursor.space();
  const uids = parseRanges(cursor);
  if (countOf(numbers) !== countOf(uids)) throw cursor.fault('As many UIDs as message numbers are expected');
  return { numbers, uids };
}

/** A set without "*", which stands for nothing that a client can know. */
function parseRanges(cursor: Cursor): readonly NumberRange[] {
  return normalised(
    parseSequenceSet(cursor).map(({ from, to }) => {
      if (from === '*' || to === '*') throw cursor.fault('"*" is not allowed here');
      return { from: Math.min(from, to), to: Math.max(from, to) };
    }),
  );
}
