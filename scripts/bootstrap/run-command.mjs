/**
 * Runs a helper program to its end, and keeps what it printed for the case that it fails. It does not outlive this process.
 */

import { spawn } from 'node:child_process';
import { dyingWithParent } from './die-with-parent.mjs';

/** What a shell, setpriv, and a shim of a version manager exit with if there is no such program. */
const notFound = 127;

/**
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{cwd?: string, env?: NodeJS.ProcessEnv, limitMs?: number}} [options]
 * @returns {Promise<{ok: boolean, missing: boolean, output: string}>} `missing` if there is no such program
 */
export function runCommand(command, args, { cwd, env, limitMs } = {}) {
  return new Promise((resolve) => {
    const child = spawn(...dyingWithParent(command, args), {
      cwd,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    const keep = (chunk) => {
      output = (output + chunk).slice(-20_000);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    // Not the option of spawn, whose timer stays when there is no such program.
    const timer = limitMs ? setTimeout(() => child.kill('SIGKILL'), limitMs) : undefined;
    const end = (result) => {
      clearTimeout(timer);
      resolve(result);
    };
    child.on('error', (error) => end({ ok: false, missing: error.code === 'ENOENT', output: error.message }));
    child.on('close', (code) => end({ ok: code === 0, missing: code === notFound, output }));
  });
}
