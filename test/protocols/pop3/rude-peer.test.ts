import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { MailStore } from '../../../src/storage/mail-store.ts';
import { Pop3Client } from './pop3-client.ts';
import { logIn, mail, openPop3Fixture, PASSWORD, type User } from './pop3-fixture.ts';

const fixture = await openPop3Fixture();
const big = mail('Big', 'All work and no play makes a long message.\r\n'.repeat(400_000));
after(() => assert.deepEqual(fixture.faults, []));

/** Logs in as soon as no other session has the drop: the server has noticed that the other is gone. */
async function logInWhenFree(user: User, port?: number): Promise<Pop3Client> {
  for (;;) {
    const client = await fixture.stranger(port);
    await client.ok(`USER ${user.address}`);
    const reply = await client.run(`PASS ${PASSWORD}`);
    if (reply.startsWith('+OK')) return client;
    assert.match(reply, /^-ERR \[IN-USE\]/);
    client.destroy();
  }
}

test('RFC 2449 §4 a command has 255 octets with its CRLF, and a longer one is refused while the session lives', async () => {
  const client = await fixture.stranger();
  assert.match(await client.run(`USER ${'x'.repeat(248)}`), /^\+OK/);
  assert.equal(await client.run(`USER ${'x'.repeat(249)}`), '-ERR The command is too long');
  assert.equal(await client.run(`USER ${'x'.repeat(10_000)}`), '-ERR The command is too long');
  assert.match(await client.run('CAPA'), /^\+OK/);
});

test('a line of 1 MB ends the connection after one answer', async () => {
  const client = await fixture.stranger();
  client.send(Buffer.alloc(1024 * 1024, 'x'));
  assert.equal(await client.line(), '-ERR The command is too long');
  assert.equal(await client.nextLine(), null);
});

test('an endless response to AUTH ends the connection', async () => {
  const client = await fixture.stranger();
  assert.equal(await client.run('AUTH PLAIN'), '+ ');
  client.send(Buffer.alloc(1024 * 1024, 'A'));
  assert.equal(await client.line(), '-ERR The response is too long');
  assert.equal(await client.nextLine(), null);
});

test('NUL and other octets are faults, and ten faults in a row end the connection', async () => {
  const client = await fixture.stranger();
  assert.match(await client.run('USER a\0b'), /^-ERR/);
  for (let i = 0; i < 8; i++) assert.match(await client.run('\0\x01\x02'), /^-ERR/);
  assert.notEqual((await client.lines('CAPA')).length, 0);
  for (let i = 0; i < 9; i++) assert.match(await client.run('\0'), /^-ERR/);
  const another = await fixture.stranger();
  for (let i = 0; i < 10; i++) assert.match(await another.run('GET / HTTP/1.1'), /^-ERR/);
  assert.equal(await another.nextLine(), null);
});

test('a flood of faults in one piece gets ten answers', async () => {
  const client = await fixture.stranger();
  client.send('X\r\n'.repeat(100_000));
  assert.equal((await client.rest()).split('\r\n').filter((line) => line !== '').length, 10);
});

test('RFC 2595 §4 commands behind STLS in clear text are not run, before or after the handshake', async () => {
  const user = await fixture.user([mail('One')]);
  const client = await fixture.stranger();
  client.send(`STLS\r\nUSER ${user.address}\r\nPASS ${PASSWORD}\r\nDELE 1\r\nQUIT\r\n`);
  assert.equal(await client.line(), '-ERR Clear text after STLS');
  assert.equal(await client.nextLine(), null);
  assert.equal((await user.account.uidMap(user.inbox))!.uids.length, 1);
});

test('clear text in place of the handshake ends the connection and nothing else', async () => {
  const client = await fixture.stranger();
  await client.ok('STLS');
  client.send('USER a@example.org\r\nPASS b\r\nCAPA\r\n');
  assert.ok(!(await client.rest()).includes('+OK'));
  assert.match(await (await fixture.stranger()).run('CAPA'), /^\+OK/);
});

test('a client that says nothing, or one octet at a time, is closed at the deadline of the login', async () => {
  const server = await fixture.another({ limits: { loginMs: 150 } });
  const silent = await fixture.stranger(server.port);
  const slow = await fixture.stranger(server.port);
  const drip = setInterval(() => slow.send('N'), 20);
  assert.equal(await silent.nextLine(), null);
  assert.equal(await slow.nextLine(), null);
  clearInterval(drip);
});

