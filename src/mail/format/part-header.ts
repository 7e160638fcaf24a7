// The MIME fields of a header block to a part of the tree: type, encoding, disposition and the rest, with the defaults
// of RFC 2045 §5.2 and RFC 2046 §5.1.5 (digest). Values are bounded. Never throws.

import { type FieldsByName, firstText } from './envelope-fields.ts';
import { MAX_PARAMETER_LENGTH } from './limits.ts';
import { type MediaType, parseDisposition, parseMediaType } from './parameters.ts';
import type { EmbeddedMessage, Parameter, PartNode } from './structure.ts';

/** A part under construction. */
export type PartDraft = { -readonly [Key in keyof PartNode]: PartNode[Key] } & { children: PartDraft[] };

const NO_PARAMS: readonly Parameter[] = Object.freeze([]);
const NO_LANGUAGE: readonly string[] = Object.freeze([]);
const NO_MESSAGE: EmbeddedMessage | null = null;

/** RFC 2045 §5.2. */
const TEXT_PLAIN: MediaType = {
  type: 'text',
  subtype: 'plain',
  params: Object.freeze([['charset', 'us-ascii'] as const]),
  rawParams: null,
};

const MESSAGE: MediaType = { type: 'message', subtype: 'rfc822', params: NO_PARAMS, rawParams: null };

/** `isDigestPart`: the parent is a multipart/digest, where the default type is message/rfc822. */
export function partFromHeader(
  fields: FieldsByName,
  headerStart: number,
  bodyStart: number,
  isDigestPart: boolean,
): PartDraft {
  const typeText = firstText(fields, 'content-type');
  // RFC 2045 §5.2: a missing or broken Content-Type means plain text.
  const media = (typeText === null ? null : parseMediaType(typeText)) ?? (isDigestPart ? MESSAGE : TEXT_PLAIN);
  const dispositionText = firstText(fields, 'content-disposition');
  return {
    type: media.type,
    subtype: media.subtype,
    params: media.params,
    rawParams: media.rawParams,
    id: bounded(firstText(fields, 'content-id')),
    description: bounded(firstText(fields, 'content-description')),
    encoding: encodingOf(firstText(fields, 'content-transfer-encoding')),
    disposition: dispositionText === null ? null : parseDisposition(dispositionText),
    language: languages(firstText(fields, 'content-language')),
    location: bounded(firstText(fields, 'content-location')),
    md5: bounded(firstText(fields, 'content-md5')),
    headerStart,
    bodyStart,
    end: bodyStart,
    lines: null,
    children: [],
    message: NO_MESSAGE,
  };
}

/** Octets that are not looked into: what lies beyond a limit. */
export function opaquePart(headerStart: number, bodyStart: number): PartDraft {
  const part = partFromHeader(new Map(), headerStart, bodyStart, false);
  becomeOpaque(part);
  return part;
}

/** RFC 2046 §4.5.1: octets of unknown meaning. The header's other values stay. */
export function becomeOpaque(part: PartDraft): void {
  part.type = 'application';
  part.subtype = 'octet-stream';
  part.params = NO_PARAMS;
  part.rawParams = null;
}

/** RFC 2045 §5.2: what can't be understood as its type is shown as plain text. */
export function becomePlainText(part: PartDraft): void {
  part.type = 'text';
  part.subtype = 'plain';
  part.params = TEXT_PLAIN.params;
  part.rawParams = null;
}

function bounded(text: string | null): string | null {
  return text === null || text === '' ? null : text.slice(0, MAX_PARAMETER_LENGTH);
}

function encodingOf(text: string | null): string {
  if (text === null) return '7bit';
  return /[^\s;("',]{1,64}/.exec(text.slice(0, 256))?.[0]?.toLowerCase() ?? '7bit';
}

/** RFC 3282: tags between commas. */
function languages(text: string | null): readonly string[] {
  if (text === null) return NO_LANGUAGE;
  const tags = text
    .slice(0, MAX_PARAMETER_LENGTH)
    .split(/[\s,]+/)
    .filter((tag) => /^[A-Za-z0-9-]{1,64}$/.test(tag));
  return tags.length === 0 ? NO_LANGUAGE : tags;
}
