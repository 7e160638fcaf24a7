/**
 * What one connection knows: its peer, the name that USER gave, and after login its drop with its lock (RFC 1939 §3: the AUTHORIZATION and the
 * TRANSACTION state). Whatever ends the session, the lock is given back.
 */
import type { SecureContext } from 'node:tls';
import type { Clock } from '../../../server/clock.ts';
import type { Log } from '../../../server/log.ts';
import type { AccountInfo, AccountStore, MailStore } from '../../../storage/mail-store.ts';
import type { Authenticator } from '../../sasl/authenticate.ts';
import { ConnectionClosed } from '../../stream/byte-reader.ts';
import type { Connection } from '../../stream/connection.ts';
import type { Pop3Limits } from '../limits.ts';
import type { LoginDelay } from '../login-delay.ts';
import type { Maildrop } from '../maildrop.ts';
import type { MaildropLease, MaildropLocks } from '../maildrop-locks.ts';

/** What all sessions of a server share. */
export interface ServerContext {
  readonly store: MailStore;
  readonly authenticator: Authenticator;
  readonly locks: MaildropLocks;
  readonly loginDelay: LoginDelay;
  readonly secureContext: SecureContext | null;
  readonly allowPlaintextLogin: boolean;
  readonly limits: Pop3Limits;
  readonly log: Log;
  readonly clock: Clock;
}

/** The TRANSACTION state. */
export interface Transaction {
  readonly info: AccountInfo;
  readonly store: AccountStore;
  readonly drop: Maildrop;
  readonly lease: MaildropLease;
}

export class Pop3Session {
  readonly server: ServerContext;
  readonly connection: Connection;
  readonly log: Log;
  /** Given by USER, used up by PASS. */
  user: string | null = null;
  /** Set by QUIT, by a fatal reply and by the server's stop: no further command is read. */
  isEnding = false;
  /** The server stops: the client is told when the running command is answered. */
  isStopping = false;
  /** A reply is written in part: an error now can only close the connection. */
  isMidReply = false;
  /** Between two commands. */
  isWaiting = false;
  failedLogins = 0;
  badCommands = 0;
  /** Set by STLS: the handshake begins once its +OK is out. */
  startTls: SecureContext | null = null;
  readonly #closing = new AbortController();
  #transaction: Transaction | null = null;

  constructor(server: ServerContext, connection: Connection) {
    this.server = server;
    this.connection = connection;
    this.log = server.log;
  }

  get isLoggedIn(): boolean {
    return this.#transaction !== null;
  }

  /** Only for commands of the TRANSACTION state. */
  get transaction(): Transaction {
    if (this.#transaction === null) throw new Error('no login');
    return this.#transaction;
  }

  /** RFC 2595 §2.3: a password may travel in clear text on loopback alone, and when the operator says so. */
  get mayLogIn(): boolean {
    return this.connection.isSecure || (this.server.allowPlaintextLogin && this.connection.isLoopback);
  }

  begin(transaction: Transaction): void {
    this.#transaction = transaction;
  }

  /** The server stops: at once between two commands, else when the running one is answered. */
  stop(): void {
    // A session that ends by itself has its last reply already.
    this.isStopping = !this.isEnding;
    this.isEnding = true;
    if (this.isWaiting) this.connection.reader.fail(new ConnectionClosed());
  }

  /** Aborts when the session ends: for waits that have nobody left to answer. */
  get closed(): AbortSignal {
    return this.#closing.signal;
  }

  /** Gives the drop back. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#transaction?.lease.release();
  }
}
