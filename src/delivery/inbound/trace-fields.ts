/**
 * The trace that every server leaves on top of a message: Return-Path and Received (RFC 5321 §4.4, RFC 5322 §3.6.7). Pure.
 *
 * Everything in it that the client chose (HELO name, recipient) is cut down to safe characters, so that it can't open a field of its own.
 */

import { isIP } from 'node:net';
import { formatDateTime } from '../../mail/format/date-time.ts';
import { traceField } from '../../mail/format/header-fields.ts';
import type { QueueId } from '../../mail/ids.ts';

/** How a message reached us. */
export interface TraceOrigin {
  /** RFC 5321 §4.4, RFC 3848 §2, RFC 6531 §4.3; 'HTTP' stands for JMAP. */
  readonly protocol: TransmissionProtocol;
  /** As the client called itself; null when it has no such name (JMAP). */
  readonly helo: string | null;
  readonly remoteAddress: string | null;
  /** RFC 8314 §4.3: TLS version and the registered name of the cipher suite. */
  readonly tls?: { readonly version: string; readonly cipher: string };
}

type Security = '' | 'S' | 'A' | 'SA';
export type TransmissionProtocol =
  | 'SMTP'
  | 'HTTP'
  | `ESMTP${Security}`
  | `LMTP${Security}`
  | `UTF8SMTP${Security}`
  | `UTF8LMTP${Security}`;

export interface TraceFacts {
  readonly origin: TraceOrigin;
  /** The name of this host. */
  readonly by: string;
  readonly id: QueueId | string;
  /** RFC 5321 §7.2: named only when it is the only one, lest a blind copy shows. */
  readonly recipients: readonly { readonly address: string }[];
  readonly at: Date;
}

/** `Return-Path: <sender>` with its line end: what local delivery alone keeps (RFC 5321 §4.4). */
export function returnPathLine(sender: string): Buffer {
  return Buffer.from(`Return-Path: <${withoutControls(sender)}>\r\n`);
}

/** One Received field, folded, with its line end. */
export function receivedField({ origin, by, id, recipients, at }: TraceFacts): Buffer {
  const lines = [`from ${fromClause(origin)}`, `by ${by} (Waxwing) with ${origin.protocol} id ${id}`];
  const only = recipients.length === 1 ? recipients[0]! : null;
  if (only !== null) lines.push(`for <${withoutControls(only.address)}>`);
  if (origin.tls !== undefined) lines.push(`tls ${atom(origin.tls.cipher)} (${atom(origin.tls.version)})`);
  lines[lines.length - 1] += ';';
  return Buffer.from(traceField('Received', [...lines, formatDateTime(at)]));
}

/** RFC 5321 §4.4 From-domain: what the client said, then what we know. */
function fromClause({ helo, remoteAddress }: TraceOrigin): string {
  const address = remoteAddress === null ? null : addressLiteral(remoteAddress);
  if (helo === null) return address ?? 'localhost';
  return address === null ? heloName(helo) : `${heloName(helo)} (${address})`;
}

/** A name or literal stays; anything else becomes what can't be mistaken for syntax. */
function heloName(helo: string): string {
  return helo.replace(/[^A-Za-z0-9.:_[\]\u00a1-\u{10ffff}-]/gu, '?').slice(0, 255) || 'unknown';
}

/** RFC 5321 §4.1.3. */
function addressLiteral(address: string): string {
  const bare = address.split('%')[0]!;
  return isIP(bare) === 6 ? `[IPv6:${bare}]` : `[${isIP(bare) === 4 ? bare : 'unknown'}]`;
}

const atom = (text: string): string => text.replace(/[^A-Za-z0-9._-]/g, '_').slice(0, 100);

const withoutControls = (text: string): string => text.replace(/[\x00-\x1f\x7f<>]/g, '?');
