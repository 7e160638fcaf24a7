/**
 * ENVELOPE (RFC 9051 §7.5.2, RFC 3501 §7.4.2). Display names and subjects with 8-bit text are written as encoded words (RFC 2047), which
 * every client of IMAP4rev1 reads; 8-bit local parts and the rest stay as they are, in literals.
 */
import { encodeWords } from '../../../mail/format/encoded-words.ts';
import {
  type Envelope,
  type EnvelopeAddress,
  envelopeReplyTo,
  envelopeSender,
} from '../../../mail/format/structure.ts';
import { printNstring, printString } from './strings.ts';

export function printEnvelope(envelope: Envelope): string {
  const from = printAddresses(envelope.from);
  const sender = envelopeSender(envelope);
  const replyTo = envelopeReplyTo(envelope);
  return `(${printNstring(envelope.date)} ${printWords(envelope.subject, false)} ${from} ${
    sender === envelope.from ? from : printAddresses(sender)
  } ${replyTo === envelope.from ? from : printAddresses(replyTo)} ${printAddresses(envelope.to)} ${printAddresses(
    envelope.cc,
  )} ${printAddresses(envelope.bcc)} ${printNstring(envelope.inReplyTo)} ${printNstring(envelope.messageId)})`;
}

function printAddresses(addresses: readonly EnvelopeAddress[]): string {
  if (addresses.length === 0) return 'NIL';
  let text = '(';
  for (const { name, route, mailbox, host } of addresses) {
    text += `(${printWords(name, true)} ${printNstring(route)} ${printNstring(mailbox)} ${printNstring(host)})`;
  }
  return `${text})`;
}

/** Header text as written, unless it is 8-bit: then as encoded words. */
export function printWords(text: string | null, isPhrase: boolean): string {
  if (text === null) return 'NIL';
  return printString(/[^\0-\x7f]/.test(text) ? encodeWords(text, isPhrase) : text);
}
