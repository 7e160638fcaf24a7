/** What hinders a start is told in one sentence, with exit code 1: no stack, no talk of a defect. And the command line about what is not there. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startServer } from '../support/running-server.ts';
import { freshDatabase, freshKeyPrefix, mongodbUri, redisUrl } from '../support/services.ts';

const options = {
  mongodbUri: mongodbUri(),
  redisUrl: redisUrl(),
  database: freshDatabase(),
  keyPrefix: freshKeyPrefix(),
};

/** What the server printed when it did not start. */
async function refusal(set: readonly string[]): Promise<string> {
  let message = '';
  await assert.rejects(startServer({ ...options, set }), (error: Error) => {
    message = `${error.message}\n${error.cause}`;
    return true;
  });
  return message;
}

test('a certificate that is not there is refused in one sentence', async () => {
  const text = await refusal(['tls.certFile=/not/there.pem', 'tls.keyFile=/not/there.key']);
  assert.match(text, /tls\.certFile: \/not\/there\.pem can't be read/);
  assert.doesNotMatch(text, /defect|\n {4}at /);
  assert.match(text, /exit code 1\b/);
});

test('a port that another process has is named in one sentence', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as { port: number };
  const text = await refusal([`ports.imap=${port}`]);
  other.close();
  assert.match(text, new RegExp(`Port ${port} on 127\\.0\\.0\\.1 cannot be listened on: another process has it`));
  assert.doesNotMatch(text, /defect|\n {4}at /);
  assert.match(text, /exit code 1\b/);
});

test('queue retry of a message that is not there is refused', () => {
  const cli = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'src', 'cli', 'main.js');
  const sets = [`mongodb.uri=${options.mongodbUri}`, `mongodb.database=${options.database}`];
  const run = spawnSync(
    process.execPath,
    [cli, ...sets.flatMap((set) => ['--set', set]), 'queue', 'retry', 'nothing'],
    {
      encoding: 'utf8',
    },
  );
  assert.equal(run.stderr.trim(), 'There is no message nothing in the queue.');
  assert.equal(run.status, 1);
});
