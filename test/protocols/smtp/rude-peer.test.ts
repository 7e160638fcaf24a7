import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { LineClient } from '../../support/line-client.ts';
import { messageOf, openData, openSmtpWorld, replyLine, say, sendMail } from './smtp-world.ts';

const world = await openSmtpWorld();
const mx = await world.mx();
const FROM = 'carol@example.net';
const TO = 'alice@example.test';
const queued = async (): Promise<number> => (await world.queue()).length;

/** A message that another host would read as two. */
const SMUGGLED: readonly (readonly [name: string, octets: string, fault: string])[] = [
  ['LF.LF', '\n.\n', 'bare <LF>'],
  ['LF.CRLF', '\n.\r\n', 'bare <LF>'],
  ['CRLF.LF', '\r\n.\n', 'bare <LF>'],
  ['CR.CR', '\r.\r', 'bare <CR>'],
  ['CR.CRLF', '\r.\r\n', 'bare <CR>'],
  ['CRLF.CR', '\r\n.\rX\r\n', 'bare <CR>'],
  ['CRCRLF.CRLF', '\r\r\n.\r\n', 'bare <CR>'],
];
for (const [name, octets, fault] of SMUGGLED) {
  test(`RFC 5321 §2.3.8 and §4.1.1.4: ${name} in a message is refused, and nothing behind it is run`, async () => {
    const before = await queued();
    const client = await world.client(mx);
    await openData(client, FROM, TO);
    const second = `MAIL FROM:<evil@example.net>\r\nRCPT TO:<${TO}>\r\nDATA\r\nSubject: smuggled\r\n\r\nx`;
    await client.write(`Subject: one\r\n\r\ntext${octets}${second}\r\n.\r\n`);
    assert.equal(await replyLine(client), `521 5.5.2 ${fault} received, lines end with <CR><LF>`);
    assert.equal(await client.line(), null);
    assert.equal(await queued(), before);
  });

  test(`RFC 5321 §4.1.1.4: ${name} is seen when every octet comes by itself`, async () => {
    const before = await queued();
    const client = await world.client(mx);
    await openData(client, FROM, TO);
    for (const octet of `x${octets}y\r\n.\r\n`) await client.write(octet);
    assert.equal(await replyLine(client), `521 5.5.2 ${fault} received, lines end with <CR><LF>`);
    assert.equal(await queued(), before);
  });
}

test('RFC 5321 §4.1.1.4 finds the end of a message wherever the octets are cut', async () => {
  const client = await world.client(mx);
  const text = 'Subject: cut\r\n\r\n..two\r\n..\r\nend\r\n.\r\n';
  for (let at = 1; at < text.length; at++) {
    await openData(client, FROM, TO);
    const marked = text.replace('cut', `cut ${at}`);
    await client.write(marked.slice(0, at));
    await client.write(marked.slice(at));
    const reply = await replyLine(client);
    const entry = (await world.queue()).find(({ id }) => reply?.endsWith(id))!;
    assert.ok((await world.octetsOf(entry)).endsWith(`Subject: cut ${at}\r\n\r\n.two\r\n.\r\nend\r\n`), `cut at ${at}`);
  }
});

test('RFC 5321 §2.3.8 ends the connection when a command ends in a bare LF, and runs nothing behind it', async () => {
  const client = await world.client(mx);
  await client.write(`NOOP\nMAIL FROM:<${FROM}>\r\nNOOP\r\n`);
  assert.equal(await replyLine(client), '521 5.5.2 bare <LF> received, lines end with <CR><LF>');
  assert.equal(await client.line(), null);
});

test('RFC 5321 §2.3.8 ends the connection when a command holds a bare CR', async () => {
  const client = await world.client(mx);
  await client.write(`NOOP\rMAIL FROM:<${FROM}>\r\nNOOP\r\n`);
  assert.equal(await replyLine(client), '521 5.5.2 bare <CR> received, lines end with <CR><LF>');
  assert.equal(await client.line(), null);
});

test('NUL, control characters and broken UTF-8 in a command are refused', async () => {
  const client = await world.client(mx);
  for (const line of [Buffer.from('NOOP \0'), Buffer.from('NOOP \x1b[2J'), Buffer.from([0x4e, 0x4f, 0xff, 0xfe])]) {
    await client.write(Buffer.concat([line, Buffer.from('\r\n')]));
    assert.equal(await replyLine(client), '500 5.5.2 command holds a character that is not allowed');
  }
  assert.equal(await say(client, 'NOOP'), '250 2.0.0 OK');
});

test('RFC 5321 §4.5.3.1.9 answers a long line with 500 and goes on', async () => {
  const client = await world.client(mx);
  await client.write(`NOOP ${'x'.repeat(10_000)}\r\n`);
  assert.equal(await replyLine(client), '500 5.5.2 line too long');
  await client.write(`NOOP ${'x'.repeat(2_048 - 7)}\r\n`);
  assert.equal(await replyLine(client), '250 2.0.0 OK');
});

