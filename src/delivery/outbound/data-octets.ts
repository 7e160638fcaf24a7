/**
 * A message as the octets that follow DATA: every line ends with CRLF, a dot that begins a line is doubled, and the last line ends.
 * RFC 5321 §4.5.2 (transparency), §2.3.8 (CR and LF only together: a bare one would let a message end where its reader doesn't see it).
 */
const CR = 13;
const LF = 10;
const DOT = 46;
const CRLF = Buffer.of(CR, LF);
const EXTRA_DOT = Buffer.of(DOT);

/** The final dot is not part of it. Memory: one chunk. */
export async function* dataOctets(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let isLineStart = true;
  let isAfterCr = false;
  for await (const chunk of source) {
    const pieces: Buffer[] = [];
    let from = 0;
    for (let i = 0; i < chunk.length; i++) {
      const octet = chunk[i]!;
      if (isAfterCr) {
        isAfterCr = false;
        if (octet === LF) {
          pieces.push(CRLF);
          from = i + 1;
          isLineStart = true;
          continue;
        }
        // A bare CR becomes a line end.
        pieces.push(CRLF);
        isLineStart = true;
      }
      if (octet === CR) {
        pieces.push(chunk.subarray(from, i));
        from = i + 1;
        isAfterCr = true;
      } else if (octet === LF) {
        pieces.push(chunk.subarray(from, i), CRLF);
        from = i + 1;
        isLineStart = true;
      } else {
        if (octet === DOT && isLineStart) {
          pieces.push(chunk.subarray(from, i), EXTRA_DOT);
          from = i;
        }
        isLineStart = false;
      }
    }
    pieces.push(chunk.subarray(from, chunk.length));
    const octets = Buffer.concat(pieces);
    if (octets.length > 0) yield octets;
  }
  if (isAfterCr || !isLineStart) yield CRLF;
}
