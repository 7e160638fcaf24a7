/**
 * Which service URLs the user has told, and where: `--set`, the environment, or the configuration file, in this order.
 */

import { readFileSync } from 'node:fs';
import { Halt } from './say.mjs';

const places = [
  {
    service: 'mongodb',
    key: 'mongodb.uri',
    variables: ['WAXWING_MONGODB_URI', 'MONGODB_URI'],
    table: 'mongodb',
    field: 'uri',
  },
  { service: 'redis', key: 'redis.url', variables: ['WAXWING_REDIS_URL', 'REDIS_URL'], table: 'redis', field: 'url' },
];

/**
 * @param {{set?: readonly string[], configFile?: string, env?: NodeJS.ProcessEnv}} sources `set`: "key=value" each
 * @returns {Promise<import('./services.mjs').ToldServices>}
 */
export async function toldIn({ set = [], configFile, env = process.env }) {
  const config = configFile ? await readConfig(configFile) : {};
  const told = {};
  for (const { service, key, variables, table, field } of places) {
    const setting = set.findLast((text) => text.startsWith(`${key}=`));
    const variable = variables.find((name) => env[name]);
    if (setting) told[service] = { url: setting.slice(key.length + 1), toldBy: `--set ${key}` };
    else if (variable) told[service] = { url: env[variable], toldBy: variable };
    else if (config[table]?.[field]) told[service] = { url: config[table][field], toldBy: configFile };
  }
  return told;
}

async function readConfig(file) {
  const { parse } = await import('smol-toml');
  try {
    return parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new Halt(`The configuration file ${file} cannot be read: ${error.message}`);
  }
}
