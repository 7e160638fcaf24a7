/**
 * Is the server on this machine healthy? Every listener named in DATA/run/ready.json must take a connection.
 *
 * For the HEALTHCHECK of the Dockerfile: exit code 0 or 1, one line saying why. The data folder is WAXWING_DATA, or the
 * first argument.
 */

import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';

const limitMs = 3_000;

try {
  const dataDir = process.argv[2] ?? process.env.WAXWING_DATA ?? 'data';
  const ready = JSON.parse(readFileSync(join(dataDir, 'run', 'ready.json'), 'utf8'));
  process.kill(ready.pid, 0);
  await Promise.all(ready.listeners.map(answers));
  console.log(`healthy: ${ready.listeners.map(({ name }) => name).join(', ') || 'no listeners, as its roles ask'}`);
} catch (error) {
  console.log(`unhealthy: ${error.message}`);
  process.exitCode = 1;
}

/** A listener bound to every address is asked on loopback. */
function answers({ name, host, port }) {
  const address = host === '::' || host === '0.0.0.0' ? 'localhost' : host;
  return new Promise((resolve, reject) => {
    const socket = connect({ host: address, port }, () => {
      socket.destroy();
      resolve(undefined);
    });
    socket.setTimeout(limitMs, () => socket.destroy(new Error(`no answer in ${limitMs} ms`)));
    socket.on('error', (error) => reject(new Error(`${name} on port ${port}: ${error.message}`)));
  });
}
