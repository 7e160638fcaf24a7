/**
 * Frames one command: lines joined with the literals they announce, within a budget that is checked before a literal is read. The message
 * literal of APPEND is not gathered but handed over to be streamed. Framing is decided here alone, by the `{n}` at a line's end: a command
 * that the grammar then refuses can't shift the border to the next one. RFC 9051 §2.2.1 and §4.3, RFC 7888.
 */

import { LineTooLong } from '../../stream/byte-reader.ts';
import type { Connection } from '../../stream/connection.ts';
import { MessageLiteral } from './message-literal.ts';

export interface FramingOptions {
  readonly maxOctets: number;
  /** Of refused literals that were sent unasked, and of lines that are too long. */
  readonly discardOctets: number;
  /** Whether the literal that `octets` (with its `{n}` and CRLF) announces is to be streamed. */
  readonly isStreamed: (octets: Buffer) => boolean;
}

export type Framed =
  | { readonly kind: 'command'; readonly octets: Buffer; readonly literal: MessageLiteral | null }
  /** Refused; the stream stands at the next command. `octets` is the beginning, for its tag. */
  | { readonly kind: 'lineTooLong' | 'literalTooLarge'; readonly octets: Buffer }
  /** Refused, and so much more would follow that only closing helps. */
  | { readonly kind: 'hopeless'; readonly octets: Buffer };

const CRLF = Buffer.from('\r\n');

interface Announcement {
  readonly octets: number;
  readonly isSynchronizing: boolean;
}

/** Reads one command, or what follows a streamed literal (`isTail`). @throws ConnectionClosed, DeadlinePassed. */
export async function readCommand(connection: Connection, options: FramingOptions): Promise<Framed> {
  const { reader, writer } = connection;
  const parts: Buffer[] = [];
  let gathered = 0;
  for (;;) {
    let line: Buffer;
    try {
      line = await reader.readLine(options.maxOctets - gathered);
    } catch (error) {
      if (!(error instanceof LineTooLong)) throw error;
      return skipLine(connection, parts[0] ?? Buffer.alloc(0), options);
    }
    const announced = literalAtEnd(line);
    if (announced === null) {
      parts.push(line);
      return { kind: 'command', octets: parts.length === 1 ? line : Buffer.concat(parts), literal: null };
    }
    parts.push(line, CRLF);
    gathered += line.length + 2;
    const octets = Buffer.concat(parts);
    if (options.isStreamed(octets)) {
      const literal = new MessageLiteral(connection, announced.octets, announced.isSynchronizing);
      return { kind: 'command', octets, literal };
    }
    if (gathered + announced.octets > options.maxOctets) return skipLiterals(connection, octets, announced, options);
    if (announced.isSynchronizing) {
      writer.text('+ OK\r\n');
      await writer.flush();
    }
    parts.push(await reader.readExactly(announced.octets));
    gathered += announced.octets;
  }
}

/** `{12}`, `{12+}`, and with `~` before them, at the end of a line. Numbers beyond any limit stay beyond any limit. */
function literalAtEnd(line: Buffer): Announcement | null {
  if (line[line.length - 1] !== 125) return null;
  const match = /\{(\d{1,19})(\+?)\}$/.exec(line.toString('latin1', Math.max(0, line.length - 24)));
  return match && { octets: Number(match[1]), isSynchronizing: match[2] === '' };
}

async function skipLine(connection: Connection, head: Buffer, options: FramingOptions): Promise<Framed> {
  // A short look at the beginning, for the tag, before it goes.
  const octets = head.length > 0 ? head : await connection.reader.readSome(256);
  if (octets.includes(10) && head.length === 0) return { kind: 'hopeless', octets };
  const tail = await connection.reader.skipLine(options.discardOctets);
  if (tail === null) return { kind: 'hopeless', octets };
  const announced = literalAtEnd(tail);
  if (announced === null || announced.isSynchronizing) return { kind: 'lineTooLong', octets };
  return { ...(await skipLiterals(connection, octets, announced, options)), kind: 'lineTooLong' };
}

/** RFC 7888 §4: octets that were sent unasked have to be read away, and the rest of the command with them. */
async function skipLiterals(
  connection: Connection,
  octets: Buffer,
  first: Announcement,
  options: FramingOptions,
): Promise<Framed & { readonly kind: 'literalTooLarge' | 'hopeless' }> {
  let budget = options.discardOctets;
  for (let announced: Announcement | null = first; announced !== null && !announced.isSynchronizing; ) {
    budget -= announced.octets;
    if (budget < 0) return { kind: 'hopeless', octets };
    await new MessageLiteral(connection, announced.octets, false).discard();
    const tail = await connection.reader.skipLine(budget);
    if (tail === null) return { kind: 'hopeless', octets };
    budget -= tail.length;
    announced = literalAtEnd(tail);
  }
  return { kind: 'literalTooLarge', octets };
}

/** The tag that a refused command began with, or '*'. */
export function tagOf(octets: Buffer): string {
  return /^([^\x00-\x20(){%*"\\+\x7f-\xff]{1,64}) /.exec(octets.toString('latin1', 0, 66))?.[1] ?? '*';
}
