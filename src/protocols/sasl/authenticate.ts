/**
 * From claimed credentials to an account, the same way for every protocol: the brake first, then the directory, then the right to act as the
 * one named.
 *
 * Throws Refusal 'authenticationFailed' whatever was wrong (RFC 4422 §6.1.2: no oracle), Refusal 'accountDisabled', Deferral 'limited'
 * (too many failures) and 'unavailable' (the directory can't be reached; not counted as a failure). No password is ever logged.
 */
import { parseAddress } from '../../mail/address.ts';
import { Refusal } from '../../mail/refusal.ts';
import type { AccountInfo, Directory } from '../../storage/mail-store.ts';
import type { LoginBrake } from './login-brake.ts';
import type { SaslCredentials } from './mechanism.ts';

export interface Authenticator {
  authenticate(credentials: SaslCredentials, remoteAddress: string, signal?: AbortSignal): Promise<AccountInfo>;
}

export function createAuthenticator(directory: Directory, brake: LoginBrake): Authenticator {
  return {
    async authenticate(credentials, remoteAddress, signal) {
      const attempt = { remoteAddress, user: credentials.authcid };
      await brake.admit(attempt);
      try {
        const account = await directory.authenticate(credentials.authcid, credentials.password);
        if (!mayActAs(account, credentials)) throw new Refusal('authenticationFailed', 'authentication failed');
        await brake.succeeded(attempt);
        return account;
      } catch (error) {
        if (error instanceof Refusal && error.code === 'authenticationFailed') await brake.failed(attempt, signal);
        throw error;
      }
    },
  };
}

/** RFC 4616 §2: an authorization identity other than the user's own is refused, since nobody may act for another yet. */
function mayActAs(account: AccountInfo, { authcid, authzid }: SaslCredentials): boolean {
  if (authzid === '' || authzid.toLowerCase() === authcid.toLowerCase()) return true;
  const address = parseAddress(authzid);
  return address !== null && account.addresses.some((own) => own.toLowerCase() === authzid.toLowerCase());
}
