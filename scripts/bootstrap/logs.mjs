/**
 * The log files of the servers that the scripts start: DIR/logs/NAME.log.
 */

import { mkdirSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';

const maxBytes = 20 * 2 ** 20;

/**
 * @param {string} dataDir
 * @param {string} name
 * @returns {string} the file to append to; one grown too large was put aside, and the one put aside before is gone
 */
export function freshLog(dataDir, name) {
  const dir = join(dataDir, 'logs');
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const file = join(dir, `${name}.log`);
  if ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) > maxBytes) renameSync(file, `${file}.1`);
  return file;
}
