/** Peers that break the rules: the right answer, the session alive where it may be, nothing stored, nothing leaked, memory bounded. */
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { ImapClient } from './imap-client.ts';
import { mail, openImapFixture, PASSWORD } from './imap-fixture.ts';

const fixture = await openImapFixture();
afterEach(() => assert.deepEqual(fixture.faults.splice(0), []));

test('commands in pieces of one octet are commands all the same', async () => {
  const client = await ImapClient.connect(fixture.server.port!);
  for (const octet of Buffer.from('a1 NOOP\r\n')) await client.sendAll(Buffer.from([octet]));
  assert.match((await client.answerOf('a1')).tagged, /^OK/);
  client.destroy();
});

test('commands of the wrong state are BAD and change nothing', async () => {
  const client = await ImapClient.connect(fixture.server.port!);
  for (const command of [
    'SELECT INBOX',
    'FETCH 1 FLAGS',
    'LIST "" "*"',
    'APPEND INBOX {3+}\r\nabc',
    'IDLE',
    'CLOSE',
    'UID FETCH 1 FLAGS',
    'ENABLE CONDSTORE',
  ])
    assert.match((await client.run(command)).tagged, /^BAD/, command);
  const user = await fixture.user();
  await client.ok(`LOGIN ${user.address} "${PASSWORD}"`);
  for (const command of [
    'FETCH 1 FLAGS',
    'STORE 1 FLAGS ()',
    'EXPUNGE',
    'LOGIN a b',
    'AUTHENTICATE PLAIN',
    'STARTTLS',
    'UID',
  ])
    assert.match((await client.run(command)).tagged, /^BAD/, command);
  await client.ok('NOOP');
});

test('garbage is BAD, and the session lives on', async () => {
  const client = await fixture.client(await fixture.user(), 'INBOX');
  const faulty = [
    'FETCH',
    'FETCH 1',
    'FETCH 1 (FLAGS',
    'FETCH 1 FLAGS)',
    'FETCH 0 FLAGS',
    'FETCH 1:2:3 FLAGS',
    'STORE 1 FLAGS',
    'SEARCH OR SEEN',
    'SEARCH (((((',
    'LIST "" "unterminated',
    'SELECT "a\0b"',
    'STATUS INBOX ()',
    'UID STORE x FLAGS ()',
    'APPEND INBOX',
    'APPEND INBOX "no date" {3+}\r\nabc',
    '(',
    '"',
    '\0\0\0',
    'NOOP\r',
  ];
  for (const command of faulty) {
    assert.match((await client.run(command)).tagged, /^BAD/, JSON.stringify(command));
    await client.ok('NOOP');
  }
  for (const line of ['\r\n', ' NOOP\r\n', '* NOOP\r\n', '+ NOOP\r\n', '\xff\xfe NOOP\r\n', 'tagonly\r\n']) {
    client.send(Buffer.from(line, 'latin1'));
    assert.match(await client.line(), /^(\*|tagonly) BAD/, JSON.stringify(line));
  }
  await client.ok('NOOP');
});

test('RFC 3501 §5.1.3 faulty modified UTF-7 is no name', async () => {
  const client = await fixture.client(await fixture.user());
  for (const name of ['"a&"', '"&AGE-"', '"&2D0-"', '"Entw\u00fcrfe"'])
    for (const command of ['CREATE', 'SELECT', 'DELETE', 'SUBSCRIBE'])
      assert.match((await client.run(`${command} ${name}`)).tagged, /^NO/, `${command} ${name}`);
});

test('nested parentheses are refused at their limit', async () => {
  const client = await fixture.client(await fixture.user(), 'INBOX');
  assert.match((await client.run(`SEARCH ${'('.repeat(100_000)}`)).tagged, /^BAD/);
  assert.match((await client.run(`SEARCH ${'NOT '.repeat(50_000)}ALL`)).tagged, /^BAD/);
  assert.match((await client.run(`FETCH ${'1,'.repeat(10_001)}1 FLAGS`)).tagged, /^BAD Too many/);
});

