/**
 * What one connection knows: its peer, its login, its selected mailbox and what it has enabled (RFC 9051 §3). Commands get it and change it
 * by these verbs only; replies to the selected mailbox's changes are written in updates.ts alone.
 */

import type { SecureContext } from 'node:tls';
import type { Modseq } from '../../../mail/ids.ts';
import { asModseq } from '../../../mail/ids.ts';
import type { Clock } from '../../../server/clock.ts';
import type { Log } from '../../../server/log.ts';
import type { AccountInfo, AccountStore, MailStore, Unfollow } from '../../../storage/mail-store.ts';
import type { Authenticator } from '../../sasl/authenticate.ts';
import { ConnectionClosed } from '../../stream/byte-reader.ts';
import type { Connection } from '../../stream/connection.ts';
import type { ImapLimits } from '../limits.ts';
import { MailboxTree } from './mailbox-names.ts';
import type { MailboxView } from './mailbox-view.ts';
import type { MessageLiteral } from './message-literal.ts';
import type { SharedReads } from './shared-reads.ts';
import type { SnapshotPool } from './snapshot-pool.ts';
import { Wake } from './wake.ts';

/** What all sessions of a server share. */
export interface ServerContext {
  readonly store: MailStore;
  readonly authenticator: Authenticator;
  readonly secureContext: SecureContext | null;
  readonly allowPlaintextLogin: boolean;
  readonly limits: ImapLimits;
  readonly log: Log;
  readonly clock: Clock;
  readonly snapshots: SnapshotPool;
  readonly reads: SharedReads;
  readonly version: string;
}

export interface Login {
  readonly info: AccountInfo;
  readonly store: AccountStore;
}

export interface Selected {
  readonly view: MailboxView;
  readonly path: string;
  readonly isReadOnly: boolean;
}

export class ImapSession {
  readonly server: ServerContext;
  readonly connection: Connection;
  readonly log: Log;
  /** Wakes IDLE: a change, a line of the client, a stop. */
  readonly wake = new Wake();
  /** RFC 7162 §3.1: a command that needs mod-sequences has been given. */
  isCondstore = false;
  /** RFC 7162 §3.2.3: EXPUNGE is told as VANISHED, for as long as the connection lives. */
  isQresync = false;
  /** Set by LOGOUT, by a fatal reply and by the server's stop: no further command is read. */
  isEnding = false;
  /** The server stops: the client is told when the running command is answered. */
  isStopping = false;
  /** A reply is written in part: an error now can only close the connection. */
  isMidReply = false;
  failedLogins = 0;
  badCommands = 0;
  /** Between two commands: nothing is lost when the session ends here. */
  isWaiting = false;
  /** A message literal of the running command that is not dealt with yet. */
  pendingLiteral: MessageLiteral | null = null;
  /** Set by STARTTLS: the handshake begins once its OK is out. */
  startTls: SecureContext | null = null;
  readonly #closing = new AbortController();
  #login: Login | null = null;
  #selected: Selected | null = null;
  #newest: Modseq = asModseq(0);
  #unfollow: Unfollow | null = null;

  constructor(server: ServerContext, connection: Connection) {
    this.server = server;
    this.connection = connection;
    this.log = server.log;
  }

  get login(): Login | null {
    return this.#login;
  }

  /** The account's store. Only for commands that need a login. */
  get store(): AccountStore {
    if (this.#login === null) throw new Error('no login');
    return this.#login.store;
  }

  get selected(): Selected | null {
    return this.#selected;
  }

  /** Only for commands that need a selected mailbox. */
  get view(): MailboxView {
    if (this.#selected === null) throw new Error('no mailbox selected');
    return this.#selected.view;
  }

  /** RFC 9051 §6.2.3: a password may travel in clear text on loopback alone, and when the operator says so. */
  get mayLogIn(): boolean {
    return this.connection.isSecure || (this.server.allowPlaintextLogin && this.connection.isLoopback);
  }

  logIn(login: Login): void {
    this.#login = login;
  }

  select(selected: Selected): void {
    this.#selected = selected;
    this.#unfollow ??= this.store.follow((modseq) => this.noteModseq(modseq));
  }

  unselect(): void {
    this.#selected = null;
    this.#unfollow?.();
    this.#unfollow = null;
  }

  /** The account has reached this modseq: by a doorbell, or by a command of this session. */
  noteModseq(modseq: Modseq): void {
    if (modseq > this.#newest) this.#newest = modseq;
    this.wake.wake();
  }

  /** Whether there is something in the log that the client may have to be told. */
  get isBehind(): boolean {
    const view = this.#selected?.view;
    return view !== undefined && (this.#newest > view.cursor || view.hasHeldBack);
  }

  async mailboxes(): Promise<{ readonly tree: MailboxTree; readonly state: Modseq }> {
    const { state, mailboxes } = await this.store.mailboxes();
    return { tree: new MailboxTree(mailboxes), state: state.modseq };
  }

  /** An untagged reply, without its star and line end. Text of ASCII, or with literals made by grammar/strings. */
  untagged(text: string): void {
    this.connection.writer.text(`* ${text}\r\n`);
  }

  /** The server stops: at once between two commands, else when the running one is answered. */
  stop(): void {
    this.isEnding = true;
    this.isStopping = true;
    if (this.isWaiting) this.connection.reader.fail(new ConnectionClosed());
    this.wake.wake();
  }

  /** Aborts when the session ends: for waits that have nobody left to answer. */
  get closed(): AbortSignal {
    return this.#closing.signal;
  }

  close(): void {
    this.#closing.abort();
    this.unselect();
    this.#login = null;
  }
}