test('a command line of a megabyte ends the connection', async () => {
  const client = await world.client(mx);
  void client.write('x'.repeat(1_000_000));
  assert.equal(await replyLine(client), '421 4.7.0 too much input');
  assert.equal(await client.line(), null);
});

test('a message without end is cut at twice the limit', async () => {
  const server = await world.mx({ maxMessageBytes: 100_000 });
  const before = await queued();
  const client = await world.client(server);
  await openData(client, FROM, TO);
  const line = `${'x'.repeat(998)}\r\n`.repeat(64);
  const flood = (async () => {
    for (let i = 0; i < 32; i++) await client.write(line);
  })();
  assert.equal(await replyLine(client), '421 4.7.0 too much input');
  await flood;
  assert.equal(await queued(), before);
});

test('too many mistakes end the connection', async () => {
  const server = await world.mx({ maxErrors: 3 });
  const client = await world.client(server);
  await client.smtp(`MAIL FROM:<${FROM}>`, '250');
  await client.smtp('RCPT TO:<a@example.test>', '550');
  await client.smtp('RCPT TO:<b@example.test>', '550');
  await client.smtp('RCPT TO:<c@example.test>', '550');
  assert.equal(await replyLine(client), '421 4.7.0 too many errors');
  assert.equal(await client.line(), null);
});

test('commands that never become a message end the connection', async () => {
  const server = await world.mx({ maxIdleCommands: 5 });
  const client = await world.client(server);
  for (let i = 0; i < 4; i++) await client.smtp('NOOP', '250');
  assert.equal(await say(client, 'NOOP'), '421 4.7.0 too many commands without a message');
});

test('HTTP is sent away', async () => {
  const client = await LineClient.open(mx.port);
  await client.reply();
  assert.match((await say(client, 'POST / HTTP/1.1'))!, /^421 /);
  assert.equal(await client.line(), null);
});

test('RFC 5321 §4.5.3.2.7 a silent client is told 421', async () => {
  const server = await world.mx({ commandMs: 50 });
  const client = await world.client(server);
  assert.equal(await replyLine(client), '421 4.4.2 timeout, closing the connection');
  assert.equal(await client.line(), null);
});

test('a client that trickles one octet after the other gains no time', async () => {
  const server = await world.mx({ commandMs: 150 });
  const client = await world.client(server);
  const began = performance.now();
  const trickle = setInterval(() => void client.write('x'), 20);
  assert.equal(await replyLine(client), '421 4.4.2 timeout, closing the connection');
  clearInterval(trickle);
  assert.ok(performance.now() - began < 2_000);
});

test('RFC 5321 §4.5.3.2.5 a message that trickles in is cut and leaves nothing', async () => {
  const server = await world.mx({ dataWindowMs: 100, minDataOctets: 1_000 });
  const before = await queued();
  const client = await world.client(server);
  await openData(client, FROM, TO);
  const trickle = setInterval(() => void client.write('x'), 20);
  assert.equal(await replyLine(client), '421 4.4.2 timeout, closing the connection');
  clearInterval(trickle);
  assert.equal(await queued(), before);
});

test('a connection has an end, between messages', async () => {
  const server = await world.mx({ sessionMs: 200 });
  const client = await world.client(server);
  await openData(client, FROM, TO);
  const slow = setTimeout(() => void client.write(`${messageOf('slow')}.\r\n`), 300);
  assert.match((await replyLine(client))!, /^250 2\.0\.0 ok, queued/);
  clearTimeout(slow);
  assert.equal(await replyLine(client), '421 4.4.2 connection has been open for too long');
});

test('a TLS handshake that never ends is cut', async () => {
  const server = await world.submissions({ handshakeMs: 50 });
  const socket = connect(server.port, '127.0.0.1');
  await once(socket, 'connect');
  socket.on('error', () => undefined).resume();
  const trickle = setInterval(() => socket.write(Buffer.from([0x16])), 10);
  await once(socket, 'close');
  clearInterval(trickle);
  const starttls = await world.mx({ handshakeMs: 50 });
  const client = await world.client(starttls);
  await client.smtp('STARTTLS', '220');
  assert.equal(await client.line(), null);
});

test('connections beyond the limits are told 421, and room comes back', async () => {
  const server = await world.mx({ maxConnectionsPerNetwork: 2 });
  const first = await world.client(server);
  await world.client(server);
  const third = await LineClient.open(server.port);
  assert.equal(await replyLine(third), '421 4.7.0 too many connections, try again later');
  assert.equal(await third.line(), null);
  await first.smtp('QUIT', '221');
  await first.closed();
  first.end();
  for (;;) {
    const next = await LineClient.open(server.port);
    const reply = await next.reply();
    next.destroy();
    if (reply?.code === 220) break;
  }
});

