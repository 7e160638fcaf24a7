/**
 * What SMTP and LMTP answer to refusals and deferrals: the one table (RFC 5321 §4.2.2, RFC 3463, RFC 4954 §6).
 */
import { Deferral, type DeferralCode, Refusal, type RefusalCode } from '../../mail/refusal.ts';
import type { SmtpReply, StatusCode } from '../../mail/status-code.ts';

/** Where in the transaction the failure came: some codes mean another thing at RCPT than behind DATA. */
export type ReplyPhase = 'mail' | 'rcpt' | 'data' | 'auth';

type Row = readonly [code: number, status: StatusCode];

const REFUSALS: Readonly<Record<RefusalCode, Row | Readonly<Record<ReplyPhase, Row>>>> = {
  notFound: [550, '5.1.1'],
  alreadyExists: [554, '5.3.0'],
  forbidden: [554, '5.7.1'],
  // A mailbox is emptied sooner or later: the sender keeps the message and tries again (RFC 3463 §3.3 X.2.2).
  overQuota: [452, '4.2.2'],
  tooLarge: [552, '5.3.4'],
  tooMany: { mail: [452, '4.5.3'], rcpt: [452, '4.5.3'], data: [554, '5.4.6'], auth: [454, '4.7.0'] },
  invalid: { mail: [501, '5.1.7'], rcpt: [501, '5.1.3'], data: [554, '5.6.0'], auth: [501, '5.5.2'] },
  cannotCalculateChanges: [554, '5.3.0'],
  stateMismatch: [554, '5.3.0'],
  mailboxHasChild: [554, '5.3.0'],
  mailboxHasEmail: [554, '5.3.0'],
  mailboxRequired: [554, '5.3.0'],
  blobNotFound: [554, '5.3.0'],
  cannotUnsend: [554, '5.3.0'],
  authenticationFailed: [535, '5.7.8'],
  accountDisabled: { mail: [550, '5.7.1'], rcpt: [550, '5.2.1'], data: [550, '5.2.1'], auth: [525, '5.7.13'] },
  noRecipients: [554, '5.5.1'],
  invalidRecipients: [550, '5.1.3'],
  forbiddenFrom: [550, '5.7.1'],
  forbiddenMailFrom: [553, '5.7.1'],
  forbiddenToSend: [550, '5.7.1'],
};

const DEFERRALS: Readonly<Record<DeferralCode, Row>> = {
  unavailable: [451, '4.3.0'],
  busy: [451, '4.3.2'],
  limited: [450, '4.7.1'],
  shuttingDown: [421, '4.3.2'],
};

/** The reply to what was thrown, or null when it is a defect of ours: to be logged and answered by `INTERNAL_ERROR`. */
export function replyToError(error: unknown, phase: ReplyPhase): SmtpReply | null {
  if (error instanceof Refusal) {
    const row = REFUSALS[error.code];
    const [code, status] = 'mail' in row ? row[phase] : row;
    return { code, status, lines: [error.message] };
  }
  if (error instanceof Deferral) {
    // RFC 4954 §4.4: 454 is what a client takes as "try to log in later".
    if (phase === 'auth' && error.code !== 'shuttingDown')
      return { code: 454, status: '4.7.0', lines: [error.message] };
    const [code, status] = DEFERRALS[error.code];
    return { code, status, lines: [error.message] };
  }
  return null;
}

export const INTERNAL_ERROR: SmtpReply = { code: 451, status: '4.3.0', lines: ['internal error, try again later'] };
