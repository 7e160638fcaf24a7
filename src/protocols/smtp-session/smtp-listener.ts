/**
 * A listening port of SMTP or LMTP: smtp-server's listener with our connections in it, limits on how many there are, and an end that waits for
 * messages that are under way and for nothing else.
 *
 * A connection beyond a limit is told 421 4.7.0 and closed before anything is read from it. Failure to bind is thrown by `listenSmtp`.
 */
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { SMTPServer } from 'smtp-server';
import type { SMTPConnectionOptions, TLSError } from 'smtp-server/lib/smtp-connection.js';
import type { Log } from '../../server/log.ts';
import { networkOf } from '../stream/network-of.ts';
import { SmtpClientConnection } from './smtp-connection.ts';
import { SMTP_LIMITS, type SmtpLimits } from './smtp-limits.ts';
import type { SmtpRole } from './smtp-role.ts';

export interface SmtpListenerOptions {
  readonly role: SmtpRole;
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** The name in the greeting and in EHLO's answer. */
  readonly hostname: string;
  /** PEM. Null: no TLS. */
  readonly tls: { readonly cert: string; readonly key: string; readonly minVersion?: 'TLSv1.2' | 'TLSv1.3' } | null;
  /** TLS from the first octet (RFC 8314 §3.3); needs `tls`. */
  readonly isImplicitTls?: boolean;
  /** Clients on loopback may log in without TLS. */
  readonly allowPlaintextOnLoopback?: boolean;
  readonly limits?: Partial<SmtpLimits>;
  readonly log: Log;
}

/** A port that is open. */
export interface RunningSmtp {
  readonly host: string;
  readonly port: number;
  readonly connections: number;
  /** Takes no more connections, tells idle clients 421, lets messages that are under way end; after `drainMs` (default 5 s) cuts the rest. */
  close(drainMs?: number): Promise<void>;
}

/** Of smtp-server, none of which a mail server should have. */
const DISABLED = ['WIZ', 'SHELL', 'KILL', 'XCLIENT', 'XFORWARD'];
const DRAIN_MS = 5_000;

export class SmtpListener extends SMTPServer {
  readonly role: SmtpRole;
  readonly limits: SmtpLimits;
  readonly log: Log;
  readonly hasStartTls: boolean;
  readonly allowPlaintextOnLoopback: boolean;
  readonly #isImplicitTls: boolean;
  readonly #perNetwork = new Map<string, number>();
  readonly #clients = new Set<SmtpClientConnection>();
  readonly #sockets = new Set<Socket>();

  constructor(options: SmtpListenerOptions) {
    const { role, tls } = options;
    const limits: SmtpLimits = { ...SMTP_LIMITS, ...options.limits };
    const isImplicitTls = options.isImplicitTls === true;
    super({
      name: options.hostname,
      banner: 'Waxwing',
      lmtp: role.protocol === 'lmtp',
      secure: isImplicitTls,
      ...(tls === null
        ? {}
        : { cert: tls.cert, key: tls.key, minVersion: tls.minVersion ?? 'TLSv1.2', honorCipherOrder: true }),
      disabledCommands: [...DISABLED, ...(role.login === undefined ? ['AUTH'] : [])],
      hideENHANCEDSTATUSCODES: false,
      disableReverseLookup: true,
      // A client may pipe its commands, close its side, and still read the replies.
      allowHalfOpen: true,
      // The deadlines of a connection are its own; this one only catches what hangs in the library.
      socketTimeout: Math.max(limits.commandMs, limits.dataWindowMs) + 10_000,
      logger: false,
    });
    this.role = role;
    this.limits = limits;
    this.log = options.log;
    this.hasStartTls = tls !== null && !isImplicitTls;
    this.allowPlaintextOnLoopback = options.allowPlaintextOnLoopback === true;
    this.#isImplicitTls = isImplicitTls;
    this.on('error', (cause) => this.log.debug({ cause }, 'a connection failed'));
  }

  override connect(socket: Socket | TLSSocket, options?: SMTPConnectionOptions | null): void {
    const connection = new SmtpClientConnection(this, socket, options);
    this.connections.add(connection);
    connection.on('error', (cause) => this._onError(cause));
    this.#clients.add(connection);
    connection.start();
  }

  get openSockets(): number {
    return this.#sockets.size;
  }

  /** The connection is closed on both sides. */
  forget(connection: SmtpClientConnection): void {
    this.#clients.delete(connection);
  }

  override _acceptSocket(socket: Socket, isHandshakeAhead: boolean): (() => void) | false {
    const network = networkOf(socket.remoteAddress ?? '');
    const ofNetwork = this.#perNetwork.get(network) ?? 0;
    if (this.#sockets.size >= this.limits.maxConnections || ofNetwork >= this.limits.maxConnectionsPerNetwork) {
      socket.on('error', () => undefined);
      if (this.#isImplicitTls) socket.destroy();
      else socket.end('421 4.7.0 too many connections, try again later\r\n', () => socket.destroy());
      return false;
    }
    this.#sockets.add(socket);
    this.#perNetwork.set(network, ofNetwork + 1);
    socket.once('close', () => {
      this.#sockets.delete(socket);
      const left = (this.#perNetwork.get(network) ?? 1) - 1;
      if (left === 0) this.#perNetwork.delete(network);
      else this.#perNetwork.set(network, left);
    });
    return super._acceptSocket(socket, isHandshakeAhead);
  }

  /** With a limit on the handshake as a whole: the library's restarts with every octet. */
  override _upgrade(socket: Socket, callback: (error: TLSError | null, secure?: TLSSocket) => void): void {
    const timer = setTimeout(() => this._pendingSockets.get(socket)?.destroy(), this.limits.handshakeMs);
    timer.unref();
    super._upgrade(socket, (error, secure) => {
      clearTimeout(timer);
      callback(error, secure);
    });
  }

  /** Resolves when the last socket is closed. */
  async stop(drainMs: number): Promise<void> {
    // The library's part: no more connections, and every next command is answered 421.
    this.options.closeTimeout = drainMs;
    const isClosed = new Promise<void>((resolve) => this.server.once('close', resolve));
    this.close();
    for (const connection of this.#clients) connection.stop();
    const timer = setTimeout(() => {
      for (const connection of this.#clients) connection.cut();
      for (const socket of this.#sockets) socket.destroy();
    }, drainMs);
    await isClosed;
    clearTimeout(timer);
  }
}

/** @throws the system's error when the address can't be bound, or the TLS library's when the certificate is unusable. */
export async function listenSmtp(options: SmtpListenerOptions): Promise<RunningSmtp> {
  const listener = new SmtpListener(options);
  await new Promise<void>((resolve, reject) => {
    listener.server.once('error', reject);
    listener.listen(options.port, options.host, () => {
      listener.server.off('error', reject);
      resolve();
    });
  });
  const bound = listener.server.address();
  return {
    host: options.host,
    port: typeof bound === 'object' && bound !== null ? bound.port : options.port,
    get connections() {
      return listener.openSockets;
    },
    close: (drainMs = DRAIN_MS) => listener.stop(drainMs),
  };
}
