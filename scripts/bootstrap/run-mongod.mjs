/**
 * Runs mongod as a replica set of one: transactions need a set, and its journal makes `j: true` mean something.
 *
 * The port is the one of the last time, if free. A set remembers its members' addresses, so when the port has changed,
 * the configuration is put right by force; with one member there is nobody to disagree.
 */

import { mkdirSync, readFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { choosePort } from './free-port.mjs';
import { freshLog } from './logs.mjs';
import { Halt, say } from './say.mjs';

const setName = 'wx';
const addressInUse = 48;
/** Long: after a crash mongod replays its journal before it answers. */
const startLimitMs = 5 * 60_000;

/**
 * @param {object} options
 * @param {import('./children.mjs').Children} options.children
 * @param {string} options.program the path of mongod
 * @param {string} options.dataDir the folder that gets `mongodb` and `logs`
 * @param {number | undefined} options.port the port of the last time
 * @param {boolean} [options.temporary] data for a test: smaller caches, no diagnostics
 * @returns {Promise<{uri: string, port: number}>} once it is primary
 */
export async function runMongod({ children, program, dataDir, port: lastPort, temporary = false }) {
  const dbDir = join(dataDir, 'mongodb');
  mkdirSync(dbDir, { recursive: true, mode: 0o700 });
  const logFile = freshLog(dataDir, 'mongodb');
  for (let attempt = 1; ; attempt++) {
    const port = await choosePort(attempt === 1 ? lastPort : undefined);
    const args = mongodArguments({ port, dbDir, logFile, temporary });
    const { exited } = await children.start({
      name: 'MongoDB',
      command: program,
      args,
      logFile,
      isDatabase: true,
      stopLimitMs: 60_000,
    });
    const end = await Promise.race([exited, primary(port)]);
    if (end === undefined) {
      children.require('MongoDB', exited, logFile);
      return { uri: `mongodb://127.0.0.1:${port}/?replicaSet=${setName}`, port };
    }
    // Between the choice of the port and its use another process may take it.
    if (end.code === addressInUse && attempt < 5) continue;
    throw new Halt(
      `MongoDB did not start (${end.signal ?? `exit code ${end.code}`}): ${lastError(logFile)}\nIts log is ${logFile}`,
    );
  }
}

function mongodArguments({ port, dbDir, logFile, temporary }) {
  const cacheGB = temporary ? 0.5 : Math.min(2, Math.max(0.25, totalmem() / 2 ** 30 / 8));
  return [
    ...['--replSet', setName, '--bind_ip', '127.0.0.1', '--port', String(port), '--nounixsocket', '--noscripting'],
    ...['--dbpath', dbDir, '--logpath', logFile, '--logappend', '--quiet'],
    ...['--wiredTigerCacheSizeGB', cacheGB.toFixed(2), '--oplogSize', temporary ? '256' : '1024'],
    // A set of one has no other member to hand over to, so there is nothing to wait for when it is stopped.
    ...['--setParameter', 'shutdownTimeoutMillisForSignaledShutdown=100'],
    // A server that was killed leaves its transaction open, and the account waits for its end: 60 seconds if nobody says
    // otherwise, longer than a mutation tries.
    ...['--setParameter', 'transactionLifetimeLimitSeconds=10'],
    ...(temporary ? ['--setParameter', 'diagnosticDataCollectionEnabled=false'] : []),
  ];
}

/** Resolves with undefined when mongod on this port is primary of its set. */
async function primary(port) {
  const deadline = Date.now() + startLimitMs;
  const patience = setTimeout(
    () =>
      say(
        'MongoDB is still starting: after a crash it replays its journal, and after a change of port it looks around',
      ),
    5_000,
  ).unref();
  while (!(await lookAndConfigure(port))) {
    if (Date.now() > deadline) throw new Halt(`MongoDB on port ${port} is not primary after ${startLimitMs / 1000} s.`);
    await sleep(50);
  }
  clearTimeout(patience);
  return undefined;
}

/** @returns {Promise<boolean>} whether it is primary under its present address */
async function lookAndConfigure(port) {
  const { MongoClient } = await import('mongodb');
  const address = `127.0.0.1:${port}`;
  // A client for each look: one that met a closed port once does not try again.
  const client = new MongoClient(`mongodb://${address}/?directConnection=true`, { serverSelectionTimeoutMS: 2_000 });
  try {
    const admin = client.db('admin');
    const hello = await admin.command({ hello: 1 });
    if (hello.isWritablePrimary && hello.me === address) return true;
    if (!hello.setName) await configure(admin, address);
    return false;
  } catch (error) {
    // Not listening yet, or not past its recovery: asked again until the limit.
    const expected = ['MongoServerSelectionError', 'MongoNetworkError', 'MongoNetworkTimeoutError', 'MongoServerError'];
    if (!expected.includes(error.name)) throw error;
    return false;
  } finally {
    await client.close();
  }
}

/** Makes the set, or moves its only member to the present address. */
async function configure(admin, address) {
  const members = [{ _id: 0, host: address }];
  const { config } = await admin.command({ replSetGetConfig: 1 }).catch((error) => {
    if (error.codeName === 'NotYetInitialized') return { config: undefined };
    throw error;
  });
  if (!config) {
    await admin.command({ replSetInitiate: { _id: setName, members } });
  } else if (config.members[0]?.host !== address) {
    const moved = [{ ...config.members[0], host: address }];
    await admin.command({ replSetReconfig: { ...config, version: config.version + 1, members: moved }, force: true });
  }
}

/** The last line that mongod logged as an error, in its own words. */
function lastError(logFile) {
  const lines = readFileSync(logFile, 'utf8').trim().split('\n').slice(-200);
  const line = lines.findLast((text) => /"s":"[EF]"/.test(text)) ?? lines.at(-1) ?? 'no word in its log';
  try {
    const { msg, attr } = JSON.parse(line);
    return attr?.error ? `${msg}: ${JSON.stringify(attr.error)}` : msg;
  } catch {
    return line;
  }
}
