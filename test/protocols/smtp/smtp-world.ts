/** A store on a database of its own with two users, and the listeners of SMTP, submission and LMTP before it. */

import assert from 'node:assert/strict';
import { after } from 'node:test';
import { createImmediateDeliverer, type ImmediateDeliverer } from '../../../src/delivery/inbound/deliver-at-once.ts';
import { createReceiver } from '../../../src/delivery/inbound/receive-to-queue.ts';
import type { Receiver } from '../../../src/delivery/inbound/receiver.ts';
import { createSubmitter } from '../../../src/delivery/submission/submit-to-queue.ts';
import type { Submitter } from '../../../src/delivery/submission/submitter.ts';
import { parseAddress } from '../../../src/mail/address.ts';
import { startLmtp } from '../../../src/protocols/lmtp/start-lmtp.ts';
import { createAuthenticator } from '../../../src/protocols/sasl/authenticate.ts';
import { LOGIN_BRAKE_LIMITS, LocalLoginBrake } from '../../../src/protocols/sasl/login-brake.ts';
import { startMx } from '../../../src/protocols/smtp/start-mx.ts';
import { startSubmission } from '../../../src/protocols/smtp/start-submission.ts';
import { startSubmissions } from '../../../src/protocols/smtp/start-submissions.ts';
import type { SmtpLimits } from '../../../src/protocols/smtp-session/smtp-limits.ts';
import type { RunningSmtp } from '../../../src/protocols/smtp-session/smtp-listener.ts';
import { systemClock } from '../../../src/server/clock.ts';
import { silentLog } from '../../../src/server/log.ts';
import type { AccountStore, MailStore } from '../../../src/storage/mail-store.ts';
import { openMailStore } from '../../../src/storage/open-store.ts';
import type { QueueEntry } from '../../../src/storage/queue-record.ts';
import { certificate } from '../../support/certificate.ts';
import { faultLog } from '../../support/fault-log.ts';
import { LineClient } from '../../support/line-client.ts';
import { freshDatabase, freshKeyPrefix, mongodbUri, redisUrl } from '../../support/services.ts';

export const PASSWORD = 'correct horse';
export const HOSTNAME = 'mx.example.test';

export interface SmtpWorld {
  readonly store: MailStore;
  readonly alice: AccountStore;
  readonly bob: AccountStore;
  readonly receiver: Receiver;
  readonly submitter: Submitter;
  readonly deliverer: ImmediateDeliverer;
  /** Errors that were logged: defects of ours. */
  readonly defects: object[];
  mx(limits?: Partial<SmtpLimits>, parts?: { readonly receiver?: Receiver }): Promise<RunningSmtp>;
  submission(limits?: Partial<SmtpLimits>, allowPlaintextOnLoopback?: boolean): Promise<RunningSmtp>;
  submissions(limits?: Partial<SmtpLimits>): Promise<RunningSmtp>;
  lmtp(limits?: Partial<SmtpLimits>): Promise<RunningSmtp>;
  /** Greeted, and EHLO or LHLO said. */
  client(server: RunningSmtp, options?: { readonly tls?: boolean; readonly hello?: string }): Promise<LineClient>;
  queue(): Promise<readonly QueueEntry[]>;
  octetsOf(entry: QueueEntry): Promise<string>;
  /** Octets of the messages in the Inbox, oldest first. */
  inbox(account: AccountStore): Promise<readonly string[]>;
}

