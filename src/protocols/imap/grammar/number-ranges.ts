/**
 * Arithmetic of ascending, disjoint ranges of UIDs and message numbers, as QRESYNC needs it (RFC 7162 §3.2.5). Pure; the cost is that of the
 * ranges, never of the numbers in them, since a client may name four thousand million.
 */
import type { NumberRange } from './sequence-set.ts';

/** RFC 9051 §9 nz-number. */
export const MAX_UID = 0xffff_ffff;

/** What ascending UIDs leave out of 1 to `end` - 1. */
export function gapsOf(uids: Uint32Array, end: number): NumberRange[] {
  const gaps: NumberRange[] = [];
  let next = 1;
  for (const uid of uids) {
    if (uid > next) gaps.push({ from: next, to: uid - 1 });
    next = uid + 1;
  }
  if (next < end) gaps.push({ from: next, to: end - 1 });
  return gaps;
}

/** Numbers in both of two ascending disjoint lists of ranges. */
export function intersected(a: readonly NumberRange[], b: readonly NumberRange[]): NumberRange[] {
  const both: NumberRange[] = [];
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    const from = Math.max(a[i]!.from, b[j]!.from);
    const to = Math.min(a[i]!.to, b[j]!.to);
    if (from <= to) both.push({ from, to });
    if (a[i]!.to < b[j]!.to) i += 1;
    else j += 1;
  }
  return both;
}

/** Message numbers and the UIDs that a client remembers at them (RFC 7162 §3.2.5.2), both ascending and equally many. */
export interface SequenceMatch {
  readonly numbers: readonly NumberRange[];
  readonly uids: readonly NumberRange[];
}

/**
 * The largest UID that still has the message number that the client remembers, 0 when none has: what is gone lies above it, since numbers
 * below it would have moved otherwise (RFC 7162 §3.2.5.2). */
export function lastMatchingUid(uids: Uint32Array, match: SequenceMatch): number {
  let last = 0;
  let i = 0;
  let used = 0;
  for (const { from, to } of match.uids) {
    for (let uid = from; uid <= to; uid++) {
      const range = match.numbers[i];
      const number = range === undefined ? Number.POSITIVE_INFINITY : range.from + used;
      if (number > uids.length) return last;
      if (uids[number - 1] === uid) last = uid;
      used += 1;
      if (range !== undefined && range.from + used > range.to) {
        i += 1;
        used = 0;
      }
    }
  }
  return last;
}

export function countOf(ranges: readonly NumberRange[]): number {
  return ranges.reduce((sum, { from, to }) => sum + to - from + 1, 0);
}

/** `1:3,7`. */
export function printRanges(ranges: readonly NumberRange[]): string {
  return ranges.map(({ from, to }) => (from === to ? `${from}` : `${from}:${to}`)).join(',');
}
