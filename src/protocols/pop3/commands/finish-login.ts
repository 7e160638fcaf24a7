/**
 * The end of PASS and AUTH: credentials, lock, snapshot of the drop (RFC 1939 §4). Failures of the credentials are counted, and after some the
 * connection ends; a drop that is in use or out of reach is none of them.
 */
import { Refusal } from '../../../mail/refusal.ts';
import type { AccountInfo } from '../../../storage/mail-store.ts';
import type { SaslCredentials } from '../../sasl/mechanism.ts';
import { openMaildrop } from '../maildrop.ts';
import { err, ok, type Reply } from '../replies.ts';
import type { Pop3Session } from '../session/pop3-session.ts';

/** RFC 3206 §4: [AUTH] covers a login against the rules, such as one without TLS. */
export const refuseClearText = (): Reply => err('Logging in needs TLS: use STLS or the port that speaks TLS', 'AUTH');

export async function finishLogin(session: Pop3Session, credentials: SaslCredentials): Promise<Reply> {
  const { server, connection, log } = session;
  const peer = connection.remoteAddress;
  let info: AccountInfo;
  try {
    info = await server.authenticator.authenticate(credentials, peer, session.closed);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    session.failedLogins += 1;
    log.info({ peer, reason: error.code }, 'login refused');
    if (session.failedLogins >= server.limits.failedLogins) session.isEnding = true;
    throw error;
  }
  if (!server.loginDelay.isOver(info.id)) return err('Too soon after the last login', 'LOGIN-DELAY');
  const lease = await server.locks.acquire(info.id);
  // RFC 2449 §8.1.2: the password was right.
  if (lease === null) return err('The maildrop is in use by another session', 'IN-USE');
  try {
    const store = await server.store.openAccount(info.id, info.id);
    const drop = await openMaildrop(store);
    session.begin({ info, store, drop, lease });
    server.loginDelay.noteLogin(info.id);
    log.info({ peer, account: info.id, messages: drop.count, isSecure: connection.isSecure }, 'logged in');
    return ok(`${drop.count} messages (${drop.octets} octets)`);
  } catch (error) {
    await lease.release();
    throw error;
  }
}
