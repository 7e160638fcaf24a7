/**
 * Two processes with different roles on the same data behave as one server: mail taken in by one is seen at once by the clients of the other,
 * with Redis as the doorbell and, when Redis is away, by a slow poll.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LineClient } from '../support/line-client.ts';
import { sampleMessage } from '../support/mail-samples.ts';
import { type RunningServer, startServer } from '../support/running-server.ts';
import { openSender } from '../support/senders.ts';
import { freshDatabase, freshKeyPrefix, mongodbUri, redisUrl } from '../support/services.ts';

async function idleClient(server: RunningServer, account: RunningServer['account']): Promise<LineClient> {
  const client = await LineClient.open(server.port('imap'));
  await client.line();
  const login = await client.imap('a', `LOGIN ${account.address} "${account.password}"`);
  assert.match(login.status, /^OK/);
  await client.imap('b', 'SELECT INBOX');
  await client.send('c IDLE');
  assert.match((await client.line()) ?? '', /^\+/);
  return client;
}

async function untilExists(client: LineClient, count: number): Promise<void> {
  for (;;) {
    const line = await client.line();
    assert.notEqual(line, null, 'the session goes on');
    if (line === `* ${count} EXISTS`) return;
  }
}

async function deliver(server: RunningServer, to: string): Promise<void> {
  const sender = await openSender('smtp', server.port('smtp'));
  await sender.send('ada@remote.example', to, sampleMessage({ from: 'ada@remote.example', to, bytes: 2048 }));
  await sender.close();
}

test('P3: what one process takes in, the idle client of another sees', { timeout: 120_000 }, async () => {
  const shared = {
    mongodbUri: mongodbUri(),
    redisUrl: redisUrl(),
    database: freshDatabase(),
    keyPrefix: freshKeyPrefix(),
  };
  const first = await startServer({ ...shared, roles: 'smtp,delivery' });
  const second = await startServer({ ...shared, roles: 'imap,jmap' });
  try {
    assert.deepEqual(
      first.ready.listeners.map((listener) => listener.name),
      ['smtp'],
    );
    assert.deepEqual(second.ready.listeners.map((listener) => listener.name).sort(), ['http', 'imap', 'imaps']);
    const client = await idleClient(second, first.account);
    await deliver(first, first.account.address);
    await untilExists(client, 1);
    client.destroy();
  } finally {
    await Promise.all([first.stop(), second.stop()]);
  }
});

test('P3: with Redis away the idle client still sees it, by the slow poll', { timeout: 120_000 }, async () => {
  // Nothing listens on port 1: every connection to this Redis is refused from the beginning.
  const shared = {
    mongodbUri: mongodbUri(),
    redisUrl: 'redis://127.0.0.1:1',
    database: freshDatabase(),
    keyPrefix: freshKeyPrefix(),
  };
  const first = await startServer({ ...shared, roles: 'smtp,delivery' });
  const second = await startServer({ ...shared, roles: 'imap' });
  try {
    const client = await idleClient(second, first.account);
    await deliver(first, first.account.address);
    await untilExists(client, 1);
    client.destroy();
  } finally {
    await Promise.all([first.stop(), second.stop()]);
  }
});
