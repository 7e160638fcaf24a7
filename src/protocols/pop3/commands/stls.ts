/**
 * STLS (RFC 2595 §4). Clear text after the command, before the handshake, may be a man in the middle putting commands into the encrypted
 * session (CVE-2011-0411): the connection ends. What was known of the client is forgotten.
 */
import { err, ok } from '../replies.ts';
import type { Command } from './command.ts';

export const stls: Command<'STLS'> = {
  state: 'authorization',
  run: (session) => {
    const { connection, server } = session;
    if (connection.isSecure) return err('TLS is active already');
    if (server.secureContext === null) return err('TLS is not available');
    if (connection.reader.pendingOctets > 0) {
      session.isEnding = true;
      return err('Clear text after STLS');
    }
    session.user = null;
    session.startTls = server.secureContext;
    return ok('Begin TLS negotiation');
  },
};
