/**
 * MongoDB and Valkey for a script: told, or found and run. Prints one line for each, with the reason.
 */

import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findMongod } from './find-mongod.mjs';
import { findValkey } from './find-valkey.mjs';
import { runMongod } from './run-mongod.mjs';
import { runValkey } from './run-valkey.mjs';
import { say } from './say.mjs';
import { checkMongodb, checkRedis } from './told-services.mjs';

/** @typedef {{url: string, toldBy: string}} Told `toldBy`: where the user told it, "MONGODB_URI" */
/** @typedef {{mongodb?: Told, redis?: Told}} ToldServices */

/**
 * @param {object} options
 * @param {import('./children.mjs').Children} options.children
 * @param {string} options.dataDir
 * @param {ToldServices} [options.told]
 * @param {boolean} [options.temporary] the data is thrown away afterwards
 * @returns {Promise<{mongodbUri: string, redisUrl: string, mongod?: string, valkey?: string}>} the last two are the
 *   paths of the programs, if they are ours
 */
export async function provideServices({ children, dataDir, told = {}, temporary = false }) {
  mkdirSync(join(dataDir, 'run'), { recursive: true, mode: 0o700 });
  // One after the other: what is printed stays in order, and two downloads at once are no faster.
  const mongodb = told.mongodb ? await toldMongodb(told.mongodb) : await findMongod();
  if (mongodb.path) say(`MongoDB ${mongodb.version}: ${mongodb.path}, ${mongodb.reason}`);
  const redis = told.redis ? await toldRedis(told.redis) : await findValkey();
  if (redis.path) say(`Valkey ${redis.version}: ${redis.path}, ${redis.reason}`);

  const ports = readPorts(dataDir);
  const [ranMongod, ranValkey] = await Promise.all([
    mongodb.path ? runMongod({ children, program: mongodb.path, dataDir, port: ports.mongodb, temporary }) : undefined,
    redis.path ? runValkey({ children, program: redis.path, dataDir, port: ports.valkey }) : undefined,
  ]);
  writePorts(dataDir, {
    ...ports,
    ...(ranMongod && { mongodb: ranMongod.port }),
    ...(ranValkey && { valkey: ranValkey.port }),
  });
  return {
    mongodbUri: ranMongod?.uri ?? told.mongodb.url,
    redisUrl: ranValkey?.url ?? told.redis.url,
    mongod: mongodb.path,
    valkey: redis.path,
  };
}

async function toldMongodb({ url, toldBy }) {
  const version = await checkMongodb(url);
  say(`MongoDB ${version}: told by ${toldBy}`);
  return { version };
}

async function toldRedis({ url, toldBy }) {
  const version = await checkRedis(url);
  say(`Redis or Valkey ${version}: told by ${toldBy}`);
  return { version };
}

const portsFile = (dataDir) => join(dataDir, 'run', 'ports.json');

function readPorts(dataDir) {
  try {
    return JSON.parse(readFileSync(portsFile(dataDir), 'utf8'));
  } catch {
    // The first run, or a file cut short by a crash: any port will do.
    return {};
  }
}

function writePorts(dataDir, ports) {
  writeFileSync(`${portsFile(dataDir)}.new`, `${JSON.stringify(ports)}\n`);
  renameSync(`${portsFile(dataDir)}.new`, portsFile(dataDir));
}
