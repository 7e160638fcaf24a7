/**
 * The IMAP server (RFC 3501, RFC 9051, RFC 8314): a listener with STARTTLS, one with TLS from the first octet, or both, over one store.
 * `close` lets running commands finish, tells every client BYE, and cuts off who lingers.
 */
import type { Socket } from 'node:net';
import { createSecureContext } from 'node:tls';
import type { Clock } from '../../server/clock.ts';
import type { Log } from '../../server/log.ts';
import type { MailStore } from '../../storage/mail-store.ts';
import type { Authenticator } from '../sasl/authenticate.ts';
import { Connection } from '../stream/connection.ts';
import { type Listener, listen } from '../stream/listener.ts';
import { DEFAULT_IMAP_LIMITS, type ImapLimits } from './limits.ts';
import { ImapSession, type ServerContext } from './session/imap-session.ts';
import { runSession } from './session/run-session.ts';
import { SharedReads } from './session/shared-reads.ts';
import { SnapshotPool } from './session/snapshot-pool.ts';

export interface ImapServerOptions {
  readonly store: MailStore;
  readonly authenticator: Authenticator;
  readonly log: Log;
  readonly clock: Clock;
  readonly host: string;
  /** Plain text with STARTTLS; 0 takes a free one, null leaves it out. */
  readonly port: number | null;
  /** TLS from the first octet (RFC 8314 §3.2); needs `tls`. */
  readonly tlsPort?: number | null;
  /** PEM. Null: no TLS at all. */
  readonly tls: { readonly cert: string; readonly key: string; readonly minVersion?: 'TLSv1.2' | 'TLSv1.3' } | null;
  /** Clients on loopback may log in without TLS. */
  readonly allowPlaintextOnLoopback: boolean;
  readonly limits?: Partial<ImapLimits>;
  /** Told by ID (RFC 2971). */
  readonly version?: string;
}

export interface ImapServer {
  /** The bound ports; null where there is no such listener. */
  readonly port: number | null;
  readonly tlsPort: number | null;
  readonly connections: number;
  /** Resolves when the last connection is closed; after `drainMs` (default 5 s) they are cut. */
  close(drainMs?: number): Promise<void>;
}

/** @throws the system's error when an address can't be bound, or the TLS library's when the certificate is unusable. */
export async function startImapServer(options: ImapServerOptions): Promise<ImapServer> {
  const limits: ImapLimits = { ...DEFAULT_IMAP_LIMITS, ...options.limits };
  const { tls } = options;
  const server: ServerContext = {
    store: options.store,
    authenticator: options.authenticator,
    secureContext:
      tls === null
        ? null
        : createSecureContext({ cert: tls.cert, key: tls.key, minVersion: tls.minVersion ?? 'TLSv1.2' }),
    allowPlaintextLogin: options.allowPlaintextOnLoopback,
    limits,
    log: options.log.child({ protocol: 'imap' }),
    clock: options.clock,
    snapshots: new SnapshotPool(),
    reads: new SharedReads(),
    version: options.version ?? '0',
  };
  const sessions = new Map<ImapSession, Promise<void>>();
  const accept = (isTls: boolean) => (socket: Socket) => {
    const connection = new Connection(socket, { stallLimitMs: limits.stallMs, handshakeLimitMs: limits.handshakeMs });
    const session = new ImapSession(server, connection);
    const run = runSession(session, isTls).finally(() => sessions.delete(session));
    sessions.set(session, run);
  };
  const open = (port: number | null | undefined, isTls: boolean): Promise<Listener> | null => {
    if (port === null || port === undefined || (isTls && server.secureContext === null)) return null;
    const busyReply = isTls ? null : '* BYE [UNAVAILABLE] Too many connections\r\n';
    const { maxConnections, maxConnectionsPerAddress } = limits;
    return listen({ host: options.host, port, maxConnections, maxConnectionsPerAddress, busyReply }, accept(isTls));
  };
  const plain = await open(options.port, false);
  const secure = await Promise.resolve(open(options.tlsPort, true)).catch((error: unknown) => {
    plain?.stopAccepting();
    throw error;
  });

  return {
    port: plain?.port ?? null,
    tlsPort: secure?.port ?? null,
    get connections() {
      return sessions.size;
    },
    async close(drainMs = 5_000) {
      plain?.stopAccepting();
      secure?.stopAccepting();
      for (const session of sessions.keys()) session.stop();
      const timer = setTimeout(() => {
        for (const session of sessions.keys()) session.connection.destroy();
      }, drainMs);
      await Promise.all(sessions.values());
      clearTimeout(timer);
    },
  };
}
