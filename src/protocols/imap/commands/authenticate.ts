/** AUTHENTICATE (RFC 9051 §6.2.2) with an initial response (RFC 4959), and the SASL profile of IMAP: base64 on lines, `*` cancels. */
import { decodeBase64Line, decodeInitialResponse } from '../../sasl/base64-line.ts';
import { beginSasl } from '../../sasl/begin-sasl.ts';
import { bad, no } from '../session/completion.ts';
import { defineCommand } from './command.ts';
import { finishLogin, refuseClearText } from './finish-login.ts';

/** More than any mechanism of ours needs. */
const MAX_STEPS = 5;

export const authenticate = defineCommand({
  name: 'AUTHENTICATE',
  when: 'beforeLogin',
  updates: 'none',
  parse: (cursor) => {
    cursor.space();
    const mechanism = cursor.keyword();
    if (cursor.isAtEnd) return { mechanism, initial: null };
    cursor.space();
    return { mechanism, initial: cursor.rest() };
  },
  run: async (session, { mechanism, initial }) => {
    if (!session.mayLogIn) return refuseClearText();
    const exchange = beginSasl(mechanism);
    if (exchange === null) return no('No such authentication mechanism', 'CANNOT');
    const { reader, writer } = session.connection;
    const first = initial === null ? null : decodeInitialResponse(initial);
    if (initial !== null && first === null) return bad('The initial response is no base64');
    let step = exchange.begin(first);
    for (let steps = 0; step.kind === 'challenge' && steps < MAX_STEPS; steps++) {
      writer.text(`+ ${step.challenge.toString('base64')}\r\n`);
      await writer.flush();
      const line = (await reader.readLine(session.server.limits.commandOctetsBeforeLogin)).toString('latin1');
      if (line === '*') return bad('Authentication cancelled');
      const response = decodeBase64Line(line);
      if (response === null) return bad('The response is no base64');
      step = exchange.respond(response);
    }
    if (step.kind !== 'credentials') return bad('Malformed authentication exchange');
    return finishLogin(session, step.credentials);
  },
});
