/**
 * The listener for other mail servers, port 25 (RFC 5321): STARTTLS where there is a certificate, no AUTH.
 */
import { MAX_RECIPIENTS_MX } from '../../mail/envelope.ts';
import { listenSmtp, type RunningSmtp, type SmtpListenerOptions } from '../smtp-session/smtp-listener.ts';
import { type MxRoleOptions, mxRole } from './mx-role.ts';

export type MxOptions = MxRoleOptions &
  Omit<SmtpListenerOptions, 'role' | 'isImplicitTls' | 'allowPlaintextOnLoopback'>;

export function startMx(options: MxOptions): Promise<RunningSmtp> {
  const limits = { maxRecipients: MAX_RECIPIENTS_MX, ...options.limits };
  return listenSmtp({ ...options, limits, role: mxRole(options), log: options.log.child({ protocol: 'smtp' }) });
}
