/**
 * AUTH (RFC 5034 §4): the SASL profile of POP3 with an initial response; base64 on lines, `*` cancels. Without an argument it lists the
 * mechanisms, as all servers do for clients that are older than CAPA.
 */
import { decodeBase64Line, decodeInitialResponse } from '../../sasl/base64-line.ts';
import { beginSasl, SASL_MECHANISMS } from '../../sasl/begin-sasl.ts';
import { LineTooLong } from '../../stream/byte-reader.ts';
import { err } from '../replies.ts';
import type { Pop3Session } from '../session/pop3-session.ts';
import type { Command } from './command.ts';
import { finishLogin, refuseClearText } from './finish-login.ts';

/** More than any mechanism of ours needs. */
const MAX_STEPS = 5;

export const auth: Command<'AUTH'> = {
  state: 'authorization',
  run: async (session, { mechanism, initial }) => {
    const { writer } = session.connection;
    if (!session.mayLogIn) return refuseClearText();
    if (mechanism === null) {
      writer.text(`+OK\r\n${SASL_MECHANISMS.join('\r\n')}\r\n.\r\n`);
      return null;
    }
    const exchange = beginSasl(mechanism);
    if (exchange === null) return err('No such authentication mechanism');
    const first = initial === null ? null : decodeInitialResponse(initial);
    if (initial !== null && first === null) return err('The initial response is no base64');
    let step = exchange.begin(first);
    for (let steps = 0; step.kind === 'challenge' && steps < MAX_STEPS; steps++) {
      writer.text(`+ ${step.challenge.toString('base64')}\r\n`);
      await writer.flush();
      const line = await responseLine(session);
      if (line === null) return err('The response is too long');
      if (line === '*') return err('Authentication cancelled');
      const response = decodeBase64Line(line);
      if (response === null) return err('The response is no base64');
      step = exchange.respond(response);
    }
    if (step.kind !== 'credentials') return err('Malformed authentication exchange');
    return finishLogin(session, step.credentials);
  },
};

/** Null: too long; what is left of it is read away or ends the connection. */
async function responseLine(session: Pop3Session): Promise<string | null> {
  const { reader } = session.connection;
  const { limits } = session.server;
  try {
    return (await reader.readLine(limits.saslLineOctets)).toString('latin1');
  } catch (error) {
    if (!(error instanceof LineTooLong)) throw error;
    if ((await reader.skipLine(limits.discardOctets)) === null) session.isEnding = true;
    return null;
  }
}
