/**
 * I-JSON from the wire (RFC 7493, RFC 8620 §1.7). Promise: whatever comes back is a tree of bounded depth whose objects have no prototype, so that
 * `__proto__` and `constructor` are keys like any other. Fails with NotJson. Of duplicate keys the last one counts.
 */

export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json;
}

export class NotJson extends Error {
  override readonly name = 'NotJson';
}

/** Deeper than any filter or body structure that makes sense. */
export const MAX_JSON_DEPTH = 64;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

export function parseJson(octets: Buffer): Json {
  checkDepth(octets);
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(octets);
  } catch (cause) {
    throw new NotJson('The body is not UTF-8.', { cause });
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new NotJson('The body is not JSON.', { cause });
  }
  harden(value);
  return value as Json;
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A plain object for answers, whose keys may be chosen by a client. */
export function objectOf<T>(entries: Iterable<readonly [string, T]>): Record<string, T> {
  const object: Record<string, T> = Object.create(null);
  for (const [key, value] of entries) object[key] = value;
  return object;
}

/** Before the parser sees it: a flood of brackets must not become a tree first. */
function checkDepth(octets: Buffer): void {
  let depth = 0;
  for (let i = 0; i < octets.length; i++) {
    const octet = octets[i]!;
    if (octet === QUOTE) {
      i = endOfString(octets, i + 1);
    } else if (octet === 0x5b || octet === 0x7b) {
      depth += 1;
      if (depth > MAX_JSON_DEPTH) throw new NotJson(`The body nests deeper than ${MAX_JSON_DEPTH} levels.`);
    } else if (octet === 0x5d || octet === 0x7d) {
      depth -= 1;
    }
  }
}

/** The offset of the closing quote. */
function endOfString(octets: Buffer, start: number): number {
  for (let from = start; ; ) {
    const end = octets.indexOf(QUOTE, from);
    if (end === -1) return octets.length;
    let slashes = 0;
    while (octets[end - 1 - slashes] === BACKSLASH && end - 1 - slashes >= start) slashes += 1;
    if (slashes % 2 === 0) return end;
    from = end + 1;
  }
}

/** Takes prototypes off and refuses what I-JSON forbids: a lone surrogate (RFC 7493 §2.1). Depth is bounded already. */
function harden(value: unknown): void {
  if (typeof value === 'string') checkText(value);
  if (typeof value !== 'object' || value === null) return;
  if (Array.isArray(value)) {
    for (const item of value) harden(item);
    return;
  }
  Object.setPrototypeOf(value, null);
  for (const key in value) {
    checkText(key);
    harden((value as Record<string, unknown>)[key]);
  }
}

function checkText(text: string): void {
  if (/[\ud800-\udfff]/u.test(text)) throw new NotJson('The body holds half a surrogate pair.');
}
