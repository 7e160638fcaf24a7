/**
 * Services for a command that throws its data away: tests, the demo, the benchmark.
 */

import { mkdirSync, mkdtempSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from './build.mjs';
import { withChildren } from './children.mjs';
import { install } from './install.mjs';
import { projectDir, scratchDir } from './paths.mjs';
import { provideServices } from './services.mjs';

const memoryDisk = '/dev/shm';
const wantedBytes = 4 * 2 ** 30;

/**
 * Installs, builds, runs both services on temporary data, then runs one program of ours with their addresses in its
 * environment and this terminal as its output.
 *
 * @param {object} options
 * @param {string} options.name of the program, as an error would name it
 * @param {string} options.entry the script to run
 * @param {readonly string[]} options.args
 * @param {'memory' | 'disk'} options.dataOn `memory` where there is room: for what measures nothing
 * @returns {Promise<number>} its exit code; 130 if it was stopped
 */
export async function runWithServices({ name, entry, args, dataOn }) {
  await install();
  await build();
  const dataDir = temporaryDir(dataOn);
  const code = await withChildren({ removeAtEnd: dataDir }, async (children) => {
    const services = await provideServices({ children, dataDir, temporary: dataOn === 'memory' });
    const { exited } = await children.start({
      name,
      command: process.execPath,
      args: ['--enable-source-maps', entry, ...args],
      cwd: projectDir,
      env: {
        WAXWING_TEST_MONGODB_URI: services.mongodbUri,
        WAXWING_TEST_REDIS_URL: services.redisUrl,
        WAXWING_TEST_MONGOD: services.mongod,
        WAXWING_TEST_VALKEY: services.valkey,
        WAXWING_EXIT_ON_STDIN_EOF: '1',
      },
      stopLimitMs: 10_000,
    });
    const exit = await exited;
    return exit.code ?? 1;
  });
  return code ?? 130;
}

function temporaryDir(dataOn) {
  const parent = dataOn === 'disk' ? scratchDir : hasRoom(memoryDisk) ? memoryDisk : tmpdir();
  mkdirSync(parent, { recursive: true });
  return mkdtempSync(join(parent, 'waxwing-'));
}

function hasRoom(dir) {
  try {
    const { bavail, bsize } = statfsSync(dir);
    return bavail * bsize >= wantedBytes;
  } catch {
    // There is none on this system.
    return false;
  }
}
