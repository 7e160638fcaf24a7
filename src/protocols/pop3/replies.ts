/**
 * Status replies (RFC 1939 §3, RFC 2449 §8), and the one table from refusals and deferrals to -ERR with the response codes of RFC 2449 §8.1 and
 * RFC 3206 §4.
 */
import { Deferral, type DeferralCode, Refusal, type RefusalCode } from '../../mail/refusal.ts';

/** [AUTH] covers every fault of the credentials, a disabled account and a login against the rules (RFC 3206 §4). */
export type ResponseCode = 'AUTH' | 'IN-USE' | 'LOGIN-DELAY' | 'SYS/TEMP' | 'SYS/PERM';

export interface Reply {
  readonly isOk: boolean;
  readonly code: ResponseCode | null;
  /** ASCII. */
  readonly text: string;
}

export const ok = (text: string): Reply => ({ isOk: true, code: null, text });
export const err = (text: string, code: ResponseCode | null = null): Reply => ({ isOk: false, code, text });

/** Null: a plain -ERR. A client that sees SYS/TEMP keeps its password and comes again; at SYS/PERM it tells its user. */
const REFUSALS: Readonly<Record<RefusalCode, ResponseCode | null>> = {
  notFound: null,
  alreadyExists: null,
  forbidden: 'AUTH',
  overQuota: null,
  tooLarge: null,
  tooMany: null,
  invalid: null,
  cannotCalculateChanges: 'SYS/TEMP',
  stateMismatch: 'SYS/TEMP',
  mailboxHasChild: null,
  mailboxHasEmail: null,
  mailboxRequired: null,
  blobNotFound: null,
  cannotUnsend: null,
  authenticationFailed: 'AUTH',
  accountDisabled: 'AUTH',
  noRecipients: null,
  invalidRecipients: null,
  forbiddenFrom: null,
  forbiddenMailFrom: null,
  forbiddenToSend: null,
};

const DEFERRALS: Readonly<Record<DeferralCode, ResponseCode>> = {
  unavailable: 'SYS/TEMP',
  busy: 'SYS/TEMP',
  // Too many failures from there: the password may well be right, so that [AUTH] would be a lie.
  limited: 'SYS/TEMP',
  shuttingDown: 'SYS/TEMP',
};

/** Null: the error is neither, but a fault of ours. */
export function replyOf(error: unknown): Reply | null {
  if (error instanceof Refusal) return err(error.message, REFUSALS[error.code]);
  if (error instanceof Deferral) return err(error.message, DEFERRALS[error.code]);
  return null;
}

/** Messages of refusals are ours, but may name what the client sent: nothing but printable ASCII goes out (RFC 2449 §3). */
export function printReply({ isOk, code, text }: Reply): string {
  const words = text.replace(/[^\x20-\x7e]/g, '?').slice(0, 400);
  return `${isOk ? '+OK' : '-ERR'} ${code === null ? '' : `[${code}] `}${words}\r\n`;
}
