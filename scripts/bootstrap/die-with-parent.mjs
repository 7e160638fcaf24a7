/**
 * Linux can signal a process when its parent dies, however it dies. Used where there is the tool for it (setpriv of
 * util-linux) and done without elsewhere: it is the second line of defence, behind the guard.
 */

import { spawnSync } from 'node:child_process';

const setpriv = ['setpriv', '--pdeathsig', 'SIGTERM'];

/**
 * @param {string} command
 * @param {readonly string[]} args
 * @returns {[string, string[]]} command and arguments that run the same, with the same pid, but not without this process
 */
export function dyingWithParent(command, args) {
  const isPossible = process.platform === 'linux' && spawnSync(setpriv[0], [...setpriv.slice(1), 'true']).status === 0;
  return isPossible ? [setpriv[0], [...setpriv.slice(1), '--', command, ...args]] : [command, [...args]];
}
