/** All commands by name, and the rule of states (RFC 1939 §3). APOP is off: it needs passwords in clear text on the server. */
import type { CommandName, Request } from '../grammar.ts';
import { err, ok, type Reply } from '../replies.ts';
import type { Pop3Session } from '../session/pop3-session.ts';
import { auth } from './auth.ts';
import { capa } from './capa.ts';
import type { Command } from './command.ts';
import { dele } from './dele.ts';
import { list } from './list.ts';
import { quit } from './quit.ts';
import { retr } from './retr.ts';
import { stls } from './stls.ts';
import { top } from './top.ts';
import { uidl } from './uidl.ts';
import { pass, user } from './user-pass.ts';

const COMMANDS: { readonly [Name in CommandName]: Command<Name> } = {
  CAPA: capa,
  STLS: stls,
  // RFC 6856 §2.1. Messages are sent as they are stored, with or without it: a client that never learnt of it still gets its mail.
  UTF8: { state: 'authorization', run: () => ok('UTF-8 it is') },
  AUTH: auth,
  USER: user,
  PASS: pass,
  STAT: {
    state: 'transaction',
    run: ({ transaction: { drop } }) => ok(`${drop.count} ${drop.octets}`),
  },
  LIST: list,
  UIDL: uidl,
  RETR: retr,
  TOP: top,
  DELE: dele,
  NOOP: { state: 'transaction', run: () => ok('Nothing done') },
  RSET: {
    state: 'transaction',
    run: ({ transaction: { drop } }) => {
      drop.restore();
      return ok(`${drop.count} messages (${drop.octets} octets)`);
    },
  },
  QUIT: quit,
};

export async function runCommand(session: Pop3Session, request: Request): Promise<Reply | null> {
  // The table gives each name the command of that very name.
  const command = COMMANDS[request.command] as Command<CommandName>;
  if (command.state === 'transaction' && !session.isLoggedIn) return err('Log in first');
  if (command.state === 'authorization' && session.isLoggedIn) return err('Logged in already');
  if (session.isLoggedIn && !session.transaction.lease.isHeld) {
    session.isEnding = true;
    return err('The lock of the maildrop is lost, nothing was removed', 'SYS/TEMP');
  }
  return command.run(session, request);
}
