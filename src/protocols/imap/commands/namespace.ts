/** NAMESPACE (RFC 9051 §6.3.10, RFC 2342): one personal namespace without a prefix. */
import { ok } from '../session/completion.ts';
import { defineCommand, noArguments } from './command.ts';

export const namespace = defineCommand({
  name: 'NAMESPACE',
  when: 'afterLogin',
  updates: 'all',
  parse: noArguments,
  run: async (session) => {
    session.untagged('NAMESPACE (("" "/")) NIL NIL');
    return ok('Namespace completed');
  },
});
