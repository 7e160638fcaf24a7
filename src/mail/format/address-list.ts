// Address lists as mail really has them: RFC 5322 §3.4 with groups, obsolete routes and comments (§4.4), RFC 6532
// UTF-8, and the common faults: missing brackets, stray or trailing commas, semicolons between addresses, unclosed
// quotes. Never throws; one pass, linear in the text, bounded by `MAX_ADDRESSES`. RFC 2047 words stay encoded.

import { type AddressList, AddressParser } from './address-parser.ts';
import { decodeWords } from './encoded-words.ts';
import { MAX_ADDRESSES } from './limits.ts';
import type { EmailAddress, EnvelopeAddress } from './structure.ts';

export interface AddressGroup {
  /** Decoded; null for addresses outside of any group (RFC 8621 §4.1.2.4). */
  readonly name: string | null;
  readonly addresses: readonly EmailAddress[];
}

/** Parses the unfolded text of an address field. */
export function parseAddressList(text: string, maxAddresses: number = MAX_ADDRESSES): AddressList {
  return new AddressParser(text, maxAddresses).parse();
}

/** Decoded mailboxes with groups flattened (RFC 8621 §4.1.2.3). */
export function emailAddresses(addresses: readonly EnvelopeAddress[]): EmailAddress[] {
  const list: EmailAddress[] = [];
  for (const address of addresses) if (address.host !== null) list.push(emailAddress(address));
  return list;
}

/** Decoded mailboxes by group; neighbours outside of groups share one entry named null (RFC 8621 §4.1.2.4). */
export function groupedAddresses(addresses: readonly EnvelopeAddress[]): AddressGroup[] {
  const groups: { name: string | null; addresses: EmailAddress[] }[] = [];
  let current: { name: string | null; addresses: EmailAddress[] } | null = null;
  for (const address of addresses) {
    if (address.host === null) {
      current = address.mailbox === null ? null : { name: decodeWords(address.mailbox), addresses: [] };
      if (current !== null) groups.push(current);
      continue;
    }
    if (current === null) {
      current = { name: null, addresses: [] };
      groups.push(current);
    }
    current.addresses.push(emailAddress(address));
  }
  return groups;
}

/** Local part and domain as one addr-spec, the local part quoted where it must be (RFC 5322 §3.4.1). */
export function addrSpec(mailbox: string, host: string): string {
  const local = isDotAtom(mailbox) ? mailbox : `"${mailbox.replace(/["\\]/g, '\\$&')}"`;
  return host === '' ? mailbox : `${local}@${host}`;
}

function emailAddress(address: EnvelopeAddress): EmailAddress {
  const name = address.name === null ? null : decodeWords(address.name);
  return { name: name === '' ? null : name, email: addrSpec(address.mailbox ?? '', address.host ?? '') };
}

function isDotAtom(text: string): boolean {
  return /^[^\x00-\x20()<>[\]:;@\\,"\x7f.]+(?:\.[^\x00-\x20()<>[\]:;@\\,"\x7f.]+)*$/.test(text);
}
