/**
 * Envelope addresses (RFC 5321 §4.1.2, RFC 6531 §3.3): a checked local part and domain. What passes here holds no control character, space
 * or bracket outside a quoted string, so that it can't inject a command where it is written to a socket.
 */
import { domainToASCII } from 'node:url';

/** RFC 5321 §4.5.3.1.1, §4.5.3.1.2 and §4.5.3.1.3. */
export const MAX_LOCAL_PART_OCTETS = 64;
export const MAX_DOMAIN_OCTETS = 255;
export const MAX_PATH_OCTETS = 254;

export interface Address {
  /** As it was written, case kept; quoted where it must be. */
  readonly local: string;
  /** Lower-case A-labels, or an address literal in brackets. */
  readonly domain: string;
}

const ATOM =
  /^[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~\u0080-\u{10ffff}]+(?:\.[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~\u0080-\u{10ffff}]+)*$/u;
const QUOTED = /^"(?:[\x20\x21\x23-\x5b\x5d-\x7e\u0080-\u{10ffff}]|\\[\x20-\x7e])*"$/u;
const DOMAIN = /^(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;
const LITERAL = /^\[(?:\d{1,3}(?:\.\d{1,3}){3}|IPv6:[0-9A-Fa-f:.]{2,45})\]$/;

/** RFC 5321 §4.1.2 Mailbox, or null. Obsolete source routes and angle brackets are not part of it. */
export function parseAddress(text: string): Address | null {
  const at = text.lastIndexOf('@');
  if (at < 1) return null;
  const local = text.slice(0, at);
  if (Buffer.byteLength(local) > MAX_LOCAL_PART_OCTETS || !(ATOM.test(local) || QUOTED.test(local))) return null;
  const domain = normaliseDomain(text.slice(at + 1));
  if (domain === null || Buffer.byteLength(local) + 1 + domain.length > MAX_PATH_OCTETS) return null;
  return { local, domain };
}

/** Lower-case A-labels without a final dot, or an address literal; null for what is neither (RFC 5321 §4.1.2, §4.1.3, RFC 5890 §2.3.2.1). */
export function normaliseDomain(text: string): string | null {
  if (LITERAL.test(text)) return text;
  const bare = text.endsWith('.') ? text.slice(0, -1) : text;
  if (!/^[A-Za-z0-9._\-\u0080-\u{10ffff}]+$/u.test(bare)) return null;
  const ascii = /^[\x00-\x7f]*$/.test(bare) ? bare.toLowerCase() : domainToASCII(bare);
  return ascii.length > 0 && ascii.length <= MAX_DOMAIN_OCTETS && DOMAIN.test(ascii) ? ascii : null;
}

export const formatAddress = (address: Address): string => `${address.local}@${address.domain}`;

/** The key under which the directory finds an address: the domain, and the local part in lower case without needless quotes. */
export function addressKey(address: Address): string {
  const quoted = /^"(.*)"$/s.exec(address.local);
  const bare = quoted ? quoted[1]!.replace(/\\(.)/gs, '$1') : address.local;
  const local = quoted && !ATOM.test(bare) ? address.local : bare;
  return `${local.normalize('NFC').toLowerCase()}@${address.domain}`;
}

/** `user+detail@domain` without the detail (RFC 5233 §1), or null when there is none. */
export function withoutDetail(address: Address): Address | null {
  const plus = address.local.indexOf('+');
  return plus > 0 && !address.local.startsWith('"')
    ? { local: address.local.slice(0, plus), domain: address.domain }
    : null;
}
