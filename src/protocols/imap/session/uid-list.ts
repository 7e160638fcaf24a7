/**
 * Ascending UIDs in a Uint32Array: position n holds the UID of sequence number n + 1. Pure; lists are never changed in place.
 */

/** The first position whose UID is not below `uid`. */
export function lowerBound(uids: Uint32Array, uid: number): number {
  let low = 0;
  let high = uids.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (uids[middle]! < uid) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The position of a UID, -1 when it is not there. */
export function positionOf(uids: Uint32Array, uid: number): number {
  const position = lowerBound(uids, uid);
  return uids[position] === uid ? position : -1;
}

export function appended(uids: Uint32Array, more: readonly number[]): Uint32Array {
  const list = new Uint32Array(uids.length + more.length);
  list.set(uids);
  list.set(more, uids.length);
  return list;
}

/** Without these positions, given in ascending order. */
export function withoutPositions(uids: Uint32Array, positions: readonly number[]): Uint32Array {
  const list = new Uint32Array(uids.length - positions.length);
  let from = 0;
  let to = 0;
  for (const position of positions) {
    list.set(uids.subarray(from, position), to);
    to += position - from;
    from = position + 1;
  }
  list.set(uids.subarray(from), to);
  return list;
}

/** The union with others, in any order, that may be in it already. */
export function merged(uids: Uint32Array, others: Iterable<number>): Uint32Array {
  const missing = new Set<number>();
  for (const uid of others) if (positionOf(uids, uid) === -1) missing.add(uid);
  if (missing.size === 0) return uids;
  const list = new Uint32Array(uids.length + missing.size);
  list.set(uids);
  list.set([...missing], uids.length);
  return list.sort();
}
