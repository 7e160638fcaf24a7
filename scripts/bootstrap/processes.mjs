/**
 * Knows processes by more than their number.
 *
 * A pid is reused by the system, so a process is remembered as pid and start time, and is signalled only if both still
 * match. On Linux both come from /proc; elsewhere from `ps`.
 */

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** @typedef {{pid: number, startedAt: string}} ProcessIdentity */

const hasProc = process.platform === 'linux';

/**
 * @param {number} pid
 * @returns {{state: string, parent: number, startedAt: string} | undefined} undefined if there is no such process
 */
function look(pid) {
  if (!hasProc) {
    const shown = spawnSync('ps', ['-o', 'state=,ppid=,lstart=', '-p', String(pid)], { encoding: 'utf8' });
    const [state, parent, ...started] = (shown.stdout ?? '').trim().split(/\s+/);
    return state ? { state: state[0] ?? '', parent: Number(parent), startedAt: started.join(' ') } : undefined;
  }
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The command's name is in parentheses and may hold anything, so the fields are counted after its end.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
    return { state: fields[0], parent: Number(fields[1]), startedAt: `${boot}:${fields[19]}` };
  } catch {
    return undefined;
  }
}

/**
 * @param {number} pid
 * @returns {ProcessIdentity | undefined} undefined if it does not run
 */
export function identify(pid) {
  const seen = look(pid);
  return seen && seen.state !== 'Z' ? { pid, startedAt: seen.startedAt } : undefined;
}

/**
 * @param {ProcessIdentity | undefined} identity
 * @returns {boolean} whether this very process still runs
 */
export function isRunning(identity) {
  return identity !== undefined && identify(identity.pid)?.startedAt === identity.startedAt;
}

/**
 * @param {number} pid
 * @returns {number | undefined}
 */
export function parentOf(pid) {
  return look(pid)?.parent;
}

/**
 * @param {number} pid
 * @returns {string} the command line, arguments separated by spaces; empty if it does not run
 */
export function commandLine(pid) {
  if (!hasProc) return spawnSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' }).stdout ?? '';
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}

/**
 * Signals a process, or with a negative pid its whole group. One that is gone is no error.
 *
 * @param {number} pid
 * @param {NodeJS.Signals} signal
 */
export function signal(pid, signal) {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (error.code !== 'ESRCH' && error.code !== 'EPERM') throw error;
  }
}

/**
 * Waits until a process that is not our child has ended.
 *
 * @param {ProcessIdentity} identity
 * @param {number} limitMs
 * @returns {Promise<boolean>} whether it ended in time
 */
export async function waitForEnd(identity, limitMs) {
  const deadline = Date.now() + limitMs;
  while (isRunning(identity)) {
    if (Date.now() > deadline) return false;
    await sleep(25);
  }
  return true;
}

/**
 * Stops a process that leads its own group: asks, waits, insists, and then takes what is left of the group.
 *
 * @param {ProcessIdentity} identity
 * @param {{limitMs: number}} options how long it may take after being asked
 */
export async function stopGroup(identity, { limitMs }) {
  if (isRunning(identity)) {
    signal(identity.pid, 'SIGTERM');
    if (!(await waitForEnd(identity, limitMs))) {
      signal(-identity.pid, 'SIGKILL');
      await waitForEnd(identity, 5_000);
    }
  }
}
