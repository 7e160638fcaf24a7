/** LOGOUT (RFC 9051 §6.1.3). */
import { ok } from '../session/completion.ts';
import { defineCommand, noArguments } from './command.ts';

export const logout = defineCommand({
  name: 'LOGOUT',
  when: 'always',
  updates: 'none',
  parse: noArguments,
  run: async (session) => {
    session.untagged('BYE Logging out');
    session.isEnding = true;
    return ok('Logout completed');
  },
});
