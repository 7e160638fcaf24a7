/**
 * Makes node_modules what package-lock.json says.
 *
 * `npm ci` runs only when the lock file has changed since the last install, so the second time needs no network. A tree
 * that npm made without us (a plain `npm ci`) is compared with the lock file and accepted.
 */

import { createHash } from 'node:crypto';
import { chmodSync, lstatSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { withLock } from './lock.mjs';
import { projectDir, scratchDir } from './paths.mjs';
import { runCommand } from './run-command.mjs';
import { during, Halt } from './say.mjs';

const modulesDir = join(projectDir, 'node_modules');
const stampFile = join(modulesDir, '.waxwing-installed');

/** Installs the packages if the lock file asks for others than there are. */
export async function install() {
  if (isInstalled()) return;
  await withLock(join(scratchDir, 'install.lock'), async () => {
    if (isInstalled()) return;
    if (!treeMatchesLock()) await during('installing the packages (npm ci)', npmCi);
    linkOwnCommand();
    writeFileSync(stampFile, wantedStamp());
  });
}

function isInstalled() {
  return readIfPresent(stampFile) === wantedStamp();
}

/** Some packages carry a binary for one platform, so the platform belongs to the stamp. */
function wantedStamp() {
  const lock = readFileSync(join(projectDir, 'package-lock.json'));
  return `${createHash('sha256').update(lock).digest('hex')} ${process.platform}-${process.arch}\n`;
}

/** npm keeps its own record of what it installed; it must name every package of the lock file, at its version. */
function treeMatchesLock() {
  const record = readIfPresent(join(modulesDir, '.package-lock.json'));
  if (!record) return false;
  const installed = JSON.parse(record).packages ?? {};
  const wanted = JSON.parse(readFileSync(join(projectDir, 'package-lock.json'), 'utf8')).packages ?? {};
  return Object.entries(wanted).every(
    ([path, entry]) => path === '' || (installed[path] ? installed[path].version === entry.version : entry.optional),
  );
}

async function npmCi() {
  const env = Object.fromEntries(
    // `npm --prefix` would reach the inner npm through the environment and point it elsewhere.
    Object.entries(process.env).filter(
      ([name]) => !/^npm_(config_(local_|global_)?prefix|lifecycle_|package_)/.test(name),
    ),
  );
  const args = ['ci', '--include=dev', '--no-audit', '--no-fund', '--prefer-offline'];
  const npm = process.env.npm_execpath;
  const done = npm?.endsWith('npm-cli.js')
    ? await runCommand(process.execPath, [npm, ...args], { cwd: projectDir, env })
    : await runCommand('npm', args, { cwd: projectDir, env });
  if (!done.ok)
    throw new Halt(`The packages could not be installed: "npm ci" in ${projectDir} failed.\n${done.output}`);
}

/** `npx waxwing` looks here first. npm links the commands of dependencies, not those of the project itself. */
function linkOwnCommand() {
  const link = join(modulesDir, '.bin', 'waxwing');
  mkdirSync(join(modulesDir, '.bin'), { recursive: true });
  if (lstatSync(link, { throwIfNoEntry: false })) rmSync(link);
  symlinkSync('../../scripts/waxwing.mjs', link);
  chmodSync(join(projectDir, 'scripts', 'waxwing.mjs'), 0o755);
}

function readIfPresent(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
