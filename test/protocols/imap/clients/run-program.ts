/** Runs a program of another project against the server, with a time limit; its output is for the failed assertion. */
import { execFile, spawnSync } from 'node:child_process';

export interface Ran {
  readonly code: number;
  readonly output: string;
}

export function run(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Ran> {
  return new Promise((resolve) => {
    execFile(
      program,
      args,
      { timeout: 60_000, env: { PATH: process.env.PATH ?? '', LANG: 'C.UTF-8', ...env } },
      (error, stdout, stderr) =>
        resolve({
          code: error === null ? 0 : typeof error.code === 'number' ? error.code : 1,
          output: stdout + stderr,
        }),
    );
  });
}

/** The reason to skip a test, or false when the program is there. */
export function absent(program: string): string | false {
  const found = spawnSync(program, ['--version'], { stdio: 'ignore', timeout: 20_000 });
  return found.error === undefined ? false : `${program} is not installed`;
}
