/**
 * A listening TCP socket with limits on connections, in all and per address. Beyond a limit the connection is told `busyReply` and closed
 * before anything is read from it.
 */
import { createServer, type Socket } from 'node:net';

export interface ListenerOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly maxConnections: number;
  readonly maxConnectionsPerAddress: number;
  /** Sent in clear text to whom there is no room for; null on a port that speaks TLS at once. */
  readonly busyReply: string | null;
}

export interface Listener {
  readonly host: string;
  readonly port: number;
  /** Takes no more connections. Those that run go on. */
  stopAccepting(): void;
}

/** @throws the system's error when the address can't be bound. */
export async function listen(options: ListenerOptions, onConnection: (socket: Socket) => void): Promise<Listener> {
  const perAddress = new Map<string, number>();
  let open = 0;
  // Half-open sockets let a peer pipe its commands, close its side and still read the answers.
  const server = createServer({ noDelay: true, keepAlive: true, allowHalfOpen: true }, (socket) => {
    const address = socket.remoteAddress ?? '';
    const ofAddress = perAddress.get(address) ?? 0;
    if (open >= options.maxConnections || ofAddress >= options.maxConnectionsPerAddress) {
      socket.on('error', () => undefined);
      if (options.busyReply === null) socket.destroy();
      else socket.end(options.busyReply, () => socket.destroy());
      return;
    }
    open += 1;
    perAddress.set(address, ofAddress + 1);
    socket.once('close', () => {
      open -= 1;
      const left = (perAddress.get(address) ?? 1) - 1;
      if (left === 0) perAddress.delete(address);
      else perAddress.set(address, left);
    });
    onConnection(socket);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  // Running out of descriptors must not end the process: the next accept is tried when the next connection comes.
  server.on('error', () => undefined);
  const bound = server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : options.port;
  return { host: options.host, port, stopAccepting: () => void server.close() };
}
