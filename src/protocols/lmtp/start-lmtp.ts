/**
 * The LMTP listener (RFC 2033): for other mail servers of the site, never on port 25 (RFC 2033 §5). Whoever reaches it may deliver.
 */
import { MAX_RECIPIENTS_SUBMISSION } from '../../mail/envelope.ts';
import { listenSmtp, type RunningSmtp, type SmtpListenerOptions } from '../smtp-session/smtp-listener.ts';
import { type LmtpRoleOptions, lmtpRole } from './lmtp-role.ts';

export type LmtpOptions = LmtpRoleOptions &
  Omit<SmtpListenerOptions, 'role' | 'isImplicitTls' | 'allowPlaintextOnLoopback'>;

/** `close` of the port ends the deliverer's part as well. */
export async function startLmtp(options: LmtpOptions): Promise<RunningSmtp> {
  const log = options.log.child({ protocol: 'lmtp' });
  // All mail of the site comes from a few addresses, in transactions of a size that a neighbour chooses.
  const limits = {
    maxRecipients: MAX_RECIPIENTS_SUBMISSION,
    maxConnectionsPerNetwork: Number.POSITIVE_INFINITY,
    ...options.limits,
  };
  const running = await listenSmtp({ ...options, limits, role: lmtpRole({ ...options, log }), log });
  return {
    host: running.host,
    port: running.port,
    get connections() {
      return running.connections;
    },
    close: async (drainMs) => {
      await running.close(drainMs);
      await options.deliverer.close();
    },
  };
}
