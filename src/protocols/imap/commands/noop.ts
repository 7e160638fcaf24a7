/** NOOP (RFC 9051 §6.1.2) and CHECK (RFC 3501 §6.4.1): the occasion to tell what happened. */
import { ok } from '../session/completion.ts';
import { defineCommand, noArguments } from './command.ts';

export const noop = defineCommand({
  name: 'NOOP',
  when: 'always',
  updates: 'now',
  parse: noArguments,
  run: async () => ok('Nothing done'),
});

export const check = defineCommand({
  name: 'CHECK',
  when: 'selected',
  updates: 'now',
  parse: noArguments,
  // Every change is on disk before it is answered: there is nothing to check.
  run: async () => ok('Check completed'),
});
