/** CAPABILITY (RFC 9051 §6.1.1). */
import { capabilities } from '../capabilities.ts';
import { ok } from '../session/completion.ts';
import { defineCommand, noArguments } from './command.ts';

export const capability = defineCommand({
  name: 'CAPABILITY',
  when: 'always',
  updates: 'all',
  parse: noArguments,
  run: async (session) => {
    session.untagged(`CAPABILITY ${capabilities(session)}`);
    return ok('Capability completed');
  },
});
