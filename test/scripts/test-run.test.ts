/**
 * The test runner: what it counts, what it shows of a failure, and how it ends.
 */

import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { RunningScript, type ScriptEnd } from './running-script.ts';
import { type SmallProject, smallProject } from './small-project.ts';

const files = {
  'a/passes.test.js': `import test, { describe, it } from 'node:test';
    test('passes', () => { console.log('printed by a passing file'); });
    describe('a suite', () => { it('counts its tests', () => {}); it.skip('skips', () => {}); it.todo('later'); });`,
  'a/fails.test.js': `import test, { describe, it } from 'node:test';
    test('passes too', () => { console.log('printed by a failing file'); });
    describe('outer', () => { it('fails inside', () => { throw new Error('broken', { cause: new Error('the reason') }); }); });
    test('with a subtest', async (t) => { await t.test('fails below', () => { throw new TypeError('below'); }); });`,
  'b/exits.test.js': `import test from 'node:test'; test('never ends well', () => process.exit(3));`,
  'b/throws.test.js': `throw new Error('at the import');`,
  'b/not-a-test.js': `throw new Error('is not run');`,
};

describe('the test runner', () => {
  let project: SmallProject;
  const run = (...args: string[]): Promise<ScriptEnd> =>
    new RunningScript(process.execPath, [join(project.dir, 'scripts/bootstrap/run-test-files.mjs'), ...args]).ended;
  const closingLine = (output: string): string | undefined => output.trimEnd().split('\n').at(-1);
  before(() => {
    project = smallProject();
    for (const [path, text] of Object.entries(files)) project.write(join('dist', 'test', path), text);
  });
  after(() => rmSync(project.dir, { recursive: true, force: true }));

  it('ends with one closing line and exit code 0 when all pass', async () => {
    const { code, output } = await run('passes');
    assert.equal(code, 0, output);
    assert.equal(closingLine(output), '2 passed, 0 failed, 2 skipped');
    assert.equal(output.match(/^\d+ passed, \d+ failed(, \d+ skipped)?$/gm)?.length, 1);
    assert.doesNotMatch(output, /printed by/);
  });

  it('shows each failure with its title, error, cause and what the file printed, and exits with 1', async () => {
    const { code, output } = await run('test/a/fails.test.ts');
    assert.equal(code, 1);
    assert.match(output, /FAILED {2}outer > fails inside\n/);
    assert.match(output, /Error: broken[\s\S]*the reason/);
    assert.match(output, /FAILED {2}with a subtest > fails below\n/);
    assert.match(output, /printed by a failing file/);
    assert.equal(closingLine(output), '1 passed, 2 failed');
  });

  it('counts a file that ends or throws by itself as a failure', async () => {
    const { code, output } = await run('test/b');
    assert.equal(code, 1);
    assert.match(output, /test\/b\/exits\.test\.ts[\s\S]*It ended with exit code 3\./);
    assert.match(output, /at the import/);
    assert.equal(closingLine(output), '0 passed, 2 failed');
  });

  it('runs every test file and nothing else without a filter, and names the slowest', async () => {
    const { output } = await run('--concurrency', '2');
    assert.equal(closingLine(output), '3 passed, 4 failed, 2 skipped');
    assert.doesNotMatch(output, /is not run/);
    assert.match(output, /^The slowest files:\n( +\d+\.\d s {2}test\/[ab]\/\w+\.test\.ts\n){4}/m);
  });

  it('runs only the tests whose title matches --grep', async () => {
    const { code, output } = await run('--grep', 'counts its', 'test/a');
    assert.equal(code, 0, output);
    assert.match(closingLine(output) ?? '', /^1 passed, 0 failed/);
  });

  it('fails when there is nothing to run', async () => {
    const { code, output } = await run('no-such-file');
    assert.equal(code, 1);
    assert.match(output, /There was no test to run\./);
    assert.equal(closingLine(output), '0 passed, 0 failed');
  });
});
