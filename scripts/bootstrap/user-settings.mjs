/**
 * The few settings of the server that the scripts must know before it runs: the data folder, and which services the
 * user has told a URL for. They come from where the server takes them, in its order: `--set`, the environment, the
 * configuration file (src/server/config.ts).
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fromUser, projectDir } from './paths.mjs';
import { Halt } from './say.mjs';

const defaultDrainSeconds = 10;

/**
 * @typedef {object} UserSettings
 * @property {string} dataDir absolute
 * @property {string | undefined} configFile absolute
 * @property {import('./services.mjs').ToldServices} told
 * @property {number} drainSeconds how long the server may finish what is under way when it is stopped
 */

/**
 * @param {{set?: readonly string[], config?: string, data?: string}} options from the command line
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {Promise<UserSettings>}
 * @throws {Halt} if the configuration file cannot be read
 */
export async function readUserSettings({ set = [], config, data }, env = process.env) {
  const namedFile = config ?? env.WAXWING_CONFIG;
  const configFile = namedFile && fromUser(namedFile);
  const file = configFile ? await readConfig(configFile) : {};

  /** @returns {{value: string, from: string} | undefined} */
  const find = (key, variables, inFile) => {
    const setting = set.findLast((text) => text.startsWith(`${key}=`));
    if (setting) return { value: setting.slice(key.length + 1), from: `--set ${key}` };
    const variable = variables.find((name) => env[name]);
    if (variable) return { value: env[variable], from: variable };
    return inFile === undefined ? undefined : { value: String(inFile), from: configFile };
  };
  const told = (found) => found && { url: found.value, toldBy: found.from };

  const mongodb = find('mongodb.uri', ['WAXWING_MONGODB_URI', 'MONGODB_URI'], file.mongodb?.uri);
  const redis = find('redis.url', ['WAXWING_REDIS_URL', 'REDIS_URL'], file.redis?.url);
  const drain = find('server.drainSeconds', ['WAXWING_SERVER_DRAIN_SECONDS'], file.server?.drainSeconds);
  const dir = data ?? find('data', ['WAXWING_DATA'], file.data)?.value ?? join(projectDir, 'data');
  return {
    dataDir: fromUser(dir),
    configFile,
    told: { mongodb: told(mongodb), redis: told(redis) },
    // What is no number is refused by the server itself, in its words.
    drainSeconds: Number(drain?.value) || defaultDrainSeconds,
  };
}

async function readConfig(file) {
  const { parse } = await import('smol-toml');
  try {
    return parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new Halt(`The configuration file ${file} cannot be read: ${error.message.split('\n')[0]}`);
  }
}
