// Writes a message from header fields and a tree of parts, as a stream: bodies are read when their turn comes and never
// gathered. CRLF only, lines folded, every part in an encoding that survives 7-bit transport unless the caller says
// otherwise. Date, Message-ID and MIME-Version are added when they are missing. Fails only if a body's source fails.
// RFC 5322, RFC 2045, RFC 2046

import { isAscii } from 'node:buffer';
import { dateField, messageIdField } from './header-fields.ts';
import { parameterField } from './parameter-fields.ts';
import type { Disposition, Parameter } from './structure.ts';
import {
  Base64Encoder,
  chooseTextEncoding,
  LineEndEncoder,
  QuotedPrintableEncoder,
  type TransferEncoder,
  type WrittenEncoding,
} from './transfer-encode.ts';

/** A body: text, octets, or a source that is opened when the part is written. */
export type BodySource = string | Buffer | (() => AsyncIterable<Buffer>);

export interface ComposedLeaf {
  readonly kind: 'leaf';
  /** `text/plain`, `application/pdf`; the charset of a string body is added as utf-8. */
  readonly mediaType: string;
  readonly params?: readonly Parameter[];
  /** Null: chosen from the body; streamed bodies become base64, streamed messages 8bit. */
  readonly encoding?: WrittenEncoding | null;
  readonly disposition?: Pick<Disposition, 'type' | 'params'> | null;
  /** More fields of the part's header, whole and folded, ending in CRLF (see header-fields.ts). */
  readonly fields?: readonly string[];
  readonly body: BodySource;
}

export interface ComposedMultipart {
  readonly kind: 'multipart';
  /** `mixed`, `alternative`, `related`, `report`, ... */
  readonly subtype: string;
  readonly params?: readonly Parameter[];
  readonly fields?: readonly string[];
  /** At least one (RFC 2046 §5.1.1); an empty list is written as one empty text part. */
  readonly parts: readonly ComposedPart[];
}

export type ComposedPart = ComposedLeaf | ComposedMultipart;

export interface ComposedMessage {
  /** Whole folded fields ending in CRLF, in the order to write. */
  readonly fields: readonly string[];
  readonly body: ComposedPart;
}

export interface ComposeContext {
  readonly now: Date;
  /** That many random octets. */
  readonly random: (octets: number) => Buffer;
  /** Right side of a generated Message-ID. */
  readonly domain: string;
}

/** The octets of the message, in pieces. */
export async function* composeMessage(message: ComposedMessage, context: ComposeContext): AsyncGenerator<Buffer> {
  const names = new Set(message.fields.map((field) => field.slice(0, field.indexOf(':')).toLowerCase()));
  let header = message.fields.join('');
  if (!names.has('date')) header += dateField('Date', { date: context.now, zoneMinutes: 0 });
  if (!names.has('message-id')) header += messageIdField('Message-ID', [newMessageId(context)]);
  if (!names.has('mime-version')) header += 'MIME-Version: 1.0\r\n';
  yield Buffer.from(header, 'utf8');
  yield* composePart(message.body, context, true);
}

/** A message id that was never used before, without brackets (RFC 5322 §3.6.4). */
export function newMessageId(context: ComposeContext): string {
  return `${context.now.getTime().toString(36)}.${context.random(12).toString('hex')}@${context.domain}`;
}

/** The part's MIME fields, the blank line and the body. */
async function* composePart(part: ComposedPart, context: ComposeContext, isRoot: boolean): AsyncGenerator<Buffer> {
  if (part.kind === 'leaf') yield* composeLeaf(part, isRoot);
  else yield* composeMultipart(part, context);
}

