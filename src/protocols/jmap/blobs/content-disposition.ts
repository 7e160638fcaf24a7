/** Content-Disposition with a file name (RFC 6266 §4.3): plain ASCII for old clients, RFC 8187 §3.2 for the name as it is. */

const MAX_NAME_LENGTH = 255;

export function contentDisposition(name: string): string {
  const clean = name.slice(0, MAX_NAME_LENGTH).replace(/[\x00-\x1f\x7f]|[\ud800-\udfff]/gu, '');
  const plain = clean.replace(/[^\x20-\x7e]/g, '_').replace(/["\\%]/g, '_');
  if (plain === clean) return `attachment; filename="${plain}"`;
  return `attachment; filename="${plain}"; filename*=UTF-8''${encodeExtended(clean)}`;
}

/** RFC 8187 §3.2.1 value-chars. */
function encodeExtended(text: string): string {
  return encodeURIComponent(text).replace(/['()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}
