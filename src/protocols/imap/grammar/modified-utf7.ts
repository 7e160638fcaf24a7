/**
 * Mailbox names on the wire: modified UTF-7 (RFC 3501 §5.1.3), strictly: one name has one form, so that a name can't hide as another.
 */

/** The name, or null for what is no modified UTF-7: 8-bit or control octets, an open or needless shift, half a surrogate pair. */
export function decodeModifiedUtf7(octets: Buffer): string | null {
  const text = octets.toString('latin1');
  if (!/^[\x20-\x7e]*$/.test(text)) return null;
  if (!text.includes('&')) return text;
  let name = '';
  for (let at = 0; at < text.length; ) {
    const shift = text.indexOf('&', at);
    if (shift === -1) {
      name += text.slice(at);
      break;
    }
    const end = text.indexOf('-', shift);
    if (end === -1) return null;
    name += text.slice(at, shift);
    if (end === shift + 1) {
      name += '&';
    } else {
      const base64 = text.slice(shift + 1, end);
      if (!/^[A-Za-z0-9+,]+$/.test(base64)) return null;
      const utf16 = Buffer.from(base64.replaceAll(',', '/'), 'base64');
      if (utf16.length % 2 !== 0) return null;
      name += utf16.swap16().toString('utf16le');
    }
    at = end + 1;
  }
  return name.isWellFormed() && encodeModifiedUtf7(name) === text ? name : null;
}

export function encodeModifiedUtf7(name: string): string {
  if (/^[\x20-\x25\x27-\x7e]*$/.test(name)) return name;
  return name.replace(/&|[^\x20-\x7e]+/g, (run) => {
    if (run === '&') return '&-';
    const base64 = Buffer.from(run, 'utf16le').swap16().toString('base64');
    return `&${base64.replace(/=+$/, '').replaceAll('/', ',')}-`;
  });
}
