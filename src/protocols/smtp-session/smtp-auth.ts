/**
 * AUTH as SMTP carries it: a SASL exchange in base64 over the command's line and the lines that follow (RFC 4954 §4). Pure.
 */
import type { SmtpReply, StatusCode } from '../../mail/status-code.ts';
import { decodeBase64Line, decodeInitialResponse } from '../sasl/base64-line.ts';
import { beginSasl } from '../sasl/begin-sasl.ts';
import type { SaslCredentials, SaslExchange, SaslStep } from '../sasl/mechanism.ts';

export type AuthStep =
  /** The text of a 334. */
  | { readonly kind: 'challenge'; readonly text: string }
  | { readonly kind: 'credentials'; readonly credentials: SaslCredentials }
  | { readonly kind: 'refused'; readonly reply: SmtpReply };

export class AuthExchange {
  #exchange: SaslExchange | null = null;

  /** `line`: the whole command. */
  begin(line: string): AuthStep {
    const [, mechanism = '', initial, ...more] = line.trim().split(' ');
    if (more.length > 0) return refused(501, '5.5.4', 'syntax: AUTH mechanism [initial-response]');
    this.#exchange = beginSasl(mechanism);
    if (this.#exchange === null) return refused(504, '5.5.4', 'mechanism not known');
    const response = initial === undefined ? null : decodeInitialResponse(initial);
    if (initial !== undefined && response === null) return refused(501, '5.5.2', 'bad base64');
    return stepOf(this.#exchange.begin(response));
  }

  /** A line that answers a challenge. A lone asterisk cancels. */
  next(line: string): AuthStep {
    if (line === '*' || this.#exchange === null) return refused(501, '5.7.0', 'authentication cancelled');
    const response = decodeBase64Line(line);
    return response === null ? refused(501, '5.5.2', 'bad base64') : stepOf(this.#exchange.respond(response));
  }
}

function stepOf(step: SaslStep): AuthStep {
  if (step.kind === 'malformed') return refused(501, '5.5.2', 'bad authentication response');
  return step.kind === 'challenge' ? { kind: 'challenge', text: step.challenge.toString('base64') } : step;
}

const refused = (code: number, status: StatusCode, text: string): AuthStep => ({
  kind: 'refused',
  reply: { code, status, lines: [text] },
});
