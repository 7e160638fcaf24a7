/**
 * Chooses the port of a service: the one it had before if that is free, else any free one.
 */

import { createServer } from 'node:net';

/**
 * @param {number | undefined} preferred
 * @returns {Promise<number>} a port of 127.0.0.1 that nobody listened on a moment ago
 */
export async function choosePort(preferred) {
  return (preferred && (await tryListen(preferred))) || (await tryListen(0));
}

/** @returns {Promise<number | undefined>} the port, or undefined if it is taken */
function tryListen(port) {
  return new Promise((resolve) => {
    const server = createServer();
    server.on('error', () => resolve(undefined));
    server.listen(port, '127.0.0.1', () => {
      const { port: taken } = server.address();
      server.close(() => resolve(taken));
    });
  });
}
