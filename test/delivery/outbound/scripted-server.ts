/**
 * A remote SMTP server that answers what a test tells it to, at any phase: any reply, silence, a cut, a flood, a broken handshake.
 * Keeps what arrived: envelope, parameters and the octets after DATA as they were on the wire.
 */

import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { TLSSocket } from 'node:tls';

export type Verb = 'connect' | 'EHLO' | 'HELO' | 'STARTTLS' | 'MAIL' | 'RCPT' | 'DATA' | 'dot' | 'RSET' | 'QUIT';
/** Octets to write; null: silence; 'cut': the connection ends without an answer. */
export type Answer = string | null | 'cut';
export interface Arrival {
  readonly mail: string;
  readonly rcpt: readonly string[];
  /** On the wire, dots still doubled, without the final dot. */
  readonly data: string;
  readonly connection: number;
  readonly isTls: boolean;
}
/** `undefined`: the usual answer. */
export type Script = (verb: Verb, line: string, connection: number) => Answer | undefined;

export interface ScriptedServer {
  readonly port: number;
  readonly host: string;
  readonly arrivals: Arrival[];
  /** Commands in order, with the number of their connection. */
  readonly commands: { readonly connection: number; readonly line: string }[];
  connections: number;
  script: Script;
  /** EHLO keywords. */
  extensions: readonly string[];
  /** Resolves when a command of that verb was received. */
  heard(verb: Verb): Promise<void>;
  close(): Promise<void>;
}

export interface ScriptedOptions {
  readonly host?: string;
  readonly port?: number;
  readonly extensions?: readonly string[];
  readonly script?: Script;
  readonly tls?: { readonly key: string; readonly cert: string };
  readonly onArrival?: (arrival: Arrival) => void;
}

export async function scriptedServer(options: ScriptedOptions = {}): Promise<ScriptedServer> {
  const sockets = new Set<Socket>();
  const waiting: { readonly verb: Verb; readonly resolve: () => void }[] = [];
  const server: Server = createServer({ noDelay: true }, (socket) => {
    remote.connections += 1;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
    serve(socket, remote.connections, false);
  });
  const host = options.host ?? '127.0.0.1';
  server.listen(options.port ?? 0, host);
  await once(server, 'listening');

  const remote: ScriptedServer = {
    port: (server.address() as { port: number }).port,
    host,
    arrivals: [],
    commands: [],
    connections: 0,
    script: options.script ?? (() => undefined),
    extensions: options.extensions ?? ['PIPELINING', 'SIZE 50000000', '8BITMIME', 'ENHANCEDSTATUSCODES'],
    heard: (verb) => new Promise((resolve) => waiting.push({ verb, resolve })),
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };

  function serve(socket: Socket, connection: number, isTls: boolean): void {
    let buffer = '';
    let mode: 'command' | 'data' = 'command';
    let mail = '';
    let rcpt: string[] = [];
    const say = (verb: Verb, line: string, usual: string): boolean => {
      const told = remote.script(verb, line, connection);
      for (let i = waiting.length - 1; i >= 0; i--) if (waiting[i]!.verb === verb) waiting.splice(i, 1)[0]!.resolve();
      if (told === 'cut') {
        socket.destroy();
        return false;
      }
      const answer = told === undefined ? usual : told;
      if (answer !== null) socket.write(answer.endsWith('\n') ? answer : `${answer}\r\n`);
      return answer === usual || (answer?.startsWith(usual[0]!) ?? false);
    };
    const onData = (chunk: Buffer): void => {
      buffer += chunk.toString('latin1');
      for (;;) {
        if (mode === 'data') {
          const end = buffer.startsWith('.\r\n') ? 0 : buffer.indexOf('\r\n.\r\n');
          if (end === -1) return;
          const data = buffer.startsWith('.\r\n') ? '' : buffer.slice(0, end + 2);
          buffer = buffer.slice(buffer.startsWith('.\r\n') ? 3 : end + 5);
          mode = 'command';
          if (say('dot', '.', '250 2.0.0 queued')) {
            const arrival = { mail, rcpt, data, connection, isTls };
            remote.arrivals.push(arrival);
            options.onArrival?.(arrival);
          }
          continue;
        }
        const lineEnd = buffer.indexOf('\r\n');
        if (lineEnd === -1) return;
        const line = buffer.slice(0, lineEnd);
        buffer = buffer.slice(lineEnd + 2);
        remote.commands.push({ connection, line });
        const word = line.split(/[ :]/)[0]!.toUpperCase();
        switch (word) {
          case 'EHLO': {
            const lines = ['remote.test', ...remote.extensions];
            say('EHLO', line, lines.map((text, i) => `250${i === lines.length - 1 ? ' ' : '-'}${text}`).join('\r\n'));
            break;
          }
          case 'STARTTLS':
            if (say('STARTTLS', line, '220 2.0.0 go') && options.tls !== undefined) {
              socket.off('data', onData);
              const secure = new TLSSocket(socket, { isServer: true, ...options.tls });
              secure.on('error', () => undefined);
              serve(secure, connection, true);
              return;
            }
            break;
          case 'MAIL':
            mail = line;
            rcpt = [];
            say('MAIL', line, '250 2.1.0 ok');
            break;
          case 'RCPT':
            if (say('RCPT', line, '250 2.1.5 ok')) rcpt = [...rcpt, line];
            break;
          case 'DATA':
            if (say('DATA', line, '354 go')) mode = 'data';
            break;
          case 'QUIT':
            say('QUIT', line, '221 2.0.0 bye');
            socket.end();
            break;
          default:
            say(word as Verb, line, '250 2.0.0 ok');
        }
      }
    };
    socket.on('data', onData);
    if (!isTls) say('connect', '', '220 remote.test ESMTP');
  }
  return remote;
}
