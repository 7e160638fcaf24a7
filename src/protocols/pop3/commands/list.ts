/** LIST (RFC 1939 §5): numbers and sizes of the messages that are not deleted. */
import { ok } from '../replies.ts';
import type { Command } from './command.ts';
import { noSuchMessage } from './no-such-message.ts';
import { writeListing } from './write-listing.ts';

export const list: Command<'LIST'> = {
  state: 'transaction',
  run: (session, { message }) => {
    const { drop } = session.transaction;
    if (message === null) {
      const heading = `${drop.count} messages (${drop.octets} octets)`;
      return writeListing(session, heading, (each) => String(drop.size(each)));
    }
    return drop.has(message) ? ok(`${message} ${drop.size(message)}`) : noSuchMessage();
  },
};
