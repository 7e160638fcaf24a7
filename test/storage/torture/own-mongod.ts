/**
 * A mongod of the test's own: with fail points, and free to be killed. WAXWING_TEST_MONGOD is the path of the program; without it these tests are skipped,
 * since the shared server has no fail points and others need it alive.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { type Document, MongoClient } from 'mongodb';

const LOOK_EVERY_MS = 20;
export const mongodPath = process.env['WAXWING_TEST_MONGOD'];
export const skip = mongodPath ? false : 'WAXWING_TEST_MONGOD is not set';

export interface OwnMongod {
  readonly uri: string;
  /** Sets the fail point `failCommand`; `mode` as in { times: 1 }. */
  failCommand(mode: Document | 'off', data?: Document): Promise<void>;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** Again, on the same files and port. */
  start(): Promise<void>;
  /** Ends it and removes its files. */
  remove(): Promise<void>;
}

export async function startMongod(): Promise<OwnMongod> {
  const folder = mkdtempSync(join(tmpdir(), 'waxwing-mongod-'));
  const port = await freePort();
  const uri = `mongodb://127.0.0.1:${port}/?directConnection=true`;
  let child: ChildProcess | null = null;
  const start = async (): Promise<void> => {
    const args = ['--replSet', 'own', '--dbpath', folder, '--port', String(port), '--bind_ip', '127.0.0.1', '--quiet'];
    const limits = ['--wiredTigerCacheSizeGB', '0.25', '--setParameter', 'enableTestCommands=1'];
    child = spawn(mongodPath!, [...args, ...limits], { stdio: 'ignore' });
    await untilPrimary(uri);
  };
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  };
  const remove = async (): Promise<void> => {
    await end('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await start();
  } catch (cause) {
    await remove();
    throw cause;
  }
  return {
    uri,
    start,
    kill: () => end('SIGKILL'),
    failCommand: async (mode, data) => {
      const client = new MongoClient(uri);
      try {
        await client.db('admin').command({ configureFailPoint: 'failCommand', mode, ...(data && { data }) });
      } finally {
        await client.close();
      }
    },
    remove,
  };
}

/** Asks until the server takes writes; makes the set on the first start. */
async function untilPrimary(uri: string): Promise<void> {
  const client = new MongoClient(uri, { serverSelectionTimeoutMS: 30_000 });
  try {
    const admin = client.db('admin');
    const host = new URL(uri).host;
    await admin
      .command({ replSetInitiate: { _id: 'own', members: [{ _id: 0, host }] } })
      .catch((error: { code?: number }) => {
        // AlreadyInitialized.
        if (error.code !== 23) throw error;
      });
    for (;;) {
      if ((await admin.command({ hello: 1 }))['isWritablePrimary']) return;
      await wait(LOOK_EVERY_MS);
    }
  } finally {
    await client.close();
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
