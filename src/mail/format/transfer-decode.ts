// Content transfer decoding, chunk by chunk, lenient and without failure: base64 skips what is not of its alphabet and
// goes on after padding in the middle; quoted-printable keeps a lone "=" as text. Any cut of the input gives the same
// output. An unknown encoding is passed through unchanged. RFC 2045 §6

export interface TransferDecoder {
  /** The octets that are certain after this chunk. */
  write(chunk: Buffer): Buffer;
  /** The rest. */
  end(): Buffer;
}

/** `encoding` as in `PartNode.encoding`: lower-case. */
export function createTransferDecoder(encoding: string): TransferDecoder {
  switch (encoding) {
    case 'base64':
      return new Base64Decoder();
    case 'quoted-printable':
      return new QuotedPrintableDecoder();
    default:
      return IDENTITY;
  }
}

/** Whether the encoding leaves the octets as they are (RFC 2045 §6.2). */
export function isIdentityEncoding(encoding: string): boolean {
  return encoding === '7bit' || encoding === '8bit' || encoding === 'binary';
}

/** Whether `createTransferDecoder` knows the encoding; RFC 2045 §6.4: an unknown one makes the part opaque. */
export function isKnownEncoding(encoding: string): boolean {
  return isIdentityEncoding(encoding) || encoding === 'base64' || encoding === 'quoted-printable';
}

/** Decodes octets that are all there. */
export function decodeTransfer(octets: Buffer, encoding: string): Buffer {
  const decoder = createTransferDecoder(encoding);
  if (decoder === IDENTITY) return octets;
  const body = decoder.write(octets);
  const rest = decoder.end();
  return rest.length === 0 ? body : Buffer.concat([body, rest]);
}

/** Decodes a stream; nothing is gathered. */
export async function* decodeTransferStream(
  source: AsyncIterable<Buffer> | Iterable<Buffer>,
  encoding: string,
): AsyncGenerator<Buffer> {
  const decoder = createTransferDecoder(encoding);
  for await (const chunk of source) {
    const decoded = decoder.write(chunk);
    if (decoded.length > 0) yield decoded;
  }
  const rest = decoder.end();
  if (rest.length > 0) yield rest;
}

const EMPTY = Buffer.alloc(0);

const IDENTITY: TransferDecoder = {
  write: (chunk) => chunk,
  end: () => EMPTY,
};

/** RFC 2045 §6.8. Holds at most three characters. */
class Base64Decoder implements TransferDecoder {
  #held = '';

  write(chunk: Buffer): Buffer {
    let text = chunk.toString('latin1');
    if (!text.includes('=')) return this.#decode(this.#held + text.replace(/[^A-Za-z0-9+/]+/g, ''));
    text = this.#held + text.replace(/[^A-Za-z0-9+/=]+/g, '');
    this.#held = '';
    const pieces: Buffer[] = [];
    let start = 0;
    for (let pad = text.indexOf('='); pad !== -1; pad = text.indexOf('=', start)) {
      // Padding ends a quantum: what stands before it is decoded by itself.
      if (pad > start) pieces.push(Buffer.from(text.slice(start, pad), 'base64'));
      start = pad + 1;
    }
    pieces.push(this.#decode(text.slice(start)));
    return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
  }

  end(): Buffer {
    const rest = Buffer.from(this.#held, 'base64');
    this.#held = '';
    return rest;
  }

  #decode(clean: string): Buffer {
    const whole = clean.length - (clean.length % 4);
    this.#held = clean.slice(whole);
    return whole === 0 ? EMPTY : Buffer.from(whole === clean.length ? clean : clean.slice(0, whole), 'base64');
  }
}

const EQUALS = 61;
const SPACE = 32;
const TAB = 9;
const CR = 13;
const LF = 10;

/** A longer run of blanks is no trailing white space that a mailer added; it is given out as it is. */
const MAX_HELD_BLANKS = 1_024;

/** RFC 2045 §6.7. Holds an unfinished escape, or blanks that a line end would remove. */
class QuotedPrintableDecoder implements TransferDecoder {
  #held: Buffer = EMPTY;

