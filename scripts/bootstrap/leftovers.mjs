/**
 * Stops what an earlier run on the same data left behind, should script and guard both have been killed at once.
 *
 * A process is stopped only if it is the very one that was noted (pid and start time) and its command line names the
 * folder: a number in a file is never enough.
 */

import { readFileSync, rmSync } from 'node:fs';
import { commandLine, isRunning, stopGroup } from './processes.mjs';
import { say } from './say.mjs';

/**
 * @param {string} pidFile as the guard writes it
 * @param {string} dataDir
 */
export async function stopLeftovers(pidFile, dataDir) {
  for (const left of readNotes(pidFile).reverse()) {
    if (!isRunning(left) || !commandLine(left.pid).includes(dataDir)) continue;
    say(`${left.name} of an earlier run that was killed still runs (pid ${left.pid}): stopping it`);
    await stopGroup(left, { limitMs: 30_000 });
  }
  rmSync(pidFile, { force: true });
}

/** @returns {{name: string, pid: number, startedAt: string}[]} */
function readNotes(pidFile) {
  try {
    const notes = JSON.parse(readFileSync(pidFile, 'utf8'));
    return Array.isArray(notes) ? notes : [];
  } catch {
    // Absent after an orderly stop; cut short if the machine went down, and then nothing of it runs.
    return [];
  }
}
