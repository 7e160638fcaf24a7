/** A store on a database of its own, with accounts and small messages, for the tests of the store's verbs. */
import { after } from 'node:test';
import { MongoClient } from 'mongodb';
import { parseAddress } from '../../../src/mail/address.ts';
import type { Keyword } from '../../../src/mail/flags.ts';
import type { MailboxId } from '../../../src/mail/ids.ts';
import { systemClock } from '../../../src/server/clock.ts';
import { silentLog } from '../../../src/server/log.ts';
import type { AccountStore, MailStore, NewMessage } from '../../../src/storage/mail-store.ts';
import type { MailboxRole } from '../../../src/storage/model.ts';
import { type MailStoreOptions, openMailStore } from '../../../src/storage/open-store.ts';
import { freshDatabase, freshKeyPrefix, mongodbUri, redisUrl } from '../../support/services.ts';

export interface Fixture {
  readonly store: MailStore;
  readonly options: MailStoreOptions;
  account(limits?: { readonly maxBytes?: number; readonly maxMessages?: number }): Promise<AccountStore>;
  /** Another process's view of the same record. */
  another(): Promise<MailStore>;
  /** The database itself, to look behind the store's back. */
  raw(): ReturnType<MongoClient['db']>;
}
export interface OwnFixture extends Fixture {
  anotherWith(options: Partial<MailStoreOptions>): Promise<MailStore>;
  close(): Promise<void>;
}

/** On the shared services, dropped and closed at the end of the file. */
export async function openFixture(change: Partial<MailStoreOptions> = {}): Promise<Fixture> {
  const fixture = await openFixtureOn({
    uri: mongodbUri(),
    database: freshDatabase(),
    redisUrl: redisUrl(),
    ...change,
  });
  after(() => fixture.close());
  return fixture;
}

/** On any MongoDB; whoever opens it closes it. */
export async function openFixtureOn(
  change: Pick<MailStoreOptions, 'uri' | 'database' | 'redisUrl'> & Partial<MailStoreOptions>,
): Promise<OwnFixture> {
  const options: MailStoreOptions = { keyPrefix: freshKeyPrefix(), clock: systemClock, log: silentLog, ...change };
  const stores: MailStore[] = [];
  const open = async (more: Partial<MailStoreOptions> = {}): Promise<MailStore> => {
    const store = await openMailStore({ ...options, ...more });
    stores.push(store);
    return store;
  };
  const looker = new MongoClient(options.uri);
  const store = await open();
  await store.directory.addDomain('example.org');
  let made = 0;
  return {
    store,
    options,
    another: () => open(),
    anotherWith: open,
    raw: () => looker.db(options.database),
    close: async () => {
      await looker.close();
      await Promise.all(stores.map((one) => one.close()));
    },
    account: async (limits = {}) => {
      const address = parseAddress(`user${made++}@example.org`)!;
      const { id } = await store.directory.createAccount({ address, password: 'correct horse', ...limits });
      return store.openAccount(id, id);
    },
  };
}

export async function mailboxOfRole(account: AccountStore, role: MailboxRole): Promise<MailboxId> {
  const { mailboxes } = await account.mailboxes();
  return mailboxes.find((mailbox) => mailbox.role === role)!.id;
}

export interface Sample {
  readonly subject?: string;
  readonly from?: string;
  readonly to?: string;
  readonly messageId?: string;
  readonly references?: string;
  readonly inReplyTo?: string;
  readonly text?: string;
}

let samples = 0;
export function octetsOf(sample: Sample = {}): Buffer {
  const n = samples++;
  const lines = [
    `From: ${sample.from ?? 'Ann <ann@example.net>'}`,
    `To: ${sample.to ?? 'bob@example.org'}`,
    `Subject: ${sample.subject ?? `Sample ${n}`}`,
    `Message-ID: <${sample.messageId ?? `sample.${n}@example.net`}>`,
    ...(sample.inReplyTo ? [`In-Reply-To: <${sample.inReplyTo}>`] : []),
    ...(sample.references ? [`References: <${sample.references}>`] : []),
    'Date: Tue, 24 Nov 2026 10:00:00 +0100',
    '',
    sample.text ?? `Text of sample ${n}.`,
    '',
  ];
  return Buffer.from(lines.join('\r\n'));
}

export async function messageFor(
  store: MailStore,
  mailboxes: NewMessage['mailboxes'],
  more: { readonly sample?: Sample; readonly keywords?: readonly string[]; readonly dedupe?: string; at?: Date } = {},
): Promise<NewMessage> {
  const octets = octetsOf(more.sample);
  const staged = await store.receiveBody(once(octets), { maxBytes: 1_000_000 });
  return {
    staged,
    mailboxes,
    keywords: (more.keywords ?? []) as Keyword[],
    receivedAt: more.at ?? new Date(),
    ...(more.dedupe !== undefined && { dedupe: more.dedupe }),
  };
}

async function* once(octets: Buffer): AsyncIterable<Buffer> {
  yield octets;
}
