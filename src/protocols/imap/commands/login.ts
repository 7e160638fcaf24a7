/** LOGIN (RFC 9051 §6.2.3). */
import { Refusal } from '../../../mail/refusal.ts';
import { defineCommand } from './command.ts';
import { finishLogin, refuseClearText } from './finish-login.ts';

export const login = defineCommand({
  name: 'LOGIN',
  when: 'beforeLogin',
  updates: 'none',
  parse: (cursor) => {
    cursor.space();
    const user = cursor.astring();
    cursor.space();
    return { user, password: cursor.astring() };
  },
  run: async (session, { user, password }) => {
    if (!session.mayLogIn) return refuseClearText();
    const authcid = user.toString('utf8');
    if (authcid.includes('\ufffd') || authcid.includes('\0')) throw new Refusal('authenticationFailed', 'Login failed');
    return finishLogin(session, { authcid, authzid: '', password: password.toString('utf8') });
  },
});
