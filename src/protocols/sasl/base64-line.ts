/**
 * SASL octets on a line: strict base64 (RFC 4648 §4), since a decoder that skips what it doesn't know lets two parties read different names.
 */

/** The octets, or null when the text is no base64: wrong alphabet, length or padding (RFC 4648 §3.3). */
export function decodeBase64Line(text: string): Buffer | null {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return null;
  const octets = Buffer.from(text, 'base64');
  return octets.toString('base64') === text ? octets : null;
}

/** An initial response: `=` stands for an empty one (RFC 4954 §4, RFC 4959 §3). */
export const decodeInitialResponse = (text: string): Buffer | null =>
  text === '=' ? Buffer.alloc(0) : decodeBase64Line(text);
