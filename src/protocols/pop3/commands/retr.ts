/** RETR (RFC 1939 §5): a whole message. It does not set \Seen, so that a client that leaves mail on the server doesn't change what IMAP shows. */
import type { Command } from './command.ts';
import { writeMessage } from './write-message.ts';

export const retr: Command<'RETR'> = {
  state: 'transaction',
  run: (session, { message }) => writeMessage(session, message, null),
};
