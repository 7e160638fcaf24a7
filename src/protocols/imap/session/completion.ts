/**
 * How a command ends: the tagged reply (RFC 9051 §7.1), and the one table from refusals and deferrals to NO with the response codes of
 * RFC 5530.
 */
import { Deferral, type DeferralCode, Refusal, type RefusalCode } from '../../../mail/refusal.ts';
import { printText } from '../grammar/strings.ts';

export interface Completion {
  readonly status: 'OK' | 'NO' | 'BAD';
  /** Without brackets. */
  readonly code: string | null;
  readonly text: string;
}

export const ok = (text: string, code: string | null = null): Completion => ({ status: 'OK', code, text });
export const no = (text: string, code: string | null = null): Completion => ({ status: 'NO', code, text });
export const bad = (text: string, code: string | null = null): Completion => ({ status: 'BAD', code, text });

const REFUSALS: Readonly<Record<RefusalCode, string | null>> = {
  notFound: 'NONEXISTENT',
  alreadyExists: 'ALREADYEXISTS',
  forbidden: 'NOPERM',
  overQuota: 'OVERQUOTA',
  tooLarge: 'TOOBIG',
  tooMany: 'LIMIT',
  invalid: 'CANNOT',
  cannotCalculateChanges: 'SERVERBUG',
  stateMismatch: 'INUSE',
  mailboxHasChild: 'HASCHILDREN',
  mailboxHasEmail: 'INUSE',
  mailboxRequired: 'CANNOT',
  blobNotFound: 'NONEXISTENT',
  cannotUnsend: 'CANNOT',
  authenticationFailed: 'AUTHENTICATIONFAILED',
  accountDisabled: 'AUTHORIZATIONFAILED',
  noRecipients: 'CANNOT',
  invalidRecipients: 'CANNOT',
  forbiddenFrom: 'NOPERM',
  forbiddenMailFrom: 'NOPERM',
  forbiddenToSend: 'NOPERM',
};

const DEFERRALS: Readonly<Record<DeferralCode, string>> = {
  unavailable: 'UNAVAILABLE',
  busy: 'INUSE',
  limited: 'LIMIT',
  shuttingDown: 'UNAVAILABLE',
};

/** Null: the error is neither, but a fault of ours. */
export function completionOf(error: unknown): Completion | null {
  if (error instanceof Refusal) return no(error.message, REFUSALS[error.code]);
  if (error instanceof Deferral) return no(error.message, DEFERRALS[error.code]);
  return null;
}

export function printCompletion(tag: string, { status, code, text }: Completion): string {
  return `${tag} ${status} ${code === null ? '' : `[${code}] `}${printText(text)}\r\n`;
}
