/** A store on a database of its own, a POP3 server before it, accounts with mail, and clients that are logged in. */

import { after } from 'node:test';
import { parseAddress } from '../../../src/mail/address.ts';
import type { MailboxId } from '../../../src/mail/ids.ts';
import { LocalMaildropLocks } from '../../../src/protocols/pop3/maildrop-locks.ts';
import { type Pop3Server, type Pop3ServerOptions, startPop3Server } from '../../../src/protocols/pop3/pop3-server.ts';
import { systemClock } from '../../../src/server/clock.ts';
import { silentLog } from '../../../src/server/log.ts';
import type { AccountStore, MailStore } from '../../../src/storage/mail-store.ts';
import { openMailStore } from '../../../src/storage/open-store.ts';
import { certificate } from '../../support/certificate.ts';
import { faultLog } from '../../support/fault-log.ts';
import { plainAuthenticator } from '../../support/plain-authenticator.ts';
import { freshDatabase, freshKeyPrefix, mongodbUri, redisUrl } from '../../support/services.ts';
import { Pop3Client } from './pop3-client.ts';

export const PASSWORD = 'correct horse';

export interface User {
  readonly address: string;
  readonly account: AccountStore;
  readonly inbox: MailboxId;
}

export interface Pop3Fixture {
  readonly store: MailStore;
  readonly server: Pop3Server;
  /** Lines of level error: faults of ours. */
  readonly faults: object[];
  /** A new account with these messages in its Inbox. */
  user(messages?: readonly (string | Buffer)[]): Promise<User>;
  deliver(user: User, messages: readonly (string | Buffer)[]): Promise<void>;
  /** A new connection, logged in. */
  client(user: User): Promise<Pop3Client>;
  /** A new connection after its greeting. */
  stranger(port?: number): Promise<Pop3Client>;
  /** Another listener with the same locks. */
  another(change: Partial<Pop3ServerOptions>): Promise<Pop3Server>;
}

export async function openPop3Fixture(): Promise<Pop3Fixture> {
  const store = await openMailStore({
    uri: mongodbUri(),
    database: freshDatabase(),
    redisUrl: redisUrl(),
    keyPrefix: freshKeyPrefix(),
    clock: systemClock,
    log: silentLog,
  });
  const faults: object[] = [];
  const servers: Pop3Server[] = [];
  const clients: Pop3Client[] = [];
  const locks = new LocalMaildropLocks();
  const tls = await certificate();
  const another = async (change: Partial<Pop3ServerOptions>): Promise<Pop3Server> => {
    const server = await startPop3Server({
      store,
      authenticator: plainAuthenticator(store),
      locks,
      listen: { host: '127.0.0.1', port: 0 },
      isImplicitTls: false,
      tls,
      allowPlaintextOnLoopback: true,
      log: faultLog(faults),
      clock: systemClock,
      ...change,
      limits: { maxConnectionsPerAddress: 1_000, ...change.limits },
    });
    servers.push(server);
    return server;
  };
  after(async () => {
    for (const client of clients) client.destroy();
    await Promise.all(servers.map((server) => server.close(1_000)));
    await store.close();
  });
  const server = await another({});
  await store.directory.addDomain('example.org');
  let made = 0;
  const stranger = async (port = server.port): Promise<Pop3Client> => {
    const client = await Pop3Client.connect(port);
    clients.push(client);
    return client;
  };
  const deliver = (user: User, messages: readonly (string | Buffer)[]): Promise<void> => append(store, user, messages);
  return {
    store,
    server,
    faults,
    another,
    stranger,
    deliver,
    user: async (messages = []) => {
      const address = `user${made++}@example.org`;
      const { id } = await store.directory.createAccount({ address: parseAddress(address)!, password: PASSWORD });
      const account = await store.openAccount(id, id);
      const { mailboxes } = await account.mailboxes();
      const user = { address, account, inbox: mailboxes.find(({ role }) => role === 'inbox')!.id };
      await deliver(user, messages);
      return user;
    },
    client: async (user) => logIn(await stranger(), user),
  };
}

export async function logIn(client: Pop3Client, { address }: User): Promise<Pop3Client> {
  await client.ok(`USER ${address}`);
  await client.ok(`PASS ${PASSWORD}`);
  return client;
}

/** Puts messages into the Inbox behind the sessions' backs, as a delivery would. */
async function append(store: MailStore, user: User, messages: readonly (string | Buffer)[]): Promise<void> {
  if (messages.length === 0) return;
  const items = [];
  for (const message of messages) {
    const staged = await store.receiveBody(once(Buffer.from(message)), { maxBytes: 50_000_000 });
    items.push({ staged, mailboxes: [user.inbox], keywords: [], receivedAt: new Date('2026-11-24T12:00:00Z') });
  }
  await user.account.append(items);
}

export function mail(subject: string, text = 'Hello.\r\n'): string {
  return [
    'From: Ann <ann@example.net>',
    'To: bob@example.org',
    `Subject: ${subject}`,
    `Message-ID: <${subject.replace(/[^a-z0-9]+/gi, '.')}@example.net>`,
    'Date: Tue, 24 Nov 2026 10:00:00 +0100',
    '',
    text,
  ].join('\r\n');
}

async function* once(octets: Buffer): AsyncIterable<Buffer> {
  yield octets;
}
