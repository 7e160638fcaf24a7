/**
 * HTTP Basic authentication (RFC 7617 §2). A 401 never tells whether the user exists. Web clients send the password with
 * every request; what makes that cheap, and safe when a password changes, is the directory's business.
 */
import type { Context } from 'koa';
import { Refusal } from '../../mail/refusal.ts';
import type { AccountInfo } from '../../storage/mail-store.ts';
import type { Authenticator } from '../sasl/authenticate.ts';
import { HttpProblem } from './problem.ts';

/** Who asks: the account of the request, or an HttpProblem 401. */
export type Authenticate = (ctx: Context) => Promise<AccountInfo>;

export interface BasicAuthenticationOptions {
  /** With the brake on guessing that all protocols share. */
  readonly authenticator: Authenticator;
  readonly realm: string;
  /** Whether a password may come over this connection: false on plain HTTP from outside. */
  readonly isAllowed?: (ctx: Context) => boolean;
}

const MAX_CREDENTIAL_OCTETS = 2_048;

export function basicAuthentication(options: BasicAuthenticationOptions): Authenticate {
  const { authenticator, realm } = options;
  const unauthorized = (): HttpProblem =>
    new HttpProblem(401, 'A user name and a password are needed.', {
      'WWW-Authenticate': `Basic realm="${realm.replace(/[^\w .-]/g, '')}", charset="UTF-8"`,
      'Cache-Control': 'no-store',
    });

  return async (ctx) => {
    if (options.isAllowed?.(ctx) === false) {
      throw new HttpProblem(403, 'A password is only taken over an encrypted connection: use https.');
    }
    const credentials = parseBasic(ctx.get('Authorization'));
    if (credentials === null) throw unauthorized();
    const { user, password } = credentials;
    try {
      return await authenticator.authenticate({ authcid: user, authzid: '', password }, ctx.ip);
    } catch (error) {
      throw error instanceof Refusal ? unauthorized() : error;
    }
  };
}

/** RFC 7617 §2: the user name ends at the first colon; no control characters. Null for anything else. */
export function parseBasic(header: string): { readonly user: string; readonly password: string } | null {
  if (header.length > MAX_CREDENTIAL_OCTETS * 2) return null;
  const match = /^basic +([A-Za-z0-9+/=]+)$/i.exec(header.trim());
  if (!match) return null;
  const text = Buffer.from(match[1]!, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  if (colon < 1 || text.length > MAX_CREDENTIAL_OCTETS || /[\x00-\x1f\x7f]/.test(text)) return null;
  return { user: text.slice(0, colon), password: text.slice(colon + 1) };
}
