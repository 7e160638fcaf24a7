/**
 * What a command is: its name, when it may be given, what it reads and what it does. Each stands in a file of its own; registry.ts lists
 * them.
 */
import type { Cursor } from '../grammar/cursor.ts';
import type { Completion } from '../session/completion.ts';
import type { ImapSession } from '../session/imap-session.ts';
import type { MessageLiteral } from '../session/message-literal.ts';

export interface Call {
  readonly tag: string;
  /** Given with UID before it: numbers are UIDs, in the arguments and in the answer (RFC 9051 §6.4.9). */
  readonly isUid: boolean;
  /** The message literal that the command's octets end with (APPEND). */
  readonly literal: MessageLiteral | null;
}

export interface Command {
  readonly name: string;
  readonly when: 'always' | 'beforeLogin' | 'afterLogin' | 'selected';
  /**
   * What the client may be told of its mailbox at the end. 'now' looks into the log in any case, 'all' when something is known to have
   * happened, 'noExpunge' keeps sequence numbers (RFC 9051 §7.5.1; the UID form tells all), 'none' says nothing.
   */
  readonly updates: 'now' | 'all' | 'noExpunge' | 'none';
  /** Reads the arguments to the end of the command. @throws SyntaxFault, Refusal. */
  prepare(cursor: Cursor, session: ImapSession, call: Call): () => Promise<Completion>;
}

export interface CommandSpec<Args> extends Omit<Command, 'prepare'> {
  readonly parse: (cursor: Cursor, call: Call) => Args;
  readonly run: (session: ImapSession, args: Args, call: Call) => Promise<Completion>;
}

export function defineCommand<Args>(spec: CommandSpec<Args>): Command {
  const { parse, run, ...rest } = spec;
  return {
    ...rest,
    prepare(cursor, session, call) {
      const args = parse(cursor, call);
      if (call.literal === null) cursor.expectEnd();
      return () => run(session, args, call);
    },
  };
}

/** For commands without arguments. */
export const noArguments = (): null => null;