  write(chunk: Buffer): Buffer {
    const input = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    const output = Buffer.allocUnsafe(input.length);
    const { read, written } = decodeQuotedPrintable(input, output, false);
    this.#held = read === input.length ? EMPTY : Buffer.from(input.subarray(read));
    return output.subarray(0, written);
  }

  end(): Buffer {
    const input = this.#held;
    this.#held = EMPTY;
    const output = Buffer.allocUnsafe(input.length);
    return output.subarray(0, decodeQuotedPrintable(input, output, true).written);
  }
}

function decodeQuotedPrintable(input: Buffer, output: Buffer, isLast: boolean): { read: number; written: number } {
  let written = 0;
  let at = 0;
  while (at < input.length) {
    const octet = input[at]!;
    if (octet === EQUALS) {
      const high = hexValue(input[at + 1]);
      const low = hexValue(input[at + 2]);
      if (high !== -1 && low !== -1) {
        output[written++] = high * 16 + low;
        at += 3;
        continue;
      }
      const lineEnd = endOfBlankLine(input, at + 1);
      const isUnfinished = lineEnd === -1 || (high !== -1 && at + 2 === input.length);
      if (isUnfinished && !isLast && input.length - at <= MAX_HELD_BLANKS) return { read: at, written };
      if (lineEnd > 0) {
        at = lineEnd;
        continue;
      }
      // A soft break as the very last thing stands for nothing.
      if (isLast && at + 1 === input.length) return { read: input.length, written };
      output[written++] = EQUALS;
      at += 1;
    } else if (octet === SPACE || octet === TAB || octet === CR) {
      let end = at + 1;
      while (end < input.length && isBlank(input[end]!) && end - at < MAX_HELD_BLANKS) end += 1;
      if (end === input.length && !isLast && end - at < MAX_HELD_BLANKS) return { read: at, written };
      const isCrLf = octet === CR && end === at + 1 && input[end] === LF;
      const isTrailing = octet !== CR && (input[end] === LF || (input[end] === CR && isLineEnd(input, end, isLast)));
      if (octet !== CR && input[end] === CR && end + 1 === input.length && !isLast) return { read: at, written };
      // RFC 2045 §6.7 rule 3: white space at the end of a line was added on the way and goes.
      if (isTrailing) {
        at = end;
      } else if (isCrLf) {
        output[written++] = CR;
        output[written++] = LF;
        at = end + 1;
      } else if (octet === CR) {
        output[written++] = CR;
        at += 1;
      } else {
        written += input.copy(output, written, at, end);
        at = end;
      }
    } else {
      output[written++] = octet;
      at += 1;
    }
  }
  return { read: at, written };
}

function isLineEnd(input: Buffer, at: number, isLast: boolean): boolean {
  return input[at + 1] === LF || (isLast && at + 1 === input.length);
}

/** The offset after blanks and a line end; -1 when the input ends first, 0 when something else stands there. */
function endOfBlankLine(input: Buffer, start: number): number {
  let at = start;
  while (at < input.length && isBlank(input[at]!) && at - start < MAX_HELD_BLANKS) at += 1;
  if (at >= input.length) return -1;
  if (input[at] === LF) return at + 1;
  if (input[at] !== CR) return 0;
  if (at + 1 >= input.length) return -1;
  return input[at + 1] === LF ? at + 2 : 0;
}

function isBlank(octet: number): boolean {
  return octet === SPACE || octet === TAB;
}

function hexValue(octet: number | undefined): number {
  if (octet === undefined) return -1;
  if (octet >= 48 && octet <= 57) return octet - 48;
  if (octet >= 65 && octet <= 70) return octet - 55;
  if (octet >= 97 && octet <= 102) return octet - 87;
  return -1;
}
