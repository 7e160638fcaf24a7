/**
 * What a command is: when it may be given and what it does. Each stands in the file with its name; registry.ts lists them.
 */
import type { CommandName, Request } from '../grammar.ts';
import type { Reply } from '../replies.ts';
import type { Pop3Session } from '../session/pop3-session.ts';

export type RequestOf<Name extends CommandName> = Extract<Request, { readonly command: Name }>;

export interface Command<Name extends CommandName> {
  /** RFC 1939 §3. */
  readonly state: 'any' | 'authorization' | 'transaction';
  /** Null: the reply is written. @throws Refusal, Deferral. */
  readonly run: (session: Pop3Session, request: RequestOf<Name>) => Reply | null | Promise<Reply | null>;
}
