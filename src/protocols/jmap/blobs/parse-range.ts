/** One byte range of a Range field (RFC 9110 §14.1.2), half-open. */

export interface OctetRange {
  readonly from: number;
  readonly to: number;
}

/** Null: answer the whole, as for every Range that we don't understand (RFC 9110 §14.2). */
export function parseRange(header: string, size: number): OctetRange | 'unsatisfiable' | null {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header.trim());
  if (match === null) return null;
  const [, first, last] = match as unknown as [string, string, string];
  if (first === '') {
    if (last === '') return null;
    const length = Math.min(Number(last), size);
    return length === 0 ? 'unsatisfiable' : { from: size - length, to: size };
  }
  const from = Number(first);
  if (last !== '' && Number(last) < from) return null;
  if (from >= size) return 'unsatisfiable';
  return { from, to: last === '' ? size : Math.min(Number(last) + 1, size) };
}