async function* composeMultipart(part: ComposedMultipart, context: ComposeContext): AsyncGenerator<Buffer> {
  // "=_" occurs in no base64 and no quoted-printable body; the random octets keep it out of all others.
  const boundary = `=_${context.random(18).toString('base64url')}`;
  const params = (part.params ?? []).filter(([name]) => name !== 'boundary');
  let header = parameterField('Content-Type', `multipart/${part.subtype}`, [...params, ['boundary', boundary]]);
  // RFC 2045 §6.4: a multipart is at least as wide as what it holds.
  if (holdsEightBit(part)) header += 'Content-Transfer-Encoding: 8bit\r\n';
  yield Buffer.from(`${header}${(part.fields ?? []).join('')}\r\n`, 'utf8');
  const parts = part.parts.length === 0 ? [EMPTY_TEXT] : part.parts;
  for (const [index, child] of parts.entries()) {
    yield Buffer.from(`${index === 0 ? '' : '\r\n'}--${boundary}\r\n`, 'latin1');
    yield* composePart(child, context, false);
  }
  yield Buffer.from(`\r\n--${boundary}--\r\n`, 'latin1');
}

const EMPTY_TEXT: ComposedLeaf = { kind: 'leaf', mediaType: 'text/plain', body: '' };

async function* composeLeaf(part: ComposedLeaf, isRoot: boolean): AsyncGenerator<Buffer> {
  const encoding = encodingOf(part);
  let params = part.params ?? [];
  if (typeof part.body === 'string' && part.mediaType.startsWith('text/')) {
    params = [...params.filter(([name]) => name !== 'charset'), ['charset', 'utf-8']];
  }
  let header = parameterField('Content-Type', part.mediaType, params);
  if (encoding !== '7bit') header += `Content-Transfer-Encoding: ${encoding}\r\n`;
  if (part.disposition) {
    header += parameterField('Content-Disposition', part.disposition.type, part.disposition.params);
  }
  yield Buffer.from(`${header}${(part.fields ?? []).join('')}\r\n`, 'utf8');
  const encoder = encoderFor(encoding, part.mediaType.startsWith('text/'));
  const tail = new LineEndWatch();
  for await (const chunk of chunksOf(part.body)) {
    const encoded = encoder.write(chunk);
    tail.see(encoded);
    if (encoded.length > 0) yield encoded;
  }
  const rest = encoder.end();
  tail.see(rest);
  if (rest.length > 0) yield rest;
  // A message ends in a line end. Quoted-printable can add one that means nothing; in plain text it is one more.
  if (isRoot && !tail.isAtLineStart) yield Buffer.from(encoding === 'quoted-printable' ? '=\r\n' : '\r\n', 'latin1');
}

class LineEndWatch {
  isAtLineStart = true;

  see(octets: Buffer): void {
    if (octets.length > 0) this.isAtLineStart = octets[octets.length - 1] === 10;
  }
}

async function* chunksOf(body: BodySource): AsyncGenerator<Buffer> {
  if (typeof body === 'function') {
    yield* body();
    return;
  }
  const octets = typeof body === 'string' ? Buffer.from(body, 'utf8') : body;
  for (let at = 0; at < octets.length; at += SLICE) yield octets.subarray(at, at + SLICE);
}

const SLICE = 65_536;

function encodingOf(part: ComposedLeaf): WrittenEncoding {
  if (part.encoding) return part.encoding;
  // RFC 2046 §5.2.1: an embedded message is never encoded.
  const isMessage = part.mediaType === 'message/rfc822' || part.mediaType === 'message/global';
  if (typeof part.body === 'function') return isMessage ? '8bit' : 'base64';
  const octets = typeof part.body === 'string' ? Buffer.from(part.body, 'utf8') : part.body;
  if (isMessage) return isAscii(octets) ? '7bit' : '8bit';
  if (part.mediaType.startsWith('text/')) return chooseTextEncoding(octets);
  // The other message types (delivery status, headers) are lines of text as well (RFC 3464 §2.1).
  if (part.mediaType.startsWith('message/')) return chooseTextEncoding(octets) === '7bit' ? '7bit' : '8bit';
  return 'base64';
}

function encoderFor(encoding: WrittenEncoding, isText: boolean): TransferEncoder {
  switch (encoding) {
    case 'base64':
      return new Base64Encoder();
    case 'quoted-printable':
      return new QuotedPrintableEncoder(isText);
    case '7bit':
    case '8bit':
      return new LineEndEncoder();
    default:
      return encoding satisfies never;
  }
}

function holdsEightBit(part: ComposedPart): boolean {
  return part.kind === 'leaf' ? encodingOf(part) === '8bit' : part.parts.some(holdsEightBit);
}