test('TLS connections are counted, and counted off', async () => {
  const server = await world.submissions({ maxConnectionsPerNetwork: 1 });
  for (let i = 0; i < 5; i++) {
    const client = await world.client(server, { tls: true });
    await assert.rejects(LineClient.open(server.port, { tls: true }));
    await client.smtp('QUIT', '221');
    client.end();
    await client.closed();
    while (server.connections > 0) await new Promise(setImmediate);
  }
});

test('a client that goes on without end is cut when the drain is over, with TLS and without', async () => {
  const before = await queued();
  const plain = await world.mx();
  const upgraded = await world.client(plain);
  await upgraded.smtp('STARTTLS', '220');
  await upgraded.startTls();
  await upgraded.smtp('EHLO x', '250');
  await openData(upgraded, FROM, TO);
  const open = await world.client(plain);
  await openData(open, FROM, TO);
  await plain.close(100);
  await Promise.all([upgraded.closed(), open.closed()]);
  assert.equal(await queued(), before);
});

test('RFC 3207 §4.2 drops what was pipelined behind STARTTLS and forgets what was said before', async () => {
  const client = await world.client(mx);
  await client.smtp(`MAIL FROM:<${FROM}>`, '250');
  const many = 'NOOP\r\n'.repeat(150);
  await client.write(`STARTTLS\r\nRCPT TO:<${TO}>\r\n${many}`);
  assert.equal(await replyLine(client), '220 2.0.0 Ready to start TLS');
  await client.startTls();
  await client.send('NOOP');
  assert.equal(await replyLine(client), '250 2.0.0 OK');
  assert.equal(await say(client, `MAIL FROM:<${FROM}>`), '503 5.5.1 Error: send HELO/EHLO first');
  await client.smtp('EHLO again.example.net', '250');
  assert.equal(await say(client, `RCPT TO:<${TO}>`), '503 5.5.1 need MAIL first');
  assert.equal(await say(client, 'STARTTLS'), '503 5.5.1 Error: TLS already active');
});

test('plain text that follows STARTTLS in a packet of its own breaks the handshake, not the server', async () => {
  const client = await world.client(mx);
  await client.smtp('STARTTLS', '220');
  await client.write(`MAIL FROM:<${FROM}>\r\n`.repeat(10));
  await client.closed();
  assert.match((await sendMail(await world.client(mx), FROM, [TO], messageOf('after')))!, /^250 /);
});

test('a client that leaves at any point leaves nothing behind', async () => {
  const before = await queued();
  const script = `MAIL FROM:<${FROM}>\r\nRCPT TO:<${TO}>\r\nDATA\r\n${messageOf('early close')}.`;
  for (let at = 1; at <= script.length; at += 7) {
    const client = await world.client(mx);
    await client.write(script.slice(0, at));
    if (at % 2 === 0) client.destroy();
    else client.end();
    await client.closed();
  }
  // Whatever they left is taken in before what comes now is.
  const reply = await sendMail(await world.client(mx), FROM, [TO], messageOf('the last'));
  assert.match(reply!, /^250 /);
  assert.equal(await queued(), before + 1);
});

test('half a command at the end of a connection is no command', async () => {
  const client = await world.client(mx);
  await client.write('NOOP\r\nVRFY ali');
  client.end();
  assert.equal(await replyLine(client), '250 2.0.0 OK');
  assert.equal(await client.line(), null);
});

test('a client may pipe all its commands, close its side, and read the replies', async () => {
  const before = await queued();
  const socket = connect({ port: mx.port, host: '127.0.0.1', allowHalfOpen: true });
  const replies: Buffer[] = [];
  socket.on('data', (piece) => replies.push(piece));
  await once(socket, 'data');
  socket.end(`EHLO x\r\nMAIL FROM:<${FROM}>\r\nRCPT TO:<${TO}>\r\nDATA\r\n${messageOf('piped')}.\r\n`);
  await once(socket, 'end');
  assert.match(Buffer.concat(replies).toString(), /\r\n250 2\.0\.0 ok, queued as \S+\r\n$/);
  assert.equal(await queued(), before + 1);
});

test('a server that stops lets a message under way end and tells the idle ones', async () => {
  const server = await world.mx();
  const idle = await world.client(server);
  const busy = await world.client(server);
  await openData(busy, FROM, TO);
  const closed = server.close(5_000);
  assert.equal(await replyLine(idle), '421 4.3.2 mx.example.test shutting down');
  await busy.write(`${messageOf('in time')}.\r\n`);
  assert.match((await replyLine(busy))!, /^250 /);
  assert.match((await say(busy, `MAIL FROM:<${FROM}>`))!, /^421 4\.3\.2 /);
  idle.end();
  busy.end();
  await closed;
});
