/**
 * The grammar of MAIL and RCPT (RFC 5321 §4.1.1.2, §4.1.1.3) with the parameters of SIZE, 8BITMIME, SMTPUTF8, DSN and AUTH. Pure.
 *
 * An answer is either the envelope's part or the reply that refuses the command. Unknown parameters are refused (RFC 5321 §4.1.1.11), since a
 * client that asked for something must not think that it got it.
 */
import { type Address, formatAddress, parseAddress } from '../../mail/address.ts';
import type { EnvelopeRecipient, EnvelopeSender, NotifyCondition } from '../../mail/envelope.ts';
import type { SmtpReply, StatusCode } from '../../mail/status-code.ts';

export interface MailCommand {
  readonly kind: 'mail';
  readonly sender: EnvelopeSender;
  /** Null for the null reverse-path. */
  readonly address: Address | null;
  /** As declared by SIZE (RFC 1870 §6.1). */
  readonly size: number | null;
}
export interface RcptCommand {
  readonly kind: 'rcpt';
  /** Null for `<Postmaster>` without a domain (RFC 5321 §4.1.1.3). */
  readonly address: Address | null;
  readonly recipient: EnvelopeRecipient;
}
export interface BadCommand {
  readonly kind: 'bad';
  readonly reply: SmtpReply;
}

export interface PathRules {
  /** AUTH= is known (RFC 4954 §5). */
  readonly hasAuth: boolean;
}

/** RFC 3461 §4.4 and §4.2: octets of the decoded values. */
const MAX_ENVID_OCTETS = 100;
const MAX_ORCPT_OCTETS = 500;

export function parseMailCommand(line: string, rules: PathRules): MailCommand | BadCommand {
  const split = splitCommand(line, /^MAIL FROM:/i);
  if (split === null) return bad(501, '5.5.4', 'syntax: MAIL FROM:<address> [parameters]');
  const address = split.path === '' ? null : parseAddress(withoutRoute(split.path));
  if (split.path !== '' && address === null) return bad(501, '5.1.7', 'bad sender address syntax');
  const parameters = parseParameters(split.parameters);
  if (parameters === null) return bad(501, '5.5.4', 'bad parameter syntax');
  let sender: EnvelopeSender = { address: address === null ? '' : formatAddress(address) };
  let size: number | null = null;
  for (const [keyword, value] of parameters) {
    if (keyword === 'SIZE') {
      if (value === null || !/^\d{1,20}$/.test(value)) return bad(501, '5.5.4', 'bad SIZE value');
      size = Number(value);
    } else if (keyword === 'BODY') {
      const body = value?.toLowerCase();
      if (body !== '7bit' && body !== '8bitmime') return bad(501, '5.5.4', 'BODY is 7BIT or 8BITMIME');
      sender = { ...sender, body };
    } else if (keyword === 'SMTPUTF8') {
      if (value !== null) return bad(501, '5.5.4', 'SMTPUTF8 takes no value');
      sender = { ...sender, smtputf8: true };
    } else if (keyword === 'RET') {
      const ret = value?.toUpperCase();
      if (ret !== 'FULL' && ret !== 'HDRS') return bad(501, '5.5.4', 'RET is FULL or HDRS');
      sender = { ...sender, ret: ret === 'FULL' ? 'full' : 'headers' };
    } else if (keyword === 'ENVID') {
      const envid = decodeXtext(value);
      if (envid === null || envid.length > MAX_ENVID_OCTETS) return bad(501, '5.5.4', 'bad ENVID value');
      sender = { ...sender, envid };
    } else if (keyword === 'AUTH' && rules.hasAuth) {
      // RFC 4954 §5: known, and not trusted. The session's own login says who submits.
      if (decodeXtext(value) === null) return bad(501, '5.5.4', 'bad AUTH value');
    } else {
      return bad(555, '5.5.4', `parameter ${keyword} not known`);
    }
  }
  if (isInternational(sender.address) && !sender.smtputf8)
    return bad(553, '5.6.7', 'SMTPUTF8 is required for this address');
  return { kind: 'mail', sender, address, size };
}

