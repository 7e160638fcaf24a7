/**
 * Writes a small zip archive, as a Python wheel is one, for the tests of what reads and fetches wheels.
 */

import { deflateRawSync } from 'node:zlib';

export interface ZipMember {
  readonly name: string;
  readonly contents: Buffer;
  readonly isStored?: boolean;
}

export function zipArchive(members: readonly ZipMember[]): Buffer {
  const files: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { name, contents, isStored = false } of members) {
    const packed = isStored ? contents : deflateRawSync(contents);
    const method = isStored ? 0 : 8;
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x04034b50, 0);
    local.writeUInt16LE(method, 8);
    local.writeUInt16LE(name.length, 26);
    // Extra fields differ between the two headers in real archives, so they do here.
    local.writeUInt16LE(4, 28);
    const file = Buffer.concat([local, Buffer.from(name), Buffer.from('ext4'), packed]);
    const entry = Buffer.alloc(46);
    entry.writeUInt32LE(0x02014b50, 0);
    entry.writeUInt16LE(method, 10);
    entry.writeUInt32LE(packed.length, 20);
    entry.writeUInt32LE(contents.length, 24);
    entry.writeUInt16LE(name.length, 28);
    entry.writeUInt16LE(2, 30);
    entry.writeUInt16LE(3, 32);
    entry.writeUInt32LE(offset, 42);
    directory.push(Buffer.concat([entry, Buffer.from(name), Buffer.from('excom')]));
    files.push(file);
    offset += file.length;
  }
  const listing = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(members.length, 8);
  end.writeUInt16LE(members.length, 10);
  end.writeUInt32LE(listing.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...files, listing, end]);
}
