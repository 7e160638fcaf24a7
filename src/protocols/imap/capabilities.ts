/**
 * What the server announces (RFC 9051 §6.1.1), by state: before login without TLS no password may be sent (LOGINDISABLED). Nothing stands
 * here that is not whole.
 */
import { SASL_MECHANISMS } from '../sasl/begin-sasl.ts';
import type { ImapSession } from './session/imap-session.ts';

/** Before login: little, so that strangers learn little. */
const ALWAYS = 'IMAP4rev1 LITERAL+ ID ENABLE IDLE SASL-IR';
const AFTER_LOGIN =
  'NAMESPACE CHILDREN UNSELECT UIDPLUS MOVE SPECIAL-USE CREATE-SPECIAL-USE LIST-EXTENDED LIST-STATUS STATUS=SIZE CONDSTORE QRESYNC ESEARCH ' +
  'MULTIAPPEND WITHIN OBJECTID QUOTA QUOTA=RES-STORAGE QUOTA=RES-MESSAGE';

export function capabilities(session: ImapSession): string {
  const { server, connection } = session;
  if (session.login !== null) return `${ALWAYS} ${AFTER_LOGIN} APPENDLIMIT=${server.limits.messageOctets}`;
  const starttls = server.secureContext !== null && !connection.isSecure ? ' STARTTLS' : '';
  const login = session.mayLogIn
    ? ` ${SASL_MECHANISMS.map((mechanism) => `AUTH=${mechanism}`).join(' ')}`
    : ' LOGINDISABLED';
  return `${ALWAYS}${starttls}${login}`;
}
