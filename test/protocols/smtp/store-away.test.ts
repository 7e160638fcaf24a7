import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { after, test } from 'node:test';
import { createReceiver } from '../../../src/delivery/inbound/receive-to-queue.ts';
import { startMx } from '../../../src/protocols/smtp/start-mx.ts';
import { systemClock } from '../../../src/server/clock.ts';
import { silentLog } from '../../../src/server/log.ts';
import { openMailStore } from '../../../src/storage/open-store.ts';
import { LineClient } from '../../support/line-client.ts';
import { freshDatabase, freshKeyPrefix, mongodbUri, redisUrl } from '../../support/services.ts';
import { messageOf, openData, replyLine, say } from './smtp-world.ts';

/** The way to MongoDB, which can be cut and mended. */
async function openWire(): Promise<{ port: number; cut(): void; mend(): void; close(): void }> {
  const target = new URL(mongodbUri());
  const sockets = new Set<Socket>();
  let isCut = false;
  const server: Server = createServer((socket) => {
    if (isCut) {
      socket.destroy();
      return;
    }
    const far = connect(Number(target.port), target.hostname);
    for (const end of [socket, far]) {
      sockets.add(end);
      end.on('error', () => end.destroy());
      end.on('close', () => sockets.delete(end));
    }
    socket.pipe(far).pipe(socket);
    socket.on('close', () => far.destroy());
    far.on('close', () => socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = (): void => {
    isCut = true;
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: (server.address() as { port: number }).port,
    cut,
    mend: () => {
      isCut = false;
    },
    close: () => {
      cut();
      server.close();
    },
  };
}

test('a MongoDB that is away is answered 451 4.3.0 at RCPT and behind DATA, and service comes back with it', async () => {
  const wire = await openWire();
  const clock = systemClock;
  const log = silentLog;
  const store = await openMailStore({
    uri: `mongodb://127.0.0.1:${wire.port}/?directConnection=true`,
    database: freshDatabase(),
    redisUrl: redisUrl(),
    keyPrefix: freshKeyPrefix(),
    clock,
    log,
    serverSelectionMs: 200,
  });
  const hostname = 'mx.example.test';
  const receiver = createReceiver({ store, hostname, maxMessageBytes: 1_000_000, clock });
  const base = { host: '127.0.0.1', port: 0, hostname, tls: null, log };
  const mx = await startMx({ ...base, directory: store.directory, receiver });
  after(async () => {
    await mx.close(100);
    await store.close();
    wire.close();
  });
  await store.directory.addDomain('example.test');
  await store.directory.createAccount({ address: { local: 'alice', domain: 'example.test' }, password: 'a password' });

  const client = await LineClient.open(mx.port);
  await client.reply();
  await client.smtp('EHLO x', '250');
  const message = messageOf('away');
  await openData(client, 'carol@example.net', 'alice@example.test');
  wire.cut();
  await client.write(`${message}.\r\n`);
  assert.match((await replyLine(client))!, /^451 4\.3\.0 /);
  await client.smtp('MAIL FROM:<carol@example.net>', '250');
  // An address that was not looked up a moment ago: those are remembered for two seconds.
  assert.match((await say(client, 'RCPT TO:<alice+away@example.test>'))!, /^451 4\.3\.0 /);
  wire.mend();
  let reply: string | null = null;
  do reply = await say(client, 'RCPT TO:<alice+away@example.test>');
  while (reply?.startsWith('451'));
  assert.equal(reply, '250 2.1.5 recipient ok');
  await client.smtp('DATA', '354');
  await client.write(`${message}.\r\n`);
  assert.match((await replyLine(client))!, /^250 /);
  assert.equal((await store.queue.list({ limit: 10, includeFinal: true })).length, 1);
  client.destroy();
});
