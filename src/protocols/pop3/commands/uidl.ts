/** UIDL (RFC 1939 §7): the unique ids of the messages that are not deleted. */
import { ok } from '../replies.ts';
import type { Command } from './command.ts';
import { noSuchMessage } from './no-such-message.ts';
import { writeListing } from './write-listing.ts';

export const uidl: Command<'UIDL'> = {
  state: 'transaction',
  run: (session, { message }) => {
    const { drop } = session.transaction;
    if (message === null) return writeListing(session, `${drop.count} messages`, (each) => drop.uniqueId(each));
    return drop.has(message) ? ok(`${message} ${drop.uniqueId(message)}`) : noSuchMessage();
  },
};
