/**
 * Sequence sets (RFC 9051 §9 sequence-set): as written, then as ascending disjoint ranges of numbers or UIDs once the mailbox is known.
 */
import { asUid } from '../../../mail/ids.ts';
import type { UidRange } from '../../../storage/model.ts';
import { MAX_SEQUENCE_ELEMENTS } from '../limits.ts';
import type { Cursor } from './cursor.ts';
import { SyntaxFault } from './cursor.ts';

/** '*' is the largest number in use. */
export type SequenceNumber = number | '*';
export interface SequenceElement {
  readonly from: SequenceNumber;
  /** Equal to `from` for a single number; may be smaller. */
  readonly to: SequenceNumber;
}
export type SequenceSet = readonly SequenceElement[];

/** Ascending, disjoint, inclusive. */
export interface NumberRange {
  readonly from: number;
  readonly to: number;
}

export function parseSequenceSet(cursor: Cursor): SequenceSet {
  const elements: SequenceElement[] = [];
  do {
    if (elements.length === MAX_SEQUENCE_ELEMENTS) throw cursor.fault('Too many elements in the sequence set');
    const from = sequenceNumber(cursor);
    elements.push({ from, to: cursor.takes(':') ? sequenceNumber(cursor) : from });
  } while (cursor.takes(','));
  return elements;
}

function sequenceNumber(cursor: Cursor): SequenceNumber {
  if (cursor.takes('*')) return '*';
  const value = cursor.number();
  if (value === 0) throw cursor.fault('Zero is no message number');
  return value;
}

export function printSequenceSet(set: SequenceSet): string {
  return set.map(({ from, to }) => (from === to ? `${from}` : `${from}:${to}`)).join(',');
}

/**
 * Message sequence numbers of a mailbox of `exists` messages. An empty mailbox has none, whatever was asked: '1:*' is what clients send
 * without looking. @throws SyntaxFault for a number beyond the last (RFC 9051 §9: seq-number MUST be valid), unless '*' bounds the range.
 */
export function resolveSequenceNumbers(set: SequenceSet, exists: number): NumberRange[] {
  if (exists === 0) return [];
  const ranges: NumberRange[] = [];
  for (const { from, to } of set) {
    const isOpen = from === '*' || to === '*';
    const a = from === '*' ? exists : from;
    const b = to === '*' ? exists : to;
    if (!isOpen && Math.max(a, b) > exists) throw new SyntaxFault('No such message sequence number');
    ranges.push({ from: Math.min(a, b, exists), to: Math.min(Math.max(a, b), exists) });
  }
  return normalised(ranges);
}

/** UIDs, where '*' is `maxUid` and numbers of no message are no error (RFC 9051 §6.4.9). Empty in an empty mailbox (`maxUid` 0). */
export function resolveUids(set: SequenceSet, maxUid: number): UidRange[] {
  if (maxUid === 0) return [];
  const ranges: NumberRange[] = [];
  for (const { from, to } of set) {
    const a = from === '*' ? maxUid : from;
    const b = to === '*' ? maxUid : to;
    ranges.push({ from: Math.min(a, b), to: Math.max(a, b) });
  }
  return normalised(ranges) as unknown as UidRange[];
}

/** Ascending, with what overlaps or touches joined. */
export function normalised(ranges: readonly NumberRange[]): NumberRange[] {
  const sorted = ranges.toSorted((a, b) => a.from - b.from);
  const joined: { from: number; to: number }[] = [];
  for (const { from, to } of sorted) {
    const last = joined.at(-1);
    if (last !== undefined && from <= last.to + 1) last.to = Math.max(last.to, to);
    else joined.push({ from, to });
  }
  return joined;
}

/** The shortest set for ascending numbers: `1:3,7`. */
export function printNumbers(ascending: Iterable<number>): string {
  let text = '';
  let from = -1;
  let to = -1;
  const close = (): void => {
    if (from !== -1) text += `${text === '' ? '' : ','}${from === to ? from : `${from}:${to}`}`;
  };
  for (const number of ascending) {
    if (number === to + 1 && from !== -1) {
      to = number;
      continue;
    }
    close();
    from = number;
    to = number;
  }
  close();
  return text;
}

/** Ranges of ascending UIDs. */
export function rangesOf(ascending: Iterable<number>): UidRange[] {
  const ranges: { from: number; to: number }[] = [];
  for (const uid of ascending) {
    const last = ranges.at(-1);
    if (last !== undefined && uid === last.to + 1) last.to = uid;
    else ranges.push({ from: uid, to: uid });
  }
  return ranges.map(({ from, to }) => ({ from: asUid(from), to: asUid(to) }));
}

export function isInRanges(ranges: readonly NumberRange[], number: number): boolean {
  let low = 0;
  let high = ranges.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const range = ranges[middle]!;
    if (number < range.from) high = middle - 1;
    else if (number > range.to) low = middle + 1;
    else return true;
  }
  return false;
}
