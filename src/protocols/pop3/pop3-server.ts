/**
 * The POP3 server (RFC 1939, RFC 2449, RFC 8314): one listener, with STLS or with TLS from the first octet, over the store. Two ports are two
 * servers with the same `locks`. `close` lets running commands finish and cuts off who lingers; nobody's deletions happen but by QUIT.
 */
import type { Socket } from 'node:net';
import { createSecureContext } from 'node:tls';
import type { Clock } from '../../server/clock.ts';
import type { Log } from '../../server/log.ts';
import type { MailStore } from '../../storage/mail-store.ts';
import type { Authenticator } from '../sasl/authenticate.ts';
import { Connection } from '../stream/connection.ts';
import { listen } from '../stream/listener.ts';
import { DEFAULT_POP3_LIMITS, type Pop3Limits } from './limits.ts';
import { LoginDelay } from './login-delay.ts';
import type { MaildropLocks } from './maildrop-locks.ts';
import { err, printReply } from './replies.ts';
import { Pop3Session, type ServerContext } from './session/pop3-session.ts';
import { runSession } from './session/run-session.ts';

export interface Pop3ServerOptions {
  readonly store: MailStore;
  readonly authenticator: Authenticator;
  /** The same for all POP3 listeners of an installation: see maildrop-locks.ts. */
  readonly locks: MaildropLocks;
  /** Port 0 takes a free one. */
  readonly listen: { readonly host: string; readonly port: number };
  /** TLS from the first octet (RFC 8314 §3.3); needs `tls`. */
  readonly isImplicitTls: boolean;
  /** PEM. Null: no TLS at all. */
  readonly tls: { readonly cert: string; readonly key: string; readonly minVersion?: 'TLSv1.2' | 'TLSv1.3' } | null;
  /** Clients on loopback may log in without TLS. */
  readonly allowPlaintextOnLoopback: boolean;
  readonly limits?: Partial<Pop3Limits>;
  readonly log: Log;
  readonly clock: Clock;
}

export interface Pop3Server {
  readonly host: string;
  readonly port: number;
  readonly connections: number;
  /** Resolves when the last connection is closed; after `limitMs` (default 5 s) they are cut. */
  close(limitMs?: number): Promise<void>;
}

/** @throws the system's error when the address can't be bound, or the TLS library's when the certificate is unusable. */
export async function startPop3Server(options: Pop3ServerOptions): Promise<Pop3Server> {
  const { tls, isImplicitTls, clock } = options;
  if (isImplicitTls && tls === null) throw new Error('a POP3 listener with TLS needs a certificate');
  const limits: Pop3Limits = { ...DEFAULT_POP3_LIMITS, ...options.limits };
  const server: ServerContext = {
    store: options.store,
    authenticator: options.authenticator,
    locks: options.locks,
    loginDelay: new LoginDelay(limits.loginDelayMs, clock),
    secureContext:
      tls === null
        ? null
        : createSecureContext({ cert: tls.cert, key: tls.key, minVersion: tls.minVersion ?? 'TLSv1.2' }),
    allowPlaintextLogin: options.allowPlaintextOnLoopback,
    limits,
    log: options.log.child({ protocol: 'pop3' }),
    clock,
  };
  const sessions = new Map<Pop3Session, Promise<void>>();
  const accept = (socket: Socket): void => {
    const connection = new Connection(socket, { stallLimitMs: limits.stallMs, handshakeLimitMs: limits.handshakeMs });
    const session = new Pop3Session(server, connection);
    sessions.set(
      session,
      runSession(session, isImplicitTls).finally(() => sessions.delete(session)),
    );
  };
  const { maxConnections, maxConnectionsPerAddress } = limits;
  const busyReply = isImplicitTls ? null : printReply(err('Too many connections', 'SYS/TEMP'));
  const listener = await listen({ ...options.listen, maxConnections, maxConnectionsPerAddress, busyReply }, accept);

  return {
    host: listener.host,
    port: listener.port,
    get connections() {
      return sessions.size;
    },
    async close(limitMs = 5_000) {
      listener.stopAccepting();
      for (const session of sessions.keys()) session.stop();
      const timer = setTimeout(() => {
        for (const session of sessions.keys()) session.connection.destroy();
      }, limitMs);
      await Promise.all(sessions.values());
      clearTimeout(timer);
    },
  };
}
