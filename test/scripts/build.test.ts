/**
 * Building: when a source changed, whole, and once for two that want it at the same time.
 */

import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { RunningScript } from './running-script.ts';
import { lendCompiler, type SmallProject, smallProject } from './small-project.ts';

describe('build', () => {
  let project: SmallProject;
  const build = (): RunningScript => project.call('build.mjs', 'build');
  const built = (path: string): string => join(project.dir, 'dist', path);
  before(() => {
    project = smallProject();
    lendCompiler(project);
    project.write('src/one.ts', 'export const one: number = 1;\n');
    project.write('src/two.ts', 'export const two: number = 2;\n');
  });
  after(() => rmSync(project.dir, { recursive: true, force: true }));

  it('compiles the first time, once for two at the same time', async () => {
    const both = await Promise.all([build().ended, build().ended]);
    assert.deepEqual(
      both.map(({ code }) => code),
      [0, 0],
      both.map(({ output }) => output).join('\n'),
    );
    assert.equal(both.flatMap(({ output }) => output.match(/^building \.\.\.$/gm) ?? []).length, 1);
    assert.match(readFileSync(built('src/one.js'), 'utf8'), /one = 1/);
  });

  it('names the sources in its maps by paths that are right', () => {
    const map = JSON.parse(readFileSync(built('src/one.js.map'), 'utf8')) as { sources: string[] };
    assert.deepEqual(map.sources, ['../../src/one.ts']);
  });

  it('does nothing when nothing changed', async () => {
    assert.deepEqual(await build().ended, { code: 0, signal: null, output: '' });
  });

  it('compiles again when a source changed, and drops the output of one that is gone', async () => {
    project.write('src/one.ts', 'export const one: number = 11;\n');
    rmSync(join(project.dir, 'src', 'two.ts'));
    assert.equal((await build().ended).code, 0);
    assert.match(readFileSync(built('src/one.js'), 'utf8'), /one = 11/);
    assert.ok(!existsSync(built('src/two.js')));
  });

  it('tells the errors of the compiler and leaves the last good build', async () => {
    project.write('src/one.ts', 'export const one: number = "text";\n');
    const { code, output } = await build().ended;
    assert.equal(code, 1);
    assert.match(output, /^The sources do not compile:$/m);
    assert.match(output, /src\/one\.ts\(1,14\): error TS2322/);
    assert.match(readFileSync(built('src/one.js'), 'utf8'), /one = 11/);
    assert.ok(!existsSync(join(project.dir, 'dist.next')));
  });

  it('works from the command line tool, which keeps standard output to itself', async () => {
    project.write('src/one.ts', 'export const one: number = 12;\n');
    project.write('src/cli/main.ts', 'console.log(process.argv.slice(2).join(" "));\n');
    const tool = new RunningScript(process.execPath, [
      join(project.dir, 'scripts', 'waxwing.mjs'),
      'account',
      'list',
      '--json',
    ]);
    let stdout = '';
    tool.child.stdout?.on('data', (chunk: Buffer) => {
      stdout += chunk.toString();
    });
    assert.equal((await tool.ended).code, 0, tool.output);
    assert.equal(stdout, 'account list --json\n');
  });
});
