/**
 * The machine's part of a delivery status notification: message/delivery-status, one group of fields for the message and one for each recipient.
 * Pure. RFC 3464 §2.2 (the message), §2.3 (recipients), RFC 3461 §6.3 (where ENVID and ORCPT come back), RFC 6533 §3 (UTF-8 addresses in 7 bits).
 */
import { formatDateTime } from '../../mail/format/date-time.ts';
import type { SmtpReply, StatusCode } from '../../mail/status-code.ts';
import { formatReply } from '../outbound/reply-reader.ts';
import type { NoticeGroup, NoticeRecipient } from '../queue/outcome.ts';

export interface StatusFacts {
  /** The name of this host. */
  readonly reportingMta: string;
  readonly acceptedAt: Date;
  readonly now: Date;
  readonly envid: string | undefined;
  readonly group: NoticeGroup;
}

/** Lines end in CRLF; ASCII only. */
export function deliveryStatus(facts: StatusFacts): string {
  const { reportingMta, acceptedAt, envid, group } = facts;
  const message = [
    ...(envid === undefined ? [] : [`Original-Envelope-Id: ${oneLine(envid)}`]),
    `Reporting-MTA: dns; ${reportingMta}`,
    `Arrival-Date: ${formatDateTime(acceptedAt)}`,
  ];
  return [message, ...group.recipients.map((recipient) => recipientFields(facts, recipient))]
    .map((fields) => fields.map((field) => `${field}\r\n`).join(''))
    .join('\r\n');
}

function recipientFields(
  facts: StatusFacts,
  { recipient, reply, from, isExpired }: NoticeRecipient,
): readonly string[] {
  const { group, now } = facts;
  return [
    ...(recipient.orcpt === undefined ? [] : [`Original-Recipient: ${originalRecipient(recipient.orcpt)}`]),
    `Final-Recipient: ${typedAddress(recipient.address)}`,
    `Action: ${group.kind}`,
    `Status: ${statusOf(group, reply, isExpired)}`,
    ...(from === '' ? [] : [`Remote-MTA: dns; ${oneLine(from)}`]),
    ...(group.kind === 'delivered' ? [] : [`Diagnostic-Code: smtp; ${oneLine(formatReply(reply))}`]),
    `Last-Attempt-Date: ${formatDateTime(now)}`,
    ...(group.kind === 'delayed' ? [`Will-Retry-Until: ${formatDateTime(group.retryUntil)}`] : []),
  ];
}

/** RFC 3463 §2: what was given up after temporary failures keeps class 4 (4.4.7: delivery time expired). */
export function statusOf(group: Pick<NoticeGroup, 'kind'>, reply: SmtpReply, isExpired: boolean): StatusCode {
  if (isExpired) return '4.4.7';
  switch (group.kind) {
    case 'failed':
      return reply.status?.startsWith('5.') ? reply.status : '5.0.0';
    case 'delayed':
      return reply.status?.startsWith('4.') ? reply.status : '4.0.0';
    case 'delivered':
    case 'relayed':
      return reply.status?.startsWith('2.') ? reply.status : '2.0.0';
    default:
      return group.kind satisfies never;
  }
}

function typedAddress(address: string): string {
  return isAscii(address) ? `rfc822; ${oneLine(address)}` : `utf-8; ${utf8Xtext(address)}`;
}

function originalRecipient(orcpt: string): string {
  const semicolon = orcpt.indexOf(';');
  const type = semicolon > 0 ? orcpt.slice(0, semicolon) : 'rfc822';
  return `${/^[A-Za-z0-9-]+$/.test(type) ? type : 'rfc822'}; ${utf8Xtext(orcpt.slice(semicolon + 1).trim()).slice(0, 900)}`;
}

const isAscii = (text: string): boolean => /^[\x20-\x7e]*$/.test(text);

/** RFC 6533 §3: characters beyond ASCII as \x{HEX}. */
const utf8Xtext = (text: string): string =>
  text.replace(/[^\x20-\x7e]/gu, (character) => `\\x{${character.codePointAt(0)!.toString(16).toUpperCase()}}`);

/** A value that opens no field of its own: one line of printable ASCII, at most 900 characters (RFC 5322 §2.1.1). */
const oneLine = (text: string): string => text.replace(/[^\x20-\x7e]/g, '?').slice(0, 900);
