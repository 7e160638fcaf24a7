/**
 * PLAIN (RFC 4616): one response, `authzid NUL authcid NUL password`. Only ever run where the connection is private (RFC 4616 §6).
 */
import { type SaslExchange, type SaslStep, saslText } from './mechanism.ts';

export class PlainExchange implements SaslExchange {
  begin(initial: Buffer | null): SaslStep {
    return initial === null ? { kind: 'challenge', challenge: Buffer.alloc(0) } : this.respond(initial);
  }

  respond(response: Buffer): SaslStep {
    const first = response.indexOf(0);
    const second = first === -1 ? -1 : response.indexOf(0, first + 1);
    if (second === -1) return { kind: 'malformed' };
    const authzid = saslText(response.subarray(0, first));
    const authcid = saslText(response.subarray(first + 1, second));
    const password = saslText(response.subarray(second + 1));
    // RFC 4616 §2: authcid and passwd hold at least one character.
    if (authzid === null || !authcid || !password) return { kind: 'malformed' };
    return { kind: 'credentials', credentials: { authzid, authcid, password } };
  }
}
