/**
 * Takes the header block off the front of a stream of octets, and hands the rest on unread. RFC 5322 §2.1: the header ends at the first empty line.
 *
 * Memory: the header block and one chunk. Refusal 'invalid' for a block beyond the limit.
 */
import { MAX_HEADER_OCTETS } from '../../mail/format/limits.ts';
import { Refusal } from '../../mail/refusal.ts';

export interface SplitMessage {
  /** With the line end of its last field, without the empty line. */
  readonly header: Buffer;
  /** From the empty line on; nothing when there is none. Reading it closes the source in the end. */
  readonly rest: AsyncIterable<Buffer>;
  /** Closes the source when nobody is going to read `rest`. */
  readonly discard: () => Promise<void>;
}

const FIRST_ROOM_OCTETS = 16 * 1024;
const LF = 10;
const CR = 13;

/** The source is closed when this throws. */
export async function splitHeader(octets: AsyncIterable<Buffer>): Promise<SplitMessage> {
  const source = octets[Symbol.asyncIterator]();
  const discard = async (): Promise<void> => void (await source.return?.());
  // Grows by doubling: octets may come in a great many tiny pieces.
  let room = Buffer.allocUnsafe(FIRST_ROOM_OCTETS);
  let length = 0;
  for (;;) {
    const next = await source.next();
    if (next.done) return { header: room.subarray(0, length), rest: continued(Buffer.alloc(0), source), discard };
    const piece = next.value;
    if (length + piece.length > room.length) {
      const wider = Buffer.allocUnsafe(Math.max(room.length * 2, length + piece.length));
      room.copy(wider, 0, 0, length);
      room = wider;
    }
    piece.copy(room, length);
    // An empty line may lie across two pieces.
    const searchFrom = Math.max(0, length - 3);
    length += piece.length;
    const held = room.subarray(0, length);
    const end = endOfHeader(held, searchFrom);
    if (end !== -1) return { header: held.subarray(0, end), rest: continued(held.subarray(end), source), discard };
    if (length > MAX_HEADER_OCTETS) {
      await discard();
      throw new Refusal('invalid', `the header is larger than ${MAX_HEADER_OCTETS} octets`);
    }
  }
}

/** Offset of the empty line, or -1. Bare LF counts as a line end: stored messages may have it. */
function endOfHeader(octets: Buffer, from: number): number {
  if (from === 0 && (octets[0] === LF || (octets[0] === CR && octets[1] === LF))) return 0;
  for (let lf = octets.indexOf(LF, from); lf !== -1; lf = octets.indexOf(LF, lf + 1)) {
    const next = octets[lf + 1];
    if (next === LF || (next === CR && octets[lf + 2] === LF)) return lf + 1;
  }
  return -1;
}

async function* continued(first: Buffer, source: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  try {
    if (first.length > 0) yield first;
    for (;;) {
      const next = await source.next();
      if (next.done) return;
      yield next.value;
    }
  } finally {
    await source.return?.();
  }
}
