/** Logins without the brake, which is tested by its own. */
import type { Authenticator } from '../../src/protocols/sasl/authenticate.ts';
import type { Directory } from '../../src/storage/mail-store.ts';

export function plainAuthenticator(store: { readonly directory: Pick<Directory, 'authenticate'> }): Authenticator {
  return { authenticate: ({ authcid, password }) => store.directory.authenticate(authcid, password) };
}
