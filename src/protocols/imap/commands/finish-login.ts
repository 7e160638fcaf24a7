/**
 * The end of LOGIN and AUTHENTICATE: the account is opened and the new capabilities are told (RFC 9051 §7.1 CAPABILITY), or the failure is
 * counted.
 */
import { Refusal } from '../../../mail/refusal.ts';
import type { SaslCredentials } from '../../sasl/mechanism.ts';
import { capabilities } from '../capabilities.ts';
import { type Completion, no, ok } from '../session/completion.ts';
import type { ImapSession } from '../session/imap-session.ts';

/** RFC 9051 §6.2.3: LOGIN without privacy. */
export const refuseClearText = (): Completion =>
  no('Logging in needs TLS: use STARTTLS or the port that speaks TLS', 'PRIVACYREQUIRED');

export async function finishLogin(session: ImapSession, credentials: SaslCredentials): Promise<Completion> {
  const { server, connection, log } = session;
  const peer = connection.remoteAddress;
  try {
    const info = await server.authenticator.authenticate(credentials, peer, session.closed);
    session.logIn({ info, store: await server.store.openAccount(info.id, info.id) });
    log.info({ peer, account: info.id, isSecure: connection.isSecure }, 'logged in');
    return ok('Logged in', `CAPABILITY ${capabilities(session)}`);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    session.failedLogins += 1;
    log.info({ peer, reason: error.code }, 'login refused');
    if (session.failedLogins >= server.limits.failedLogins) {
      session.untagged('BYE Too many failed logins');
      session.isEnding = true;
    }
    throw error;
  }
}
