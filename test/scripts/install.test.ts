/**
 * Installing the packages: when the lock file changed, and only then.
 */

import assert from 'node:assert/strict';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { RunningScript } from './running-script.ts';
import { lockFile, type SmallProject, smallProject } from './small-project.ts';

/** The packages lie in the project, so no registry is asked; should npm want to, it is told not to. */
const offline = { npm_config_offline: 'true', npm_execpath: undefined };
const dependency = {
  dep: { version: '1.0.0', dev: true },
  'node_modules/dep': { resolved: 'dep', link: true },
};

describe('install', () => {
  let project: SmallProject;
  const install = (env: NodeJS.ProcessEnv = {}): RunningScript =>
    project.call('install.mjs', 'install', { ...offline, ...env });
  before(() => {
    project = smallProject();
  });
  after(() => rmSync(project.dir, { recursive: true, force: true }));

  it('runs npm ci the first time, once for two at the same time', async () => {
    const both = await Promise.all([install().ended, install().ended]);
    assert.deepEqual(
      both.map(({ code }) => code),
      [0, 0],
      both.map(({ output }) => output).join('\n'),
    );
    assert.equal(both.flatMap(({ output }) => output.match(/npm ci\) \.\.\.$/gm) ?? []).length, 1);
  });

  it('does nothing the second time', async () => {
    assert.deepEqual(await install().ended, { code: 0, signal: null, output: '' });
  });

  it('runs npm ci again when the lock file changed, with what development needs also in production', async () => {
    project.write('dep/package.json', JSON.stringify({ name: 'dep', version: '1.0.0' }));
    const root = { devDependencies: { dep: 'file:dep' } };
    project.write('package-lock.json', lockFile(dependency, root));
    project.write(
      'package.json',
      JSON.stringify({ name: 'waxwing', version: '1.0.0', bin: { waxwing: 'scripts/waxwing.mjs' }, ...root }),
    );
    const { code, output } = await install({ NODE_ENV: 'production' }).ended;
    assert.equal(code, 0, output);
    assert.match(output, /npm ci/);
    assert.ok(existsSync(join(project.dir, 'node_modules', 'dep', 'package.json')));
  });

  it('accepts what npm installed without it', async () => {
    rmSync(join(project.dir, 'node_modules', '.waxwing-installed'));
    assert.deepEqual(await install().ended, { code: 0, signal: null, output: '' });
  });

  it('installs again when the folder is gone', async () => {
    rmSync(join(project.dir, 'node_modules'), { recursive: true });
    const { code, output } = await install().ended;
    assert.equal(code, 0, output);
    assert.match(output, /npm ci/);
  });

  it('links the command, so that npx finds it in the project', async () => {
    assert.ok(existsSync(join(project.dir, 'node_modules', '.bin', 'waxwing')));
  });

  it('says in its first line that npm failed', async () => {
    project.write(
      'package-lock.json',
      '{"lockfileVersion": 3, "packages": {"node_modules/none": {"version": "1.0.0"}}}',
    );
    const { code, output } = await install().ended;
    assert.equal(code, 1);
    assert.match(output, /^The packages could not be installed: "npm ci" in .* failed\.$/m);
  });
});
