/**
 * The listener for users, port 465: TLS from the first octet (RFC 8314 §3.3), AUTH before MAIL.
 */
import { MAX_RECIPIENTS_SUBMISSION } from '../../mail/envelope.ts';
import { listenSmtp, type RunningSmtp, type SmtpListenerOptions } from '../smtp-session/smtp-listener.ts';
import { type SubmissionRoleOptions, submissionRole } from './submission-role.ts';

export type SubmissionsOptions = SubmissionRoleOptions &
  Omit<SmtpListenerOptions, 'role' | 'isImplicitTls' | 'tls'> & {
    readonly tls: NonNullable<SmtpListenerOptions['tls']>;
  };

export function startSubmissions(options: SubmissionsOptions): Promise<RunningSmtp> {
  const limits = { maxRecipients: MAX_RECIPIENTS_SUBMISSION, ...options.limits };
  const log = options.log.child({ protocol: 'submissions' });
  return listenSmtp({ ...options, limits, role: submissionRole(options), isImplicitTls: true, log });
}
