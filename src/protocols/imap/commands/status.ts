/** STATUS (RFC 9051 §6.3.11): counters from the mailbox's row. */
import { ok } from '../session/completion.ts';
import { readMailboxName } from '../session/mailbox-names.ts';
import { parseStatusItems, writeStatus } from '../session/status-items.ts';
import { defineCommand } from './command.ts';

export const status = defineCommand({
  name: 'STATUS',
  when: 'afterLogin',
  updates: 'all',
  parse: (cursor) => {
    cursor.space();
    const octets = cursor.astring();
    cursor.space();
    return { octets, items: parseStatusItems(cursor) };
  },
  run: async (session, { octets, items }) => {
    const { tree } = await session.mailboxes();
    const { mailbox, path } = tree.require(readMailboxName(octets));
    await writeStatus(session, path, mailbox, items);
    return ok('Status completed');
  },
});
