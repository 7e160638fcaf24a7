/**
 * The header of a submitted message: who it says it is from, whom it names, and what a submission server may change in it (RFC 6409 §8). Pure.
 *
 * Removed: Bcc (RFC 5322 §3.6.3), Resent-Bcc, and Return-Path, which only final delivery writes (RFC 5321 §4.4). Added: Date and Message-ID where missing
 * (RFC 6409 §8.2, §8.3). Every other octet stays as it was.
 */

import { emailAddresses, parseAddressList } from '../../mail/format/address-list.ts';
import { formatDateTime } from '../../mail/format/date-time.ts';
import { type HeaderBlock, type HeaderField, headerText, parseHeaderBlock } from '../../mail/format/header-block.ts';
import { withoutHeaderFields } from '../../mail/format/header-edit.ts';

export interface SubmittedHeader {
  readonly block: HeaderBlock;
  readonly octets: Buffer;
  /** Addresses of all From fields; empty when there is none. */
  readonly from: readonly string[];
  readonly fromFields: number;
  readonly sender: readonly string[];
  /** Of To, Cc and Bcc in this order, each once, as written first (RFC 8621 §7). */
  readonly recipients: readonly string[];
}

export interface Completion {
  readonly now: Date;
  /** Between the angle brackets. */
  readonly messageId: string;
}

const REMOVED = ['bcc', 'resent-bcc', 'return-path'];

/** `octets`: the header block without its empty line. */
export function readSubmittedHeader(octets: Buffer): SubmittedHeader {
  const block = parseHeaderBlock(octets);
  const recipients = new Map<string, string>();
  for (const name of ['to', 'cc', 'bcc']) {
    for (const address of addressesOf(block.fields, name)) {
      const key = address.toLowerCase();
      if (!recipients.has(key)) recipients.set(key, address);
    }
  }
  return {
    block,
    octets,
    from: addressesOf(block.fields, 'from'),
    fromFields: block.fields.filter(({ key }) => key === 'from').length,
    sender: addressesOf(block.fields, 'sender'),
    recipients: [...recipients.values()],
  };
}

/** The header as it leaves, still without the empty line, ending with a line end. */
export function completeHeader(header: SubmittedHeader, completion: Completion): Buffer {
  const { block, octets } = header;
  const has = (name: string): boolean => block.fields.some(({ key }) => key === name);
  const pieces: Buffer[] = [];
  if (!has('date')) pieces.push(Buffer.from(`Date: ${formatDateTime(completion.now)}\r\n`));
  if (!has('message-id')) pieces.push(Buffer.from(`Message-ID: <${completion.messageId}>\r\n`));
  pieces.push(withoutHeaderFields(octets, REMOVED));
  const whole = Buffer.concat(pieces);
  return whole.length > 0 && whole.at(-1) !== 10 ? Buffer.concat([whole, Buffer.from('\r\n')]) : whole;
}

function addressesOf(fields: readonly HeaderField[], name: string): readonly string[] {
  return fields
    .filter(({ key }) => key === name)
    .flatMap(({ value }) => emailAddresses(parseAddressList(headerText(value)).addresses).map(({ email }) => email));
}
