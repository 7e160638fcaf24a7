/**
 * Opens the record: connects, makes what is missing, and composes the face of mail-store.ts from the rooms behind it.
 *
 * Failure: Deferral 'unavailable' when MongoDB can't be reached; an error when the database is of a newer version. Redis may be absent or die at any
 * time: it is only the doorbell. `close` waits for what was handed in and closes everything that was opened here.
 */
import type { AccountId } from '../mail/ids.ts';
import { Deferral, Refusal } from '../mail/refusal.ts';
import type { Clock } from '../server/clock.ts';
import type { Log } from '../server/log.ts';
import { accountStore } from './account-store.ts';
import { AccountDirectory } from './accounts/account-directory.ts';
import { finishRemovals } from './accounts/remove-account.ts';
import { BodyStore } from './bodies/body-store.ts';
import { sweepBodies } from './bodies/sweep-bodies.ts';
import { cutLog } from './changes/change-log.ts';
import { Followers } from './changes/followers.ts';
import { type Chore, Chores } from './chores.ts';
import type { MailStore } from './mail-store.ts';
import { type Database, type DatabaseOptions, openDatabase } from './mongo/database.ts';
import { prepareDatabase } from './mongo/indexes.ts';
import { orUnavailable } from './mongo/transaction.ts';
import { AccountWriter } from './operations/account-writer.ts';
import { QueueStore } from './queue/queue-store.ts';

export interface MailStoreOptions {
  /** Of MongoDB, without a database name. */
  readonly uri: string;
  readonly database: string;
  /** Null: no doorbell; changes by other processes are polled for every second. */
  readonly redisUrl: string | null;
  /** Before every Redis key and channel. */
  readonly keyPrefix: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly slowPollMs?: number;
  readonly fastPollMs?: number;
  /** For tests: command monitoring. */
  readonly client?: DatabaseOptions['client'];
  readonly serverSelectionMs?: number;
}

export async function openMailStore(options: MailStoreOptions): Promise<MailStore> {
  const { clock, log, redisUrl, keyPrefix, slowPollMs, fastPollMs } = options;
  const database = await openDatabase({
    uri: options.uri,
    database: options.database,
    ...(options.client && { client: options.client }),
    ...(options.serverSelectionMs !== undefined && { serverSelectionMs: options.serverSelectionMs }),
  });
  try {
    await prepareDatabase(database);
  } catch (cause) {
    await database.client.close();
    throw cause;
  }
  const followers = new Followers({
    database,
    clock,
    log,
    redisUrl,
    keyPrefix,
    ...(slowPollMs !== undefined && { slowPollMs }),
    ...(fastPollMs !== undefined && { fastPollMs }),
  });
  const writer = new AccountWriter({
    database,
    now: () => clock.now().getTime(),
    hooks: {
      committed: (account, modseq) => followers.committed(account, modseq),
      queued: (rows) => queue.announce(rows),
    },
  });
  const queue = new QueueStore(database, writer, clock, log);
  const bodies = new BodyStore(database, clock, log);
  const directory = new AccountDirectory(database, clock);
  const chores = new Chores(database, choresOf(database, clock, log), clock, log);
  return {
    directory,
    queue,
    openAccount: async (principal: AccountId, account: AccountId) => {
      // Until accounts are shared, an account is its owner's alone.
      const isThere = principal === account && (await directory.isThere(account));
      if (!isThere) throw new Refusal('notFound', 'there is no such account');
      return accountStore({ database, writer, followers, bodies, clock }, principal, account);
    },
    receiveBody: (source, receiveOptions) => bodies.receive(source, receiveOptions),
    readBody: (body, range) => bodies.read(body, range),
    readBodies: (refs) => bodies.readWhole(refs),
    ping: () => ping(database),
    describe: async () => {
      const [info, redis] = await Promise.all([
        orUnavailable(() => database.db.command({ buildInfo: 1 })),
        followers.bellVersion(),
      ]);
      return { mongodb: String(info['version']), redis };
    },
    close: async () => {
      await chores.close();
      await queue.close();
      await writer.drain();
      await followers.close();
      await database.client.close();
    },
  };
}

const HOUR_MS = 3600_000;
/** How long a client may be away and still be told what changed. */
export const CHANGE_LOG_MS = 30 * 24 * HOUR_MS;

function choresOf(database: Database, clock: Clock, log: Log): Chore[] {
  const ago = (ms: number): Date => new Date(clock.now().getTime() - ms);
  return [
    {
      name: 'finish-removals',
      intervalMs: HOUR_MS,
      run: (signal) => finishRemovals(database, ago(HOUR_MS), clock.now(), signal),
    },
    {
      name: 'sweep-bodies',
      intervalMs: 6 * HOUR_MS,
      run: (signal) => sweepBodies(database, { now: clock.now(), signal, log }),
    },
    {
      name: 'cut-change-logs',
      intervalMs: 24 * HOUR_MS,
      run: async (signal) => {
        for await (const { _id } of database.accounts.find({}, { projection: { _id: 1 } })) {
          if (signal.aborted) return;
          await cutLog(database, _id, ago(CHANGE_LOG_MS));
        }
      },
    },
  ];
}

const PING_LIMIT_MS = 5_000;

async function ping(database: Database): Promise<number> {
  const began = performance.now();
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Deferral('unavailable', 'the mail store does not answer')), PING_LIMIT_MS);
  });
  try {
    await Promise.race([orUnavailable(() => database.db.command({ ping: 1 })), tooLate]);
  } finally {
    clearTimeout(timer);
  }
  return performance.now() - began;
}