test('a command line of 1 MB is refused; before login the connection ends', async () => {
  const client = await fixture.client(await fixture.user(), 'INBOX');
  assert.match((await client.run(`NOOP ${'x'.repeat(1_000_000)}`)).tagged, /^BAD \[LIMIT\]/);
  await client.ok('NOOP');
  const stranger = await ImapClient.connect(fixture.server.port!);
  stranger.send(`a LOGIN ${'x'.repeat(1_000_000)}\r\n`);
  assert.match((await stranger.rest()).join('\n'), /\* BYE \[TOOBIG\].*\na BAD/s);
});

test('a line inside AUTHENTICATE or IDLE that never ends is cut off', async () => {
  const stranger = await ImapClient.connect(fixture.server.port!);
  stranger.send('a AUTHENTICATE PLAIN\r\n');
  await stranger.line();
  stranger.send('A'.repeat(100_000));
  assert.match((await stranger.rest()).join('\n'), /^\* BYE \[TOOBIG\].*\na BAD/);
  const idler = await fixture.client(await fixture.user(), 'INBOX');
  idler.send('i IDLE\r\n');
  await idler.line();
  idler.send('D'.repeat(1_000));
  assert.match((await idler.rest()).join('\n'), /^\* BYE \[TOOBIG\].*\ni BAD/);
});

test('literals beyond the limit are refused before they are read', async () => {
  const client = await fixture.client(await fixture.user(), 'INBOX');
  assert.match((await client.run('SELECT {9999999}')).tagged, /^NO \[TOOBIG\]/);
  assert.match((await client.run(`SELECT {300000+}\r\n${'x'.repeat(300_000)}`)).tagged, /^NO \[TOOBIG\]/);
  await client.ok('NOOP');
  // Each within the limit, all of them together beyond it.
  client.send(`b LIST "" (${'{200000+}\r\n'.padEnd(200_011, 'x')} ${'{200000+}\r\n'.padEnd(200_011, 'x')})\r\n`);
  assert.match((await client.answerOf('b')).tagged, /^NO \[TOOBIG\]/);
  await client.ok('NOOP');
  client.send('c SELECT {99999999999+}\r\n');
  assert.match((await client.rest()).join('\n'), /BYE \[TOOBIG\]/);
  const stranger = await ImapClient.connect(fixture.server.port!);
  assert.match((await stranger.run('LOGIN {10000}')).tagged, /^NO \[TOOBIG\]/);
  assert.match((await stranger.run('LOGIN {1+}\r\nx')).tagged, /^BAD/);
  stranger.destroy();
});

test('RFC 3501 §6.3.11 an APPEND that breaks off stores nothing', async () => {
  const user = await fixture.user();
  const client = await fixture.client(user);
  client.send(`a APPEND INBOX {100000}\r\n`);
  await client.line();
  await client.sendAll(Buffer.alloc(50_000, 'x'));
  client.destroy();
  await client.closed;
  const large = await fixture.client(user);
  await large.sendAll(Buffer.from(`a APPEND INBOX {2000000+}\r\n${'y'.repeat(1_000_000)}`));
  large.destroy();
  await large.closed;
  const other = await fixture.client(user);
  assert.deepEqual(await other.ok('STATUS INBOX (MESSAGES SIZE UIDNEXT)'), [
    '* STATUS "INBOX" (MESSAGES 0 SIZE 0 UIDNEXT 1)',
  ]);
});

test('RFC 3501 §6.2.1 clear text after STARTTLS ends the connection and is never obeyed', async () => {
  const client = await ImapClient.connect(fixture.server.port!);
  client.send('a STARTTLS\r\nb LOGOUT\r\n');
  const lines = await client.rest();
  assert.match(lines.join('\n'), /^\* BYE .*\na BAD/);
  assert.ok(!lines.some((line) => line.startsWith('b ')));
});

