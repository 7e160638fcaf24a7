/**
 * A project in miniature: the real scripts, over sources of a few lines and no packages, in a folder with a space.
 */

import { cpSync, mkdirSync, mkdtempSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { projectDir } from './project.ts';
import { RunningScript } from './running-script.ts';

export interface SmallProject {
  readonly dir: string;
  /** Writes a file, making its folder. */
  write(path: string, text: string): void;
  /** Runs `export async function name` of a module of scripts/bootstrap in a process of its own. */
  call(module: string, name: string, env?: NodeJS.ProcessEnv): RunningScript;
}

const packageJson = { name: 'waxwing', version: '1.0.0', type: 'module', bin: { waxwing: 'scripts/waxwing.mjs' } };

export function smallProject(): SmallProject {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'waxwing small project ')));
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), text);
  };
  cpSync(join(projectDir, 'scripts'), join(dir, 'scripts'), { recursive: true });
  cpSync(join(projectDir, 'tsconfig.json'), join(dir, 'tsconfig.json'));
  write('package.json', JSON.stringify(packageJson));
  write('package-lock.json', lockFile({}));
  return {
    dir,
    write,
    call: (module, name, env = {}) => {
      const url = pathToFileURL(join(dir, 'scripts', 'bootstrap', module)).href;
      const halt = pathToFileURL(join(dir, 'scripts', 'bootstrap', 'say.mjs')).href;
      const text = `import { ${name} } from ${JSON.stringify(url)};
        import { runScript } from ${JSON.stringify(halt)};
        await runScript(async () => (await ${name}(), 0));`;
      return new RunningScript(process.execPath, ['--input-type=module', '--eval', text], { cwd: tmpdir(), env });
    },
  };
}

/** A package-lock.json with these packages besides the project itself. */
export function lockFile(packages: object, root: object = {}): string {
  const all = { '': { ...packageJson, ...root }, ...packages };
  return JSON.stringify({ name: 'waxwing', version: '1.0.0', lockfileVersion: 3, requires: true, packages: all });
}

/** Lends the compiler of the real project, as if it had been installed. */
export function lendCompiler({ dir, write }: SmallProject): void {
  write('node_modules/.package-lock.json', JSON.stringify({ packages: {} }));
  for (const name of ['typescript', '@types']) {
    symlinkSync(join(projectDir, 'node_modules', name), join(dir, 'node_modules', name));
  }
}
