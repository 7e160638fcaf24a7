// Content transfer encoding, chunk by chunk; lines end in CRLF. Any cut of the input gives the same output, and
// decoding gives the input back. RFC 2045 §6.7, §6.8

export interface TransferEncoder {
  write(chunk: Buffer): Buffer;
  end(): Buffer;
}

export type WrittenEncoding = '7bit' | '8bit' | 'quoted-printable' | 'base64';

const EMPTY = Buffer.alloc(0);
const CRLF = Buffer.from('\r\n');
const CR = 13;
const LF = 10;

/** 57 octets are 76 characters, the longest line of RFC 2045 §6.8. */
const OCTETS_PER_LINE = 57;

/** CRLF stands between the lines, not after the last one. */
export class Base64Encoder implements TransferEncoder {
  #held: Buffer = EMPTY;
  #isFirst = true;

  write(chunk: Buffer): Buffer {
    const input = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    const whole = input.length - (input.length % OCTETS_PER_LINE);
    this.#held = Buffer.from(input.subarray(whole));
    return this.#lines(input.subarray(0, whole));
  }

  end(): Buffer {
    const rest = this.#held;
    this.#held = EMPTY;
    return this.#lines(rest);
  }

  #lines(octets: Buffer): Buffer {
    if (octets.length === 0) return EMPTY;
    const lines = octets.toString('base64').replace(/.{76}(?=.)/g, '$&\r\n');
    const before = this.#isFirst ? '' : '\r\n';
    this.#isFirst = false;
    return Buffer.from(before + lines, 'latin1');
  }
}

const MAX_LINE = 76;
const HEX = '0123456789ABCDEF';

/**
 * Quoted-printable. `isText`: CR, LF and CRLF are line ends and stay line ends (as CRLF); otherwise they are octets
 * like any other and are escaped (RFC 2045 §6.7 rule 4).
 */
export class QuotedPrintableEncoder implements TransferEncoder {
  readonly #isText: boolean;
  #column = 0;
  /** A blank that is escaped when the line ends after it (RFC 2045 §6.7 rule 3); -1 for none. */
  #blank = -1;
  #isAfterCr = false;

  constructor(isText: boolean) {
    this.#isText = isText;
  }

  write(chunk: Buffer): Buffer {
    // At worst each octet is escaped and every 25th brings a soft line break.
    const output = Buffer.allocUnsafe(chunk.length * 4 + 16);
    let length = 0;
    for (const octet of chunk) {
      if (this.#isText && (octet === CR || octet === LF)) {
        const isSecondOfCrLf = octet === LF && this.#isAfterCr;
        this.#isAfterCr = octet === CR;
        if (isSecondOfCrLf) continue;
        length = this.#putBlank(output, length, true);
        length += CRLF.copy(output, length);
        this.#column = 0;
        continue;
      }
      this.#isAfterCr = false;
      length = this.#putBlank(output, length, false);
      if (octet === 32 || octet === 9) this.#blank = octet;
      else length = this.#put(output, length, octet, octet < 32 || octet > 126 || octet === 61);
    }
    return output.subarray(0, length);
  }

  end(): Buffer {
    const output = Buffer.allocUnsafe(16);
    return output.subarray(0, this.#putBlank(output, 0, true));
  }

  #putBlank(output: Buffer, start: number, isLineEnd: boolean): number {
    if (this.#blank === -1) return start;
    const octet = this.#blank;
    this.#blank = -1;
    return this.#put(output, start, octet, isLineEnd);
  }

  #put(output: Buffer, start: number, octet: number, isEscaped: boolean): number {
    let length = start;
    const width = isEscaped ? 3 : 1;
    if (this.#column + width > MAX_LINE - 1) {
      length += output.write('=\r\n', length, 'latin1');
      this.#column = 0;
    }
    // A dot alone at the start of a line and "From " are hazards of transport (RFC 2049 §3): they are escaped.
    const isHazard = this.#column === 0 && !isEscaped && (octet === 46 || octet === 70 || octet === 45);
    if (isEscaped || isHazard) {
      output[length++] = 61;
      output[length++] = HEX.charCodeAt(octet >> 4);
      output[length++] = HEX.charCodeAt(octet & 15);
      this.#column += 3;
    } else {
      output[length++] = octet;
      this.#column += 1;
    }
    return length;
  }
}

/** 7bit and 8bit text: line ends become CRLF, nothing else changes. */
export class LineEndEncoder implements TransferEncoder {
  #isAfterCr = false;

  write(chunk: Buffer): Buffer {
    const output = Buffer.allocUnsafe(chunk.length * 2);
    let length = 0;
    for (const octet of chunk) {
      const isSecondOfCrLf = octet === LF && this.#isAfterCr;
      this.#isAfterCr = octet === CR;
      if (isSecondOfCrLf) continue;
      if (octet === CR || octet === LF) length += CRLF.copy(output, length);
      else output[length++] = octet;
    }
    return output.subarray(0, length);
  }

  end(): Buffer {
    return EMPTY;
  }
}

/** Encodes octets that are all there. */
export function encodeTransfer(octets: Buffer, encoder: TransferEncoder): Buffer {
  return Buffer.concat([encoder.write(octets), encoder.end()]);
}

/**
 * The plainest encoding that carries a text safely over 7-bit transport: 7bit for short ASCII lines, else
 * quoted-printable, or base64 where most octets would be escaped (RFC 2045 §6.7).
 */
export function chooseTextEncoding(octets: Buffer): '7bit' | 'quoted-printable' | 'base64' {
  let escaped = 0;
  let lineStart = 0;
  let isPlain = true;
  for (let i = 0; i < octets.length; i += 1) {
    const octet = octets[i]!;
    if (octet === LF || octet === CR) {
      if (i - lineStart > MAX_PLAIN_LINE) isPlain = false;
      lineStart = i + 1;
    } else if (octet > 126 || (octet < 32 && octet !== 9)) escaped += 1;
  }
  if (octets.length - lineStart > MAX_PLAIN_LINE) isPlain = false;
  if (escaped === 0 && isPlain) return '7bit';
  return escaped * 2 > octets.length ? 'base64' : 'quoted-printable';
}

/** RFC 5322 §2.1.1: 998 is the limit of a line; some transports count in characters of their own, so stay below. */
const MAX_PLAIN_LINE = 900;
