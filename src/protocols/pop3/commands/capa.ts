/**
 * CAPA (RFC 2449 §5): what the server can do, by state. A way to log in is announced only where it may be used (RFC 2595 §2.3), STLS only
 * where it would work. No version: a stranger needs none.
 */
import { SASL_MECHANISMS } from '../../sasl/begin-sasl.ts';
import type { Pop3Session } from '../session/pop3-session.ts';
import type { Command } from './command.ts';

export const capa: Command<'CAPA'> = {
  state: 'any',
  run: (session) => {
    session.connection.writer.text(`+OK Capability list follows\r\n${capabilities(session).join('\r\n')}\r\n.\r\n`);
    return null;
  },
};

function capabilities(session: Pop3Session): readonly string[] {
  const { server, connection, isLoggedIn, mayLogIn } = session;
  const { loginDelayMs } = server.limits;
  return [
    'TOP',
    'UIDL',
    'RESP-CODES',
    'AUTH-RESP-CODE',
    'PIPELINING',
    // RFC 2449 §6.7: nothing is ever removed but by its owner.
    'EXPIRE NEVER',
    ...(loginDelayMs > 0 ? [`LOGIN-DELAY ${Math.ceil(loginDelayMs / 1000)}`] : []),
    // RFC 6856 §2.2: USER and PASS take UTF-8.
    'UTF8 USER',
    'IMPLEMENTATION Waxwing',
    ...(server.secureContext !== null && !connection.isSecure && !isLoggedIn ? ['STLS'] : []),
    ...(mayLogIn ? ['USER', `SASL ${SASL_MECHANISMS.join(' ')}`] : []),
  ];
}
