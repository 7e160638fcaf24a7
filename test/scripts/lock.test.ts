/**
 * The lock between processes: one holder at a time, and a killed holder blocks nobody.
 */

import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { loadBootstrap, projectDir } from './project.ts';
import { RunningScript } from './running-script.ts';

const { lockHolder, tryLock } = await loadBootstrap<{
  tryLock(file: string): (() => void) | undefined;
  lockHolder(file: string): { readonly pid: number } | undefined;
}>('lock.mjs');

const dir = mkdtempSync(join(tmpdir(), 'waxwing lock '));
const lockUrl = pathToFileURL(join(projectDir, 'scripts', 'bootstrap', 'lock.mjs')).href;

/** Another process with the lock module at hand. */
function other(body: string): RunningScript {
  const text = `import { tryLock, withLock } from ${JSON.stringify(lockUrl)};\nimport * as fs from 'node:fs';\n${body}`;
  return new RunningScript(process.execPath, ['--input-type=module', '--eval', text]);
}

describe('the lock', () => {
  after(() => rmSync(dir, { recursive: true, force: true }));

  it('is held by one and free after its release', () => {
    const file = join(dir, 'simple.lock');
    const release = tryLock(file);
    assert.ok(release);
    assert.equal(tryLock(file), undefined);
    assert.equal(lockHolder(file)?.pid, process.pid);
    release();
    assert.ok(!existsSync(file));
    tryLock(file)?.();
  });

  it('is taken over from a holder that was killed', async () => {
    const file = join(dir, 'killed.lock');
    const holder = other(`tryLock(${JSON.stringify(file)}); console.log('held'); setInterval(() => {}, 1000);`);
    await holder.printed(/held/);
    assert.equal(tryLock(file), undefined);
    assert.equal(lockHolder(file)?.pid, holder.pid);
    process.kill(holder.pid, 'SIGKILL');
    await holder.ended;
    assert.equal(lockHolder(file), undefined);
    assert.ok(tryLock(file));
  });

  it('is taken over when another process has the pid of the holder now', () => {
    const file = join(dir, 'reused.lock');
    writeFileSync(file, JSON.stringify({ pid: process.pid, startedAt: 'long ago' }));
    assert.ok(tryLock(file));
  });

  it('is taken over when the file is cut short', () => {
    const file = join(dir, 'short.lock');
    writeFileSync(file, '{"pid":1');
    assert.ok(tryLock(file));
  });

  it('lets many processes in one after the other, also over a stale lock', async () => {
    const file = join(dir, 'many.lock');
    const log = join(dir, 'many.log');
    writeFileSync(file, JSON.stringify({ pid: process.pid, startedAt: 'long ago' }));
    const body = `
      const log = (word) => fs.appendFileSync(${JSON.stringify(log)}, word + ' ' + process.pid + '\\n');
      for (let round = 0; round < 3; round++) {
        await withLock(${JSON.stringify(file)}, async () => {
          log('in');
          await new Promise((resolve) => setTimeout(resolve, 5));
          log('out');
        });
      }`;
    const all = await Promise.all(Array.from({ length: 6 }, () => other(body).ended));
    assert.deepEqual(
      all.map(({ code, output }) => ({ code, output })),
      Array.from({ length: 6 }, () => ({ code: 0, output: '' })),
    );
    const lines = readFileSync(log, 'utf8').trim().split('\n');
    assert.equal(lines.length, 36);
    for (let at = 0; at < lines.length; at += 2) {
      assert.equal(lines[at]?.replace('in', ''), lines[at + 1]?.replace('out', ''), `two were in at line ${at}`);
    }
  });
});
