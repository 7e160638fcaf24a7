/**
 * Compiles src, test and bench into dist with tsc, when a source has changed.
 *
 * The new build is made beside the old one and put in its place by a rename, so that nobody meets half a build or a
 * leftover of a deleted source. Two commands that want to build at once build once.
 */

import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { withLock } from './lock.mjs';
import { distDir, projectDir, scratchDir } from './paths.mjs';
import { runCommand } from './run-command.mjs';
import { during, Halt } from './say.mjs';

/** A sibling of dist, since source maps name the sources by relative paths. */
const nextDir = join(projectDir, 'dist.next');
const stampName = '.built-from';

/** Builds if the sources differ from those of the last build. */
export async function build() {
  if (isBuilt(sourceHash())) return;
  await withLock(join(scratchDir, 'build.lock'), async () => {
    const hash = sourceHash();
    if (!isBuilt(hash)) await during('building', () => compile(hash));
  });
}

function isBuilt(hash) {
  const stamp = join(distDir, stampName);
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === hash;
}

/** Contents and names of all that the compiler reads, its own version included. */
function sourceHash() {
  const hash = createHash('sha256');
  const add = (path) =>
    hash
      .update(`${path}\0`)
      .update(readFileSync(join(projectDir, path)))
      .update('\0');
  for (const file of ['package.json', 'package-lock.json', 'tsconfig.json']) add(file);
  for (const folder of ['src', 'test', 'bench']) {
    for (const path of filesUnder(folder)) if (path.endsWith('.ts')) add(path);
  }
  return hash.digest('hex');
}

/** @returns {string[]} the files below a folder of the project, as sorted paths from the project */
function filesUnder(folder) {
  if (!existsSync(join(projectDir, folder))) return [];
  return readdirSync(join(projectDir, folder), { recursive: true, encoding: 'utf8' })
    .map((path) => join(folder, path))
    .sort();
}

async function compile(hash) {
  rmSync(nextDir, { recursive: true, force: true });
  const tsc = join(projectDir, 'node_modules', 'typescript', 'bin', 'tsc');
  const done = await runCommand(process.execPath, [tsc, '-p', projectDir, '--outDir', nextDir], { cwd: projectDir });
  // For work on one room while another is in pieces: tsc writes its output despite errors of type.
  const accepted = done.ok || (process.env.WAXWING_BUILD_DESPITE_ERRORS === '1' && existsSync(nextDir));
  if (!accepted) {
    rmSync(nextDir, { recursive: true, force: true });
    throw new Halt(`The sources do not compile:\n${done.output}`);
  }
  writeFileSync(join(nextDir, stampName), hash);
  const oldDir = `${nextDir}.old`;
  rmSync(oldDir, { recursive: true, force: true });
  if (existsSync(distDir)) renameSync(distDir, oldDir);
  renameSync(nextDir, distDir);
  rmSync(oldDir, { recursive: true, force: true });
}
