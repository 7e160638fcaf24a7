/** Another mail server: takes what is sent to it and remembers it. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { SMTPServer } from 'smtp-server';

export interface SunkMessage {
  readonly from: string;
  readonly to: readonly string[];
  readonly octets: Buffer;
}

export interface Sink {
  readonly port: number;
  readonly messages: readonly SunkMessage[];
  /** Resolves when `isEnough` holds for what has arrived. */
  until(isEnough: (messages: readonly SunkMessage[]) => boolean): Promise<void>;
  close(): Promise<void>;
}

export async function openSink(): Promise<Sink> {
  const messages: SunkMessage[] = [];
  const waiting = new Set<() => void>();
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['AUTH', 'STARTTLS'],
    onData: (stream, session, done) => {
      const pieces: Buffer[] = [];
      stream.on('data', (piece: Buffer) => pieces.push(piece));
      stream.on('end', () => {
        const { mailFrom, rcptTo } = session.envelope;
        messages.push({
          from: mailFrom === false ? '' : mailFrom.address,
          to: rcptTo.map((recipient) => recipient.address),
          octets: Buffer.concat(pieces),
        });
        done(null, 'taken');
        for (const wake of waiting) wake();
      });
    },
  });
  // A client that is killed resets its connections: nothing of the sink's.
  server.on('error', () => undefined);
  server.listen(0, '127.0.0.1');
  await once(server.server, 'listening');
  return {
    port: (server.server.address() as AddressInfo).port,
    messages,
    until: async (isEnough) => {
      while (!isEnough(messages)) {
        await new Promise<void>((resolve) => {
          const wake = (): void => {
            waiting.delete(wake);
            resolve();
          };
          waiting.add(wake);
        });
      }
    },
    close: () => new Promise((resolve) => server.close(resolve)),
  };
}
