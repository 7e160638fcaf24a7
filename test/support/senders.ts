/** Cheap clients for tests and benchmarks that put mail in: SMTP, submission and LMTP over raw sockets, one message after the other on one connection. */
import { LineClient } from './line-client.ts';

export interface Sender {
  /** From MAIL to the final reply; throws when it isn't a 250. */
  send(from: string, to: string, octets: Buffer): Promise<void>;
  close(): Promise<void>;
}

export async function openSender(
  kind: 'smtp' | 'lmtp' | 'submission',
  port: number,
  login?: { readonly user: string; readonly password: string },
): Promise<Sender> {
  const client = await LineClient.open(port);
  await client.reply();
  await client.smtp(`${kind === 'lmtp' ? 'LHLO' : 'EHLO'} bench.example`, '250');
  if (login)
    await client.smtp(`AUTH PLAIN ${Buffer.from(`\0${login.user}\0${login.password}`).toString('base64')}`, '235');
  const dot = Buffer.from('.\r\n');
  return {
    send: async (from, to, octets) => {
      // RFC 2920 §3.1: the envelope in one group.
      await client.write(`MAIL FROM:<${from}>\r\nRCPT TO:<${to}>\r\nDATA\r\n`);
      for (const code of [250, 250, 354]) {
        const reply = await client.reply();
        if (reply?.code !== code)
          throw new Error(`expected ${code}, got ${reply ? `${reply.code} ${reply.lines.join(' ')}` : 'the end'}`);
      }
      await client.write(octets);
      await client.write(dot);
      const reply = await client.reply();
      if (reply?.code !== 250)
        throw new Error(
          `the message was answered ${reply ? `${reply.code} ${reply.lines.join(' ')}` : 'with the end'}`,
        );
    },
    close: async () => {
      await client.smtp('QUIT', '221');
      client.destroy();
    },
  };
}
