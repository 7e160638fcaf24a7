/**
 * Thunderbird itself, unattended: on a display of its own in memory (Xvfb), with a prepared profile. Whoever opens it closes it;
 * nothing of it stays. Debian packages: thunderbird xvfb, and x11-apps imagemagick for pictures.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import { projectRoot } from '../project-root.ts';
import { absent, findProgram } from './programs.ts';

const run = promisify(execFile);
const PICTURE_EVERY_MS = 700;
const PICTURE_LOOKS = 20;

export interface Thunderbird {
  /** A PNG of the whole display, once it has stopped changing. */
  picture(file: string): Promise<void>;
  close(): Promise<void>;
}

/** For the `skip` option: the reason when this machine cannot run it. */
export const withoutThunderbird = (): string | false =>
  thunderbirdFolder() ? absent('Xvfb', 'python3') : 'not installed: thunderbird';

/** Starts with the Inbox of `address` open. `home` gets the profile and must be empty. */
export async function openThunderbird(options: {
  readonly home: string;
  readonly imapPort: number;
  readonly submissionPort: number;
  readonly address: string;
  readonly password: string;
}): Promise<Thunderbird> {
  const libraries = thunderbirdFolder();
  if (!libraries) throw new Error('thunderbird-bin was not found');
  const profile = join(options.home, 'profile');
  mkdirSync(profile);
  await run('python3', [
    join(projectRoot(), 'test', 'support', 'clients', 'thunderbird-profile.py'),
    profile,
    String(options.imapPort),
    String(options.submissionPort),
    options.address,
    options.password,
    libraries,
  ]);

  const screen = spawn('Xvfb', ['-displayfd', '3', '-screen', '0', '1280x800x24', '-nolisten', 'tcp'], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
  });
  const [number] = (await once(screen.stdio[3] as Readable, 'data')) as [Buffer];
  const display = `:${number.toString('latin1').trim()}`;

  // The session bus of whoever runs the tests is not for this one.
  const { DBUS_SESSION_BUS_ADDRESS: _, ...inherited } = process.env;
  const env = {
    ...inherited,
    HOME: options.home,
    DISPLAY: display,
    GDK_BACKEND: 'x11',
    MOZ_ENABLE_WAYLAND: '0',
    MOZ_CRASHREPORTER_DISABLE: '1',
    MOZ_DISABLE_CONTENT_SANDBOX: '1',
    LIBGL_ALWAYS_SOFTWARE: '1',
    NO_AT_BRIDGE: '1',
    LANG: 'C.UTF-8',
    TZ: 'UTC',
  };
  const program = spawn(join(libraries, 'thunderbird-bin'), ['--profile', profile, '--no-remote'], {
    env,
    stdio: 'ignore',
  });

  return {
    picture: async (file) => {
      const dump = join(options.home, 'screen.xwd');
      let seen = Buffer.alloc(0);
      for (let look = 0; look < PICTURE_LOOKS; look += 1) {
        await run('xwd', ['-silent', '-root', '-display', display, '-out', dump]);
        const now = readFileSync(dump);
        if (now.equals(seen)) break;
        seen = now;
        await wait(PICTURE_EVERY_MS);
      }
      await run('convert', [`xwd:${dump}`, `png:${file}`]);
    },
    close: async () => {
      await end(program);
      await end(screen);
    },
  };
}

/** `thunderbird` on PATH is a script in Debian; the program and its libraries are in a folder of their own. */
function thunderbirdFolder(): string | null {
  const onPath = findProgram('thunderbird');
  const candidates = [...(onPath ? [dirname(realpathSync(onPath))] : []), '/usr/lib/thunderbird'];
  return candidates.find((folder) => existsSync(join(folder, 'thunderbird-bin'))) ?? null;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}
