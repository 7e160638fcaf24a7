/** A store on a database of its own, an IMAP server before it, accounts and clients that are logged in. */

import { after } from 'node:test';
import { parseAddress } from '../../../src/mail/address.ts';
import { type ImapServer, startImapServer } from '../../../src/protocols/imap/imap-server.ts';
import type { ImapLimits } from '../../../src/protocols/imap/limits.ts';
import { systemClock } from '../../../src/server/clock.ts';
import { silentLog } from '../../../src/server/log.ts';
import type { AccountStore, MailStore } from '../../../src/storage/mail-store.ts';
import { openMailStore } from '../../../src/storage/open-store.ts';
import { certificate } from '../../support/certificate.ts';
import { faultLog } from '../../support/fault-log.ts';
import { plainAuthenticator } from '../../support/plain-authenticator.ts';
import { freshDatabase, freshKeyPrefix, mongodbUri, redisUrl } from '../../support/services.ts';
import { ImapClient } from './imap-client.ts';

export const PASSWORD = 'correct horse';

export interface User {
  readonly address: string;
  readonly store: AccountStore;
}

export interface ImapFixture {
  readonly store: MailStore;
  readonly server: ImapServer;
  /** The name of its own database, for what no verb of the store does. */
  readonly database: string;
  /** Lines of level error: faults of ours. */
  readonly faults: object[];
  user(limits?: { readonly maxBytes?: number; readonly maxMessages?: number }): Promise<User>;
  /** A new connection, logged in, with a mailbox selected when named. */
  client(user: User, mailbox?: string): Promise<ImapClient>;
  /** A server of its own, perhaps over a store that is made to fail. */
  another(limits: Partial<ImapLimits>, store?: MailStore): Promise<ImapServer>;
}

export async function openImapFixture(limits: Partial<ImapLimits> = {}): Promise<ImapFixture> {
  const database = freshDatabase();
  const store = await openMailStore({
    uri: mongodbUri(),
    database,
    redisUrl: redisUrl(),
    keyPrefix: freshKeyPrefix(),
    clock: systemClock,
    log: silentLog,
  });
  const faults: object[] = [];
  const servers: ImapServer[] = [];
  const clients: ImapClient[] = [];
  const tls = await certificate();
  const another = async (own: Partial<ImapLimits>, itsStore: MailStore = store): Promise<ImapServer> => {
    const server = await startImapServer({
      store: itsStore,
      authenticator: plainAuthenticator(store),
      log: faultLog(faults),
      clock: systemClock,
      host: '127.0.0.1',
      port: 0,
      tlsPort: 0,
      tls,
      allowPlaintextOnLoopback: true,
      limits: { maxConnectionsPerAddress: 10_000, ...own },
    });
    servers.push(server);
    return server;
  };
  after(async () => {
    for (const client of clients) client.destroy();
    await Promise.all(servers.map((server) => server.close(1_000)));
    await store.close();
  });
  const server = await another(limits);
  await store.directory.addDomain('example.org');
  let made = 0;
  return {
    store,
    server,
    database,
    faults,
    another,
    user: async (quota = {}) => {
      const address = `user${made++}@example.org`;
      const { id } = await store.directory.createAccount({
        address: parseAddress(address)!,
        password: PASSWORD,
        ...quota,
      });
      return { address, store: await store.openAccount(id, id) };
    },
    client: async ({ address }, mailbox) => {
      const client = await ImapClient.connect(server.port!);
      clients.push(client);
      await client.ok(`LOGIN "${address}" "${PASSWORD}"`);
      if (mailbox !== undefined) await client.ok(`SELECT "${mailbox}"`);
      return client;
    },
  };
}

export function mail(subject: string, text = 'Hello.', more: readonly string[] = []): string {
  return [
    'From: Ann <ann@example.net>',
    'To: bob@example.org',
    `Subject: ${subject}`,
    `Message-ID: <${subject.replace(/[^a-z0-9]+/gi, '.')}.${Math.random().toString(36).slice(2)}@example.net>`,
    'Date: Tue, 24 Nov 2026 10:00:00 +0100',
    ...more,
    '',
    text,
    '',
  ].join('\r\n');
}

/** Puts messages into a mailbox behind the sessions' backs, as a delivery would. */
export async function deliver(
  fixture: ImapFixture,
  user: User,
  messages: readonly string[],
  mailbox: string = 'inbox',
): Promise<void> {
  for (const message of messages) {
    const staged = await fixture.store.receiveBody(once(Buffer.from(message)), { maxBytes: 10_000_000 });
    await user.store.append([
      { staged, mailboxes: { role: mailbox as 'inbox' }, keywords: [], receivedAt: new Date('2026-11-24T12:00:00Z') },
    ]);
  }
}

export async function* once(octets: Buffer): AsyncIterable<Buffer> {
  yield octets;
}
