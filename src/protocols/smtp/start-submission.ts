/**
 * The listener for users, port 587 (RFC 6409): STARTTLS before AUTH, except on loopback where that is allowed, AUTH before MAIL.
 */
import { MAX_RECIPIENTS_SUBMISSION } from '../../mail/envelope.ts';
import { listenSmtp, type RunningSmtp, type SmtpListenerOptions } from '../smtp-session/smtp-listener.ts';
import { type SubmissionRoleOptions, submissionRole } from './submission-role.ts';

export type SubmissionOptions = SubmissionRoleOptions & Omit<SmtpListenerOptions, 'role' | 'isImplicitTls'>;

export function startSubmission(options: SubmissionOptions): Promise<RunningSmtp> {
  const limits = { maxRecipients: MAX_RECIPIENTS_SUBMISSION, ...options.limits };
  const log = options.log.child({ protocol: 'submission' });
  return listenSmtp({ ...options, limits, role: submissionRole(options), log });
}
