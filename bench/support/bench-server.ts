/** The server under test with accounts to write to, and what the rows need to reach it. */
import { randomBytes } from 'node:crypto';
import { parseAddress } from '../../src/mail/address.ts';
import { systemClock } from '../../src/server/clock.ts';
import { silentLog } from '../../src/server/log.ts';
import { openMailStore } from '../../src/storage/open-store.ts';
import { LineClient } from '../../test/support/line-client.ts';
import { type RunningServer, startServer } from '../../test/support/running-server.ts';
import type { Pids } from './measure.ts';
import { servicePid } from './process-usage.ts';

export const PASSWORD = 'benchmark password';
export const MANY_ACCOUNTS = 20;

export interface Bench {
  readonly server: RunningServer;
  readonly pids: Pids;
  /** An account that only the listing rows use. */
  readonly lister: string;
  readonly hot: string;
  readonly many: readonly string[];
  login(address: string, options?: { readonly tls?: boolean }): Promise<LineClient>;
  /** Resolves when the Inboxes of the accounts hold `total` messages together. */
  untilStored(addresses: readonly string[], total: number): Promise<void>;
  storedIn(addresses: readonly string[]): Promise<number>;
  close(): Promise<void>;
}

export async function openBench(mongodbUri: string, redisUrl: string): Promise<Bench> {
  const database = `bench_${randomBytes(4).toString('hex')}`;
  const keyPrefix = `${database}:`;
  const server = await startServer({ mongodbUri, redisUrl, database, keyPrefix, set: ['log.level=warn'] });
  const store = await openMailStore({
    uri: mongodbUri,
    database,
    redisUrl,
    keyPrefix,
    clock: systemClock,
    log: silentLog,
  });
  const make = async (address: string): Promise<string> => {
    const parsed = parseAddress(address);
    if (!parsed) throw new Error(`no address: ${address}`);
    await store.directory.addDomain(parsed.domain);
    await store.directory.createAccount({ address: parsed, password: PASSWORD });
    return address;
  };
  const hot = await make('hot@bench.example');
  const lister = await make('lister@bench.example');
  const many = await Promise.all(
    Array.from({ length: MANY_ACCOUNTS }, (_nothing, i) => make(`user${i}@bench.example`)),
  );
  await store.close();

  const login = async (address: string, options: { readonly tls?: boolean } = {}): Promise<LineClient> => {
    const client = await LineClient.open(server.port(options.tls ? 'imaps' : 'imap'), options);
    await client.line();
    const { status } = await client.imap('login', `LOGIN ${address} "${PASSWORD}"`);
    if (!status.startsWith('OK')) throw new Error(`login: ${status}`);
    return client;
  };
  const watchers = new Map<string, LineClient>();
  const storedIn = async (addresses: readonly string[]): Promise<number> => {
    let total = 0;
    for (const address of addresses) {
      const client = watchers.get(address) ?? (await login(address));
      watchers.set(address, client);
      const { untagged } = await client.imap('s', 'STATUS INBOX (MESSAGES)');
      total += Number(/MESSAGES (\d+)/.exec(untagged.join('\n'))?.[1] ?? 0);
    }
    return total;
  };
  const services = [servicePid(mongodbUri, ['mongod']), servicePid(redisUrl, ['valkey-server', 'redis-server'])].filter(
    (pid): pid is number => pid !== null,
  );

  return {
    server,
    pids: { server: server.process.pid ?? 0, services },
    lister,
    hot,
    many,
    login,
    storedIn,
    untilStored: async (addresses, total) => {
      while ((await storedIn(addresses)) < total) await new Promise((resolve) => setTimeout(resolve, 20));
    },
    close: async () => {
      for (const client of watchers.values()) client.destroy();
      await server.stop();
    },
  };
}
