/** USER and PASS (RFC 1939 §7). USER is never told whether there is such a user. */
import { err, ok } from '../replies.ts';
import type { Command } from './command.ts';
import { finishLogin, refuseClearText } from './finish-login.ts';

export const user: Command<'USER'> = {
  state: 'authorization',
  run: (session, { name }) => {
    if (!session.mayLogIn) return refuseClearText();
    session.user = name;
    return ok('Send the password');
  },
};

export const pass: Command<'PASS'> = {
  state: 'authorization',
  run: (session, { password }) => {
    if (!session.mayLogIn) return refuseClearText();
    const authcid = session.user;
    if (authcid === null) return err('USER comes first');
    session.user = null;
    return finishLogin(session, { authcid, authzid: '', password });
  },
};
