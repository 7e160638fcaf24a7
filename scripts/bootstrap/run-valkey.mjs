/**
 * Runs Valkey or Redis with an append-only file, synced every second: it holds the schedule of the queue, which can be
 * made again from MongoDB, so a lost second costs nothing.
 */

import { mkdirSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { choosePort } from './free-port.mjs';
import { freshLog } from './logs.mjs';
import { Halt } from './say.mjs';

const startLimitMs = 60_000;
const attempts = 3;

/**
 * @param {object} options
 * @param {import('./children.mjs').Children} options.children
 * @param {string} options.program the path of valkey-server or redis-server
 * @param {string} options.dataDir the folder that gets `valkey` and `logs`
 * @param {number | undefined} options.port the port of the last time
 * @returns {Promise<{url: string, port: number}>} once it answers
 */
export async function runValkey({ children, program, dataDir, port: lastPort }) {
  const dir = join(dataDir, 'valkey');
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const logFile = freshLog(dataDir, 'valkey');
  for (let attempt = 1; ; attempt++) {
    const port = await choosePort(attempt === 1 ? lastPort : undefined);
    const args = [
      ...['--bind', '127.0.0.1', '--port', String(port), '--dir', dir, '--logfile', logFile, '--daemonize', 'no'],
      ...['--appendonly', 'yes', '--appendfsync', 'everysec', '--save', '', '--maxmemory-policy', 'noeviction'],
    ];
    const { exited } = await children.start({
      name: 'Valkey',
      command: program,
      args,
      logFile,
      isDatabase: true,
      stopLimitMs: 20_000,
    });
    const end = await Promise.race([exited, answering(port)]);
    if (end === undefined) {
      children.require('Valkey', exited, logFile);
      return { url: `redis://127.0.0.1:${port}`, port };
    }
    if (attempt === attempts)
      throw new Halt(`Valkey did not start (${end.signal ?? `exit code ${end.code}`}): see ${logFile}`);
  }
}

/** Resolves with undefined when a PING is answered with PONG; before, the append-only file is being loaded. */
async function answering(port) {
  const deadline = Date.now() + startLimitMs;
  while (!(await ping(port))) {
    if (Date.now() > deadline) throw new Halt(`Valkey on port ${port} did not answer in ${startLimitMs / 1000} s.`);
    await sleep(30);
  }
  return undefined;
}

function ping(port) {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' }, () => socket.write('PING\r\n'));
    socket.setTimeout(1_000, () => socket.destroy());
    socket.on('data', (answer) => {
      resolve(answer.toString('latin1').startsWith('+PONG'));
      socket.destroy();
    });
    socket.on('error', () => resolve(false));
    socket.on('close', () => resolve(false));
  });
}
