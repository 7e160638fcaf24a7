/**
 * LOGIN: user name and password in two responses. Never standardised (draft-murchison-sasl-login), still what Outlook and many devices use.
 * An initial response is taken as the user name, as all servers do.
 */
import { type SaslExchange, type SaslStep, saslText } from './mechanism.ts';

/** What old clients compare against, to the letter. */
const USERNAME = Buffer.from('Username:');
const PASSWORD = Buffer.from('Password:');

export class LoginExchange implements SaslExchange {
  #user: string | null = null;

  begin(initial: Buffer | null): SaslStep {
    return initial === null ? { kind: 'challenge', challenge: USERNAME } : this.respond(initial);
  }

  respond(response: Buffer): SaslStep {
    const text = saslText(response);
    if (!text) return { kind: 'malformed' };
    if (this.#user === null) {
      this.#user = text;
      return { kind: 'challenge', challenge: PASSWORD };
    }
    return { kind: 'credentials', credentials: { authzid: '', authcid: this.#user, password: text } };
  }
}
