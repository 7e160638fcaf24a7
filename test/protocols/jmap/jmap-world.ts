/** A JMAP server on a real store behind a real socket, with two accounts, and a client of few words. */

import { after } from 'node:test';
import { createSubmitter } from '../../../src/delivery/submission/submit-to-queue.ts';
import { parseAddress } from '../../../src/mail/address.ts';
import { basicAuthentication } from '../../../src/protocols/http/basic-authentication.ts';
import { createHttpServer } from '../../../src/protocols/http/create-http-server.ts';
import { jmapRoutes } from '../../../src/protocols/jmap/jmap-routes.ts';
import type { JmapLimits } from '../../../src/protocols/jmap/limits.ts';
import { systemClock } from '../../../src/server/clock.ts';
import type { Log } from '../../../src/server/log.ts';
import { silentLog } from '../../../src/server/log.ts';
import type { AccountInfo, AccountStore, MailStore } from '../../../src/storage/mail-store.ts';
import { openMailStore } from '../../../src/storage/open-store.ts';
import { plainAuthenticator } from '../../support/plain-authenticator.ts';
import { freshDatabase, freshKeyPrefix, mongodbUri, redisUrl } from '../../support/services.ts';

// biome-ignore lint/suspicious/noExplicitAny: answers are looked into freely, as a client in JavaScript would
export type Answer = any;
export type Invocation = readonly [name: string, args: Answer, callId: string];

export interface World {
  readonly store: MailStore;
  readonly alice: AccountInfo;
  readonly bob: AccountInfo;
  /** The store's handle on Alice's account: what IMAP would hold. */
  readonly mail: AccountStore;
  readonly base: string;
  /** Errors that were logged: a test may ask that there are none. */
  readonly errors: object[];
  /** With Alice's password. */
  fetch(path: string, init?: RequestInit): Promise<Response>;
  /** A whole request object. */
  request(body: unknown): Promise<Response>;
  /** Several calls in one request. */
  calls(...methodCalls: readonly Invocation[]): Promise<readonly Invocation[]>;
  /** One call with Alice's accountId; the arguments of its answer. An error answer has the member `error`. */
  call(name: string, args?: object): Promise<Answer>;
  close(): Promise<void>;
}

export const CORE = 'urn:ietf:params:jmap:core';
export const MAIL = 'urn:ietf:params:jmap:mail';
export const SUBMISSION = 'urn:ietf:params:jmap:submission';
export const PASSWORD = 'correct horse battery staple';

export const basic = (user: string, password: string): string =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;

export async function openWorld(options: { readonly limits?: Partial<JmapLimits> } = {}): Promise<World> {
  const errors: object[] = [];
  const log: Log = {
    ...silentLog,
    error: (fields) => void errors.push(fields),
    child: () => log,
    warn: () => undefined,
  };
  const store = await openMailStore({
    uri: mongodbUri(),
    database: freshDatabase(),
    redisUrl: redisUrl(),
    keyPrefix: freshKeyPrefix(),
    clock: systemClock,
    log,
  });
  await store.directory.addDomain('example.org');
  const person = (address: string): Promise<AccountInfo> =>
    store.directory.createAccount({ address: parseAddress(address)!, password: PASSWORD });
  const [alice, bob] = [await person('alice@example.org'), await person('bob@example.org')];
  const mail = await store.openAccount(alice.id, alice.id);
  const jmap = jmapRoutes({
    store,
    submitter: createSubmitter({ store, hostname: 'mail.example.org', maxMessageBytes: 1_000_000, clock: systemClock }),
    authenticate: basicAuthentication({ authenticator: plainAuthenticator(store), realm: 'test' }),
    publicUrl: null,
    log,
    clock: systemClock,
    ...(options.limits && { limits: options.limits }),
  });
  const server = await createHttpServer({
    listen: { host: '127.0.0.1', port: 0 },
    middleware: [jmap.middleware],
    health: async () => ({ isReady: true, checks: [] }),
    frontPage: () => ({ name: 'test', lines: [] }),
    log,
  });
  const base = `http://127.0.0.1:${server.port}`;
  const world: World = {
    store,
    alice,
    bob,
    mail,
    base,
    errors,
    fetch: (path, init = {}) =>
      fetch(path.startsWith('http') ? path : base + path, {
        ...init,
        headers: { Authorization: basic('alice@example.org', PASSWORD), ...(init.headers as Record<string, string>) },
      }),
    request: (body) =>
      world.fetch('/jmap/api', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      }),
    calls: async (...methodCalls) => {
      const response = await world.request({ using: [CORE, MAIL, SUBMISSION], methodCalls });
      const text = await response.text();
      if (response.status !== 200) throw new Error(`HTTP ${response.status}: ${text}`);
      return (JSON.parse(text) as { methodResponses: Invocation[] }).methodResponses;
    },
    call: async (name, args = {}) => {
      const [answer] = await world.calls([name, { accountId: alice.id, ...args }, 'c']);
      return answer![0] === 'error' ? { error: answer![1] } : answer![1];
    },
    close: async () => {
      jmap.close();
      await server.close(0);
      await store.close();
    },
  };
  after(() => world.close());
  return world;
}

/** A message as a delivery brings it, into the Inbox. */
export async function deliver(
  { store, mail, alice }: World,
  octets: string | Buffer,
  options: { readonly keywords?: readonly string[]; readonly receivedAt?: Date } = {},
): Promise<string> {
  const source = (async function* () {
    yield Buffer.from(octets as string);
  })();
  const staged = await store.receiveBody(source, { maxBytes: 50_000_000, near: alice.id });
  const { messages } = await mail.append([
    {
      staged,
      mailboxes: { role: 'inbox' },
      keywords: (options.keywords ?? []) as never,
      receivedAt: options.receivedAt ?? new Date(),
    },
  ]);
  return messages[0]!.id;
}

export function message(fields: Record<string, string>, body = 'Hello.\r\n'): string {
  const defaults = { From: 'Carol <carol@example.net>', To: 'alice@example.org', Subject: 'Hello' };
  const all = { ...defaults, 'Message-ID': `<${Math.random().toString(36).slice(2)}@example.net>`, ...fields };
  return `${Object.entries(all)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')}\r\n${body}`;
}
