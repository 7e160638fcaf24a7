/**
 * Where things are: the project, the user's cache, and what a path typed by the user means.
 */

import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of package.json, wherever the command was called from. */
export const projectDir = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** Where the build writes. */
export const distDir = join(projectDir, 'dist');

/** Scratch space of the scripts inside the project: locks and temporary data. Git ignores it. */
export const scratchDir = join(projectDir, '.waxwing');

/**
 * Where downloaded services are kept for the next time, for all clones of one user.
 *
 * @returns {string}
 */
export function cacheDir() {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'waxwing');
}

/**
 * Makes a path from the command line absolute. npm runs scripts in the project's folder, so a relative path is taken
 * from the folder where npm was called.
 *
 * @param {string} path
 * @returns {string}
 */
export function fromUser(path) {
  return resolve(process.env.INIT_CWD || process.cwd(), path);
}
