/**
 * HEADER.FIELDS and HEADER.FIELDS.NOT (RFC 9051 §6.4.5.1): the fields as they stand in the header, in its order, and the blank line. Pure.
 */
import { parseHeaderBlock } from '../../../mail/format/header-block.ts';

const CRLF = Buffer.from('\r\n');
const LF = 10;

/** `names` in any case. */
export function selectFields(header: Buffer, names: readonly string[], isNot: boolean): Buffer {
  const wanted = new Set(names.map((name) => name.toLowerCase()));
  const pieces: Buffer[] = [];
  for (const field of parseHeaderBlock(header).fields) {
    if (wanted.has(field.key) === isNot) continue;
    const octets = header.subarray(field.start, field.end);
    pieces.push(octets);
    if (octets[octets.length - 1] !== LF) pieces.push(CRLF);
  }
  pieces.push(CRLF);
  return Buffer.concat(pieces);
}