test('no TLS after STARTTLS, and no TLS on the port for it, closes', async () => {
  const client = await ImapClient.connect(fixture.server.port!);
  await client.ok('STARTTLS');
  client.send('this is no handshake\r\n');
  await client.closed;
  const wrong = ImapClient.open(fixture.server.tlsPort!);
  wrong.send('a NOOP\r\n');
  await wrong.closed;
});

test('a flood of commands at once is answered in order', async () => {
  const client = await fixture.client(await fixture.user(), 'INBOX');
  const count = 5_000;
  client.send(Array.from({ length: count }, (_, i) => `f${i} NOOP\r\n`).join(''));
  for (let i = 0; i < count; i++) assert.equal(await client.line(), `f${i} OK Nothing done`);
});

test('too many faults in a row end the connection', async () => {
  const client = await ImapClient.connect(fixture.server.port!);
  for (let i = 0; i < 30; i++) client.send(`x${i} NONSENSE\r\n`);
  const lines = await client.rest();
  assert.ok(lines.includes('* BYE Too many invalid commands'));
  assert.ok(lines.length < 30);
});

test('who says nothing, or half a command, is told BYE', async () => {
  const server = await fixture.another({ loginMs: 50, idleMs: 60, commandMs: 50 });
  const silent = await ImapClient.connect(server.port!);
  assert.deepEqual(await silent.rest(), ['* BYE Too slow: login']);
  const user = await fixture.user();
  const quick = await fixture.another({ idleMs: 60, commandMs: 50 });
  const idle = await ImapClient.connect(quick.port!);
  await idle.ok(`LOGIN ${user.address} "${PASSWORD}"`);
  assert.deepEqual(await idle.rest(), ['* BYE Autologout']);
  const half = await ImapClient.connect(quick.port!);
  await half.ok(`LOGIN ${user.address} "${PASSWORD}"`);
  half.send('a NOO');
  assert.deepEqual(await half.rest(), ['* BYE Too slow: command']);
});

test('a client that does not read can’t grow the server’s memory, and is cut off', async () => {
  const user = await fixture.user();
  const server = await fixture.another({ stallMs: 300 });
  const client = await ImapClient.connect(server.port!);
  await client.ok(`LOGIN ${user.address} "${PASSWORD}"`);
  await client.append('INBOX', mail('large', 'x'.repeat(5_000_000)));
  await client.ok('SELECT INBOX');
  client.pause();
  const before = process.memoryUsage().arrayBuffers;
  client.send(Array.from({ length: 50 }, (_, i) => `f${i} FETCH 1 BODY.PEEK[]\r\n`).join(''));
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      if (server.connections > 0) return;
      clearInterval(timer);
      resolve();
    }, 20);
  });
  // 250 MB were asked for.
  assert.ok(process.memoryUsage().arrayBuffers - before < 30_000_000);
  client.destroy();
});

test('the server’s end: running commands are answered, everybody is told BYE', async () => {
  const user = await fixture.user();
  const server = await fixture.another({});
  const waiting = await ImapClient.connect(server.port!);
  const idling = await ImapClient.connect(server.port!);
  await idling.ok(`LOGIN ${user.address} "${PASSWORD}"`);
  await idling.ok('SELECT INBOX');
  idling.send('i IDLE\r\n');
  await idling.line();
  const closed = server.close(5_000);
  assert.deepEqual(await waiting.rest(), ['* BYE Server shutting down']);
  assert.deepEqual(await idling.rest(), ['i OK Idle ended', '* BYE Server shutting down']);
  await closed;
  assert.equal(server.connections, 0);
});

test('beyond the limit of connections a client is told so', async () => {
  const server = await fixture.another({ maxConnectionsPerAddress: 1 });
  const first = await ImapClient.connect(server.port!);
  const second = ImapClient.open(server.port!);
  assert.deepEqual(await second.rest(), ['* BYE [UNAVAILABLE] Too many connections']);
  first.destroy();
});
