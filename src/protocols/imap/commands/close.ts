/** CLOSE (RFC 9051 §6.4.1), which expunges without telling, and UNSELECT (§6.4.2, RFC 3691), which doesn't. */
import { ok } from '../session/completion.ts';
import { defineCommand, noArguments } from './command.ts';

export const close = defineCommand({
  name: 'CLOSE',
  when: 'selected',
  updates: 'none',
  parse: noArguments,
  run: async (session) => {
    const { selected, store } = session;
    if (selected !== null && !selected.isReadOnly) await store.expunge(selected.view.mailbox);
    session.unselect();
    return ok('Close completed');
  },
});

export const unselect = defineCommand({
  name: 'UNSELECT',
  when: 'selected',
  updates: 'none',
  parse: noArguments,
  run: async (session) => {
    session.unselect();
    return ok('Unselect completed');
  },
});
