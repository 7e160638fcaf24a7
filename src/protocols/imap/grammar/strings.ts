/**
 * Strings as the server writes them: atom, quoted or literal, whichever is the plainest that holds the octets (RFC 9051 §4.3). The result
 * is text of which each character is one octet; 8-bit text becomes the octets of its UTF-8 inside a literal.
 */

/** Quoted strings longer than this are hard on clients with fixed buffers. */
const MAX_QUOTED = 1_000;

/** A quoted string, or a literal where it can't be one. */
export function printString(text: string): string {
  if (text.length <= MAX_QUOTED && /^[\x01-\x09\x0b\x0c\x0e-\x7f]*$/.test(text)) {
    return text.includes('"') || text.includes('\\') ? `"${text.replace(/["\\]/g, '\\$&')}"` : `"${text}"`;
  }
  // NUL can be in no string of RFC 3501; it has no meaning in any header value either.
  const octets = Buffer.from(text.replaceAll('\0', ''), 'utf8');
  return `{${octets.length}}\r\n${octets.toString('latin1')}`;
}

export const printNstring = (text: string | null): string => (text === null ? 'NIL' : printString(text));

/** An atom when it can be one. */
export function printAstring(text: string): string {
  return /^[A-Za-z0-9!#$&'+,\-./:;<=>?@[\]^_`|}~]+$/.test(text) && text.toUpperCase() !== 'NIL'
    ? text
    : printString(text);
}

/** Text of a response: one line of ASCII. */
export function printText(text: string): string {
  return text.replace(/[^\x20-\x7e]+/g, '?').slice(0, 400);
}
