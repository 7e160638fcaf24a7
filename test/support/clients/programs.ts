/**
 * Runs mail clients that are programs of their own: which of them this machine has, a home folder that is theirs alone,
 * and what they printed. A client that hangs is killed after a minute.
 */
import { execFile } from 'node:child_process';
import { accessSync, constants, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { after } from 'node:test';

const LIMIT_MS = 60_000;

/** Path of a program, or null. */
export function findProgram(name: string): string | null {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not in this one.
    }
  }
  return null;
}

/** For the `skip` option: the reason when one of the programs is not there. */
export function absent(...names: readonly string[]): string | false {
  const missing = names.filter((name) => findProgram(name) === null);
  return missing.length > 0 && `not installed: ${missing.join(', ')}`;
}

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs to the end; a failing exit code is an outcome, a program that cannot be run or hangs is an error. */
export function runProgram(
  program: string,
  args: readonly string[],
  options: { readonly home: string; readonly input?: string },
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      program,
      args,
      {
        env: { ...process.env, HOME: options.home, LC_ALL: 'C.UTF-8', TZ: 'UTC' },
        cwd: options.home,
        timeout: LIMIT_MS,
        maxBuffer: 20_000_000,
      },
      (cause, stdout, stderr) => {
        if (cause && typeof cause.code !== 'number')
          reject(new Error(`${program} could not be run\n${stdout}\n${stderr}`, { cause }));
        else resolve({ code: cause ? Number(cause.code) : 0, stdout, stderr });
      },
    );
    child.stdin?.end(options.input ?? '');
  });
}

/** A new empty folder for a client, removed at the end of the test file. */
export function freshHome(): string {
  const home = mkdtempSync(join(tmpdir(), 'waxwing-client-'));
  mkdirSync(join(home, 'mail'));
  after(() => rmSync(home, { recursive: true, force: true, maxRetries: 5 }));
  return home;
}
