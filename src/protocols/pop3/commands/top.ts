/** TOP (RFC 1939 §7): the header, the blank line, and so many lines of the body. */
import type { Command } from './command.ts';
import { writeMessage } from './write-message.ts';

export const top: Command<'TOP'> = {
  state: 'transaction',
  run: (session, { message, lines }) => writeMessage(session, message, lines),
};
