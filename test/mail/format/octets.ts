// Test text to wire octets.

/** Octets with every LF as CRLF. */
export function crlf(text: string): Buffer {
  return Buffer.from(text.replace(/\r?\n/g, '\r\n'), 'utf8');
}

/** Octets written one for one: \xHH stands for that octet. */
export function latin1(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}

/** Cuts octets at the given offsets (any order, out of range allowed). */
export function cutAt(octets: Buffer, offsets: readonly number[]): Buffer[] {
  const points = [...new Set(offsets.map((offset) => offset % (octets.length + 1)))].sort((a, b) => a - b);
  const pieces: Buffer[] = [];
  let from = 0;
  for (const point of [...points, octets.length]) {
    // A copy of its own, wiped after use by whoever wants to prove that nothing was kept.
    pieces.push(Buffer.from(octets.subarray(from, point)));
    from = point;
  }
  return pieces;
}

/** All of a stream. */
export async function gather(source: AsyncIterable<Buffer>): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of source) pieces.push(piece);
  return Buffer.concat(pieces);
}
