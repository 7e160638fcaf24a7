/**
 * STARTTLS (RFC 9051 §6.2.1). A client that sends clear text after the command, before the handshake, may be a man in the middle putting
 * words into the encrypted session (CVE-2011-0411): the connection ends.
 */
import { bad, ok } from '../session/completion.ts';
import { defineCommand, noArguments } from './command.ts';

export const starttls = defineCommand({
  name: 'STARTTLS',
  when: 'beforeLogin',
  updates: 'none',
  parse: noArguments,
  run: async (session) => {
    const { connection, server } = session;
    if (connection.isSecure) return bad('TLS is active already');
    if (server.secureContext === null) return bad('STARTTLS is not available');
    if (connection.reader.pendingOctets > 0) {
      session.untagged('BYE Commands after STARTTLS have to wait for TLS');
      session.isEnding = true;
      return bad('Clear text after STARTTLS');
    }
    session.startTls = server.secureContext;
    return ok('Begin TLS negotiation now');
  },
});
