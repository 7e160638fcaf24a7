/** DELE (RFC 1939 §5): a mark of this session; the message goes at QUIT. */
import { ok } from '../replies.ts';
import type { Command } from './command.ts';
import { noSuchMessage } from './no-such-message.ts';

export const dele: Command<'DELE'> = {
  state: 'transaction',
  run: ({ transaction: { drop } }, { message }) => {
    if (!drop.has(message)) return noSuchMessage();
    drop.delete(message);
    return ok(`Message ${message} is deleted at QUIT`);
  },
};