test('RFC 1939 §3 the autologout closes without a response, removes nothing and frees the drop', async () => {
  const server = await fixture.another({ limits: { idleMs: 150 } });
  const user = await fixture.user([mail('One')]);
  const client = await logIn(await fixture.stranger(server.port), user);
  await client.ok('DELE 1');
  assert.equal(await client.rest(), '');
  const again = await logInWhenFree(user);
  assert.match(await again.run('STAT'), /^\+OK 1 /);
});

test('half a command is closed at its deadline although octets come', async () => {
  const server = await fixture.another({ limits: { commandMs: 150 } });
  const client = await logIn(await fixture.stranger(server.port), await fixture.user());
  const drip = setInterval(() => client.send('N'), 20);
  assert.equal(await client.nextLine(), null);
  clearInterval(drip);
});

test('a client that leaves in the middle of a command runs none', async () => {
  const user = await fixture.user([mail('One')]);
  const client = await fixture.client(user);
  await client.ok('DELE 1');
  client.send('QUIT');
  client.halfClose();
  assert.equal(await client.rest(), '');
  assert.equal((await user.account.uidMap(user.inbox))!.uids.length, 1);
});

test('a client that leaves while RETR streams stops the reading and frees the drop', async () => {
  const user = await fixture.user([big]);
  let given = 0;
  let isReturned = false;
  const store: MailStore = {
    ...fixture.store,
    readBody: async function* (body, range) {
      try {
        for await (const octets of fixture.store.readBody(body, range)) {
          given += octets.length;
          yield octets;
        }
      } finally {
        isReturned = true;
      }
    },
  };
  const server = await fixture.another({ store });
  const client = await logIn(await fixture.stranger(server.port), user);
  client.send('RETR 1\r\n');
  await client.line();
  client.destroy();
  await logInWhenFree(user, server.port);
  assert.equal(isReturned, true);
  assert.ok(given < big.length);
});

test('a client that reads nothing holds up the reading of the body, and is cut off', async () => {
  const user = await fixture.user([big]);
  let given = 0;
  const store: MailStore = {
    ...fixture.store,
    readBody: async function* (body, range) {
      for await (const octets of fixture.store.readBody(body, range)) {
        given += octets.length;
        yield octets;
      }
    },
  };
  const server = await fixture.another({ store, limits: { stallMs: 300 } });
  const client = await logIn(await fixture.stranger(server.port), user);
  client.pause();
  client.send('RETR 1\r\n');
  await logInWhenFree(user, server.port);
  assert.ok(given < big.length, `${given} of ${big.length} octets were read`);
  client.destroy();
});

test('a body that breaks off in the middle ends the connection: no part looks like the whole', async () => {
  const user = await fixture.user([big]);
  const store: MailStore = {
    ...fixture.store,
    readBody: async function* (body, range) {
      for await (const octets of fixture.store.readBody(body, range)) {
        yield octets;
        throw new Error('the disk is gone');
      }
    },
  };
  const server = await fixture.another({ store });
  const client = await logIn(await fixture.stranger(server.port), user);
  client.send('RETR 1\r\n');
  const octets = await client.rest();
  assert.ok(!octets.includes('\r\n.\r\n'));
  assert.equal(fixture.faults.length, 1);
  fixture.faults.length = 0;
});

test('a connection too many is told so and closed', async () => {
  const server = await fixture.another({ limits: { maxConnections: 1 } });
  await fixture.stranger(server.port);
  const client = Pop3Client.open(server.port);
  assert.match(await client.line(), /^-ERR \[SYS\/TEMP\]/);
  assert.equal(await client.nextLine(), null);
});

test('close tells idle clients and resolves; deletions that were not confirmed by QUIT are not done', async () => {
  const server = await fixture.another({});
  const user = await fixture.user([mail('One')]);
  const client = await logIn(await fixture.stranger(server.port), user);
  await client.ok('DELE 1');
  const closing = server.close(2_000);
  assert.equal(await client.rest(), '-ERR [SYS/TEMP] Server shutting down\r\n');
  client.destroy();
  await closing;
  assert.equal(server.connections, 0);
  assert.equal((await user.account.uidMap(user.inbox))!.uids.length, 1);
});
