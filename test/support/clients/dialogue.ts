/**
 * A proxy between a mail client and the server that keeps what both say, line by line, so that a test can wait for a line and judge
 * the whole afterwards. Octets pass unchanged; without TLS only. It ends with the connections of its client.
 */
import { EventEmitter } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface DialogueLine {
  /** Number of the connection, from 1. */
  readonly connection: number;
  readonly from: 'client' | 'server';
  readonly text: string;
}

export interface Dialogue {
  /** Where the client has to go, on 127.0.0.1. */
  readonly port: number;
  readonly lines: readonly DialogueLine[];
  /** The first line at or after `start` that fits; waits for it. Rejects after `limitMs`, with the last lines. */
  until(what: string, fits: (line: DialogueLine) => boolean, limitMs: number, start?: number): Promise<DialogueLine>;
  close(): Promise<void>;
}

const SHOWN_LINES = 40;

/** Listens on a free port and connects each client to `targetPort` on 127.0.0.1. */
export async function openDialogue(targetPort: number): Promise<Dialogue> {
  const lines: DialogueLine[] = [];
  const heard = new EventEmitter().setMaxListeners(0);
  const sockets = new Set<Socket>();
  let connections = 0;

  const pass = (source: Socket, sink: Socket, connection: number, from: DialogueLine['from']): void => {
    let rest = '';
    source.on('data', (octets: Buffer) => {
      const texts = (rest + octets.toString('latin1')).split('\n');
      rest = texts.pop() ?? '';
      for (const text of texts) {
        const line = { connection, from, text: text.replace(/\r$/, '') };
        lines.push(line);
        heard.emit('line', line);
      }
    });
    // A reset by one side is the end of both.
    source.on('error', () => sink.destroy());
    source.on('close', () => sockets.delete(source));
    source.pipe(sink);
    sockets.add(source);
  };

  const server = createServer((client) => {
    connections += 1;
    const upstream = connect(targetPort, '127.0.0.1');
    pass(client, upstream, connections, 'client');
    pass(upstream, client, connections, 'server');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

  return {
    port: (server.address() as AddressInfo).port,
    lines,
    until: (what, fits, limitMs, start = 0) =>
      new Promise((resolve, reject) => {
        const known = lines.slice(start).find(fits);
        if (known) return resolve(known);
        const limit = setTimeout(() => {
          heard.off('line', look);
          const last = lines.slice(-SHOWN_LINES).map((line) => `${line.connection} ${line.from}: ${line.text}`);
          reject(new Error(`waited ${limitMs} ms for ${what}; the last lines were\n${last.join('\n')}`));
        }, limitMs);
        const look = (line: DialogueLine): void => {
          if (!fits(line)) return;
          clearTimeout(limit);
          heard.off('line', look);
          resolve(line);
        };
        heard.on('line', look);
      }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}
