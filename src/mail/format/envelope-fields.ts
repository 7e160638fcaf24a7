// Header fields to the values of the index: the envelope of a message (top-level or embedded) and the few extra
// header values of `MessageIndex`. The first field of a name counts (RFC 5322 §3.6 allows one); address fields that
// were wrongly repeated are joined, so that no recipient disappears. Never throws.

import { isAscii } from 'node:buffer';
import { emailAddresses, parseAddressList } from './address-list.ts';
import { baseSubject } from './base-subject.ts';
import { parseDateTime } from './date-time.ts';
import { decodeWords } from './encoded-words.ts';
import { type HeaderField, headerText } from './header-block.ts';
import { MAX_ADDRESSES, MAX_TEXT_LENGTH } from './limits.ts';
import { parseMessageIds } from './message-ids.ts';
import type { Defect, Envelope, EnvelopeAddress, MessageIndex } from './structure.ts';

/** The fields of one header block by lower-case name, in order. */
export type FieldsByName = ReadonlyMap<string, readonly HeaderField[]>;

export function fieldsByName(fields: readonly HeaderField[]): FieldsByName {
  const byName = new Map<string, HeaderField[]>();
  for (const field of fields) {
    const list = byName.get(field.key);
    if (list === undefined) byName.set(field.key, [field]);
    else list.push(field);
  }
  return byName;
}

/** The text of the first field of that name, bounded; null when absent. */
export function firstText(fields: FieldsByName, key: string): string | null {
  const field = fields.get(key)?.[0];
  return field === undefined
    ? null
    : headerText(field.value.subarray(0, 4 * MAX_TEXT_LENGTH)).slice(0, MAX_TEXT_LENGTH);
}

/** RFC 9051 §7.5.2. */
export function envelopeOf(fields: FieldsByName, defects: Set<Defect>): Envelope {
  return {
    date: firstText(fields, 'date'),
    subject: firstText(fields, 'subject'),
    from: addresses(fields, 'from', defects),
    sender: addresses(fields, 'sender', defects),
    replyTo: addresses(fields, 'reply-to', defects),
    to: addresses(fields, 'to', defects),
    cc: addresses(fields, 'cc', defects),
    bcc: addresses(fields, 'bcc', defects),
    inReplyTo: firstText(fields, 'in-reply-to'),
    messageId: firstText(fields, 'message-id'),
  };
}

export type HeaderValues = Omit<
  MessageIndex,
  'root' | 'size' | 'crlfSize' | 'lines' | 'bodyStart' | 'preview' | 'hasAttachment' | 'defects'
>;

/** Everything of the index that the top-level header tells. */
export function headerValues(fields: FieldsByName, defects: Set<Defect>): HeaderValues {
  const envelope = envelopeOf(fields, defects);
  const subject = envelope.subject === null ? '' : decodeWords(envelope.subject).trim();
  const { base, isReplyOrForward } = baseSubject(subject);
  return {
    envelope,
    subject,
    baseSubject: base,
    isReplyOrForward,
    messageIds: messageIds(fields, 'message-id', defects),
    inReplyTo: messageIds(fields, 'in-reply-to', defects),
    references: messageIds(fields, 'references', defects),
    sentAt: envelope.date === null ? null : parseDateTime(envelope.date),
    from: emailAddresses(envelope.from),
    sender: emailAddresses(envelope.sender),
    replyTo: emailAddresses(envelope.replyTo),
    to: emailAddresses(envelope.to),
    cc: emailAddresses(envelope.cc),
    bcc: emailAddresses(envelope.bcc),
    receivedCount: fields.get('received')?.length ?? 0,
    autoSubmitted: keyword(firstText(fields, 'auto-submitted')),
    precedence: keyword(firstText(fields, 'precedence')),
    listId: listId(firstText(fields, 'list-id')),
  };
}

/** Notes unlabelled 8-bit octets (RFC 6532 makes UTF-8 legal only with SMTPUTF8). */
export function noteEightBit(block: Buffer, defects: Set<Defect>): void {
  if (!isAscii(block)) defects.add('eight-bit-header');
}

const NONE: readonly EnvelopeAddress[] = Object.freeze([]);

function addresses(fields: FieldsByName, key: string, defects: Set<Defect>): readonly EnvelopeAddress[] {
  const list = fields.get(key);
  if (list === undefined) return NONE;
  const first = parseAddressList(headerText(list[0]!.value));
  if (first.isCut) defects.add('too-many-addresses');
  if (list.length === 1) return first.addresses;
  const joined = [...first.addresses];
  for (const field of list.slice(1)) {
    const more = parseAddressList(headerText(field.value), MAX_ADDRESSES - joined.length);
    if (more.isCut) defects.add('too-many-addresses');
    for (const address of more.addresses) joined.push(address);
  }
  return joined;
}

function messageIds(fields: FieldsByName, key: string, defects: Set<Defect>): readonly string[] {
  const field = fields.get(key)?.[0];
  if (field === undefined) return [];
  const { ids, isCut } = parseMessageIds(headerText(field.value));
  if (isCut) defects.add('too-many-message-ids');
  return ids;
}

/** The word before any parameter or comment. */
function keyword(text: string | null): string | null {
  if (text === null) return null;
  return /^[^\s;(]{1,128}/.exec(text)?.[0]?.toLowerCase() ?? null;
}

/** RFC 2919 §2: the identifier stands in the last angle brackets; some lists leave them out. */
function listId(text: string | null): string | null {
  if (text === null) return null;
  const close = text.lastIndexOf('>');
  const open = close === -1 ? -1 : text.lastIndexOf('<', close);
  const id = (open === -1 ? text : text.slice(open + 1, close)).trim().toLowerCase();
  return id === '' || id.length > 255 ? null : id;
}