/** `isInternationalised`: MAIL asked for SMTPUTF8. */
export function parseRcptCommand(line: string, isInternationalised: boolean): RcptCommand | BadCommand {
  const split = splitCommand(line, /^RCPT TO:/i);
  if (split === null) return bad(501, '5.5.4', 'syntax: RCPT TO:<address> [parameters]');
  const isPostmaster = split.path.toLowerCase() === 'postmaster';
  const address = isPostmaster ? null : parseAddress(withoutRoute(split.path));
  if (address === null && !isPostmaster) return bad(501, '5.1.3', 'bad recipient address syntax');
  const parameters = parseParameters(split.parameters);
  if (parameters === null) return bad(501, '5.5.4', 'bad parameter syntax');
  let recipient: EnvelopeRecipient = { address: address === null ? split.path : formatAddress(address) };
  for (const [keyword, value] of parameters) {
    if (keyword === 'NOTIFY') {
      const notify = parseNotify(value);
      if (notify === null) return bad(501, '5.5.4', 'NOTIFY is NEVER, or a list of SUCCESS, FAILURE, DELAY');
      recipient = { ...recipient, notify };
    } else if (keyword === 'ORCPT') {
      const orcpt = parseOrcpt(value);
      if (orcpt === null) return bad(501, '5.5.4', 'bad ORCPT value');
      recipient = { ...recipient, orcpt };
    } else {
      return bad(555, '5.5.4', `parameter ${keyword} not known`);
    }
  }
  if (isInternational(recipient.address) && !isInternationalised) {
    return bad(553, '5.6.7', 'SMTPUTF8 is required for this address');
  }
  return { kind: 'rcpt', address, recipient };
}

/** RFC 3461 §4: xtext undone, to printable US-ASCII; null when it is none. */
export function decodeXtext(value: string | null): string | null {
  if (value === null || !/^(?:[!-*,-<>-~]|\+[0-9A-F]{2})+$/.test(value)) return null;
  const text = value.replace(/\+([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return /^[\x20-\x7e]+$/.test(text) ? text : null;
}

/** Path and parameters; the space that many clients put behind the colon is let pass. Null when it isn't this command. */
function splitCommand(line: string, verb: RegExp): { readonly path: string; readonly parameters: string } | null {
  const match = verb.exec(line);
  if (match === null) return null;
  const rest = line.slice(match[0].length).trimStart();
  if (!rest.startsWith('<')) return null;
  let isQuoted = false;
  for (let i = 1; i < rest.length; i++) {
    const character = rest[i];
    if (isQuoted && character === '\\') i++;
    else if (character === '"') isQuoted = !isQuoted;
    else if (character === '>' && !isQuoted) {
      const parameters = rest.slice(i + 1);
      return parameters === '' || parameters.startsWith(' ') ? { path: rest.slice(1, i), parameters } : null;
    }
  }
  return null;
}

/** RFC 5321 §4.1.1.3, §F.2: a source route is taken and ignored. */
function withoutRoute(path: string): string {
  return path.startsWith('@') ? path.slice(path.indexOf(':') + 1) : path;
}

/** RFC 5321 §4.1.2 Mail-parameters; null for bad syntax or a keyword given twice. */
function parseParameters(text: string): ReadonlyMap<string, string | null> | null {
  const parameters = new Map<string, string | null>();
  for (const word of text.split(' ')) {
    if (word === '') continue;
    const match = /^([A-Za-z0-9][A-Za-z0-9-]*)(?:=([!-<>-~\u0080-\u{10ffff}]+))?$/u.exec(word);
    if (match === null) return null;
    const keyword = match[1]!.toUpperCase();
    if (parameters.has(keyword)) return null;
    parameters.set(keyword, match[2] ?? null);
  }
  return parameters;
}

/** RFC 3461 §4.1. */
function parseNotify(value: string | null): readonly NotifyCondition[] | null {
  if (value === null) return null;
  const conditions = value.toLowerCase().split(',');
  if (conditions.length === 1 && conditions[0] === 'never') return ['never'];
  const known = conditions.filter((word): word is NotifyCondition => /^(?:success|failure|delay)$/.test(word));
  return known.length === conditions.length ? [...new Set(known)] : null;
}

/** RFC 3461 §4.2: `addr-type;xtext`. RFC 6533 §3: an address of type utf-8 may hold UTF-8 as it is. */
function parseOrcpt(value: string | null): string | null {
  const match = /^([A-Za-z0-9-]+);(.+)$/su.exec(value ?? '');
  if (match === null) return null;
  const isUtf8 = match[1]!.toLowerCase() === 'utf-8' && isInternational(match[2]!);
  const address = isUtf8 ? match[2]! : decodeXtext(match[2]!);
  if (address === null || Buffer.byteLength(address) > MAX_ORCPT_OCTETS) return null;
  return `${match[1]};${address}`;
}

const isInternational = (text: string): boolean => /[^\x00-\x7f]/.test(text);

const bad = (code: number, status: StatusCode, text: string): BadCommand => ({
  kind: 'bad',
  reply: { code, status, lines: [text] },
});