export async function openSmtpWorld(): Promise<SmtpWorld> {
  const store = await openMailStore({
    uri: mongodbUri(),
    database: freshDatabase(),
    redisUrl: redisUrl(),
    keyPrefix: freshKeyPrefix(),
    clock: systemClock,
    log: silentLog,
  });
  const servers: RunningSmtp[] = [];
  const clients: LineClient[] = [];
  const defects: object[] = [];
  const log = faultLog(defects);
  const tls = await certificate();
  const base = { host: '127.0.0.1', port: 0, hostname: HOSTNAME, tls, log };
  const facts = { store, hostname: HOSTNAME, maxMessageBytes: 50 * 1024 * 1024, clock: systemClock };
  const receiver = createReceiver(facts);
  const submitter = createSubmitter(facts);
  const deliverer = createImmediateDeliverer({ ...facts, log });
  const brake = new LocalLoginBrake(systemClock, { ...LOGIN_BRAKE_LIMITS, firstDelayMs: 1, maxDelayMs: 1 });
  const authenticator = createAuthenticator(store.directory, brake);
  after(async () => {
    for (const client of clients) client.destroy();
    await Promise.all(servers.map((server) => server.close(1_000)));
    await deliverer.close();
    await store.close();
    assert.deepEqual(defects, []);
  });
  await store.directory.addDomain('example.test');
  const user = async (name: string): Promise<AccountStore> => {
    const address = parseAddress(`${name}@example.test`)!;
    const { id } = await store.directory.createAccount({ address, password: PASSWORD });
    return store.openAccount(id, id);
  };
  const [alice, bob] = [await user('alice'), await user('bob')];
  const running = async (server: Promise<RunningSmtp>): Promise<RunningSmtp> => {
    servers.push(await server);
    return server;
  };
  const octetsOf = async (body: QueueEntry['body']): Promise<string> => {
    const pieces: Buffer[] = [];
    for await (const piece of store.readBody(body)) pieces.push(piece);
    return Buffer.concat(pieces).toString('latin1');
  };
  return {
    store,
    alice,
    bob,
    receiver,
    submitter,
    deliverer,
    defects,
    mx: (limits = {}, parts = {}) =>
      running(startMx({ ...base, limits, directory: store.directory, receiver, ...parts })),
    submission: (limits = {}, allowPlaintextOnLoopback = true) =>
      running(startSubmission({ ...base, limits, store, submitter, authenticator, allowPlaintextOnLoopback })),
    submissions: (limits = {}) => running(startSubmissions({ ...base, limits, store, submitter, authenticator })),
    lmtp: (limits = {}) => running(startLmtp({ ...base, limits, directory: store.directory, deliverer })),
    client: async ({ port }, { tls: isTls = false, hello = 'EHLO' } = {}) => {
      const client = await LineClient.open(port, { tls: isTls });
      clients.push(client);
      assert.equal((await client.reply())?.code, 220);
      await client.smtp(`${hello} client.example.net`, '250');
      return client;
    },
    queue: () => store.queue.list({ limit: 1_000, includeFinal: true }),
    octetsOf: ({ body }) => octetsOf(body),
    inbox: async (account) => {
      const { mailboxes } = await account.mailboxes();
      const inbox = mailboxes.find(({ role }) => role === 'inbox')!;
      const found: string[] = [];
      for await (const batch of account.messagesByUid(inbox.id, [{ from: 1, to: 2 ** 32 - 1 } as never])) {
        for (const message of batch) found.push(await octetsOf(message.body));
      }
      return found;
    },
  };
}

/** `250 2.1.0 sender ok` */
export async function replyLine(client: LineClient): Promise<string | null> {
  const reply = await client.reply();
  return reply === null ? null : `${reply.code} ${reply.lines.join(' / ')}`;
}

/** Sends a line and returns its reply. */
export async function say(client: LineClient, line: string): Promise<string | null> {
  await client.send(line);
  return replyLine(client);
}

/** From MAIL to 354. */
export async function openData(client: LineClient, from: string, ...to: readonly string[]): Promise<void> {
  await client.smtp(`MAIL FROM:<${from}>`, '250');
  for (const address of to) await client.smtp(`RCPT TO:<${address}>`, '250');
  await client.smtp('DATA', '354');
}

/** A whole transaction; the last reply. */
export async function sendMail(
  client: LineClient,
  from: string,
  to: readonly string[],
  text: string,
): Promise<string | null> {
  await openData(client, from, ...to);
  await client.write(`${text}.\r\n`);
  return replyLine(client);
}

let made = 0;
/** Octets that no other message has: equal ones may be taken for a resend. */
export const messageOf = (subject: string): string =>
  [
    'From: Carol <carol@example.net>',
    'To: Alice <alice@example.test>',
    `Subject: ${subject}`,
    `Message-ID: <${++made}@example.net>`,
    'Date: Tue, 24 Nov 2026 10:00:00 +0100',
    '',
    'Hello.',
    '',
  ].join('\r\n');
