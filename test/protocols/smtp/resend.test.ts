import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Receiver } from '../../../src/delivery/inbound/receiver.ts';
import { Deferral } from '../../../src/mail/refusal.ts';
import { messageOf, openData, openSmtpWorld, replyLine, say, sendMail } from './smtp-world.ts';

const world = await openSmtpWorld();
const mx = await world.mx();
const FROM = 'carol@example.net';
const ALICE = 'alice@example.test';
const BOB = 'bob@example.test';
const idOf = (reply: string | null): string => /queued as (\S+)$/.exec(reply ?? '')![1]!;
const rowsFor = async (address: string, subject: string): Promise<number> => {
  let count = 0;
  for (const entry of await world.queue()) {
    const isFor = entry.recipients.some((recipient) => recipient.address === address);
    if (isFor && (await world.octetsOf(entry)).includes(`Subject: ${subject}\r\n`)) count += 1;
  }
  return count;
};

test('RFC 1047: a message whose 250 the sender never used is recognised when it comes again', async () => {
  const message = messageOf('again');
  const first = await world.client(mx);
  const id = idOf(await sendMail(first, FROM, [ALICE], message));
  first.destroy();
  const second = await world.client(mx);
  assert.equal(idOf(await sendMail(second, FROM, [ALICE], message)), id);
  assert.equal(await rowsFor(ALICE, 'again'), 1);
});

test('RFC 1047: a connection that broke before the 250 could be sent is recognised as well', async () => {
  const message = messageOf('broken');
  const first = await world.client(mx);
  await openData(first, FROM, ALICE);
  await first.write(`${message}.\r\n`);
  first.destroy();
  const second = await world.client(mx);
  const reply = await sendMail(second, FROM, [ALICE], message);
  assert.match(reply!, /^250 /);
  assert.equal(await rowsFor(ALICE, 'broken'), 1);
});

for (const next of ['QUIT', 'NOOP', 'RSET', `MAIL FROM:<${FROM}>`]) {
  test(`equal octets after a next command (${next.split(' ')[0]}) are a message of their own`, async () => {
    const message = messageOf('twice');
    const first = await world.client(mx);
    const id = idOf(await sendMail(first, FROM, [ALICE], message));
    assert.match((await say(first, next))!, /^2/);
    const second = await world.client(mx);
    assert.notEqual(idOf(await sendMail(second, FROM, [ALICE], message)), id);
  });
}

test('P2: equal octets on two connections that both live are two messages', async () => {
  const message = messageOf('side by side');
  const first = await world.client(mx);
  const id = idOf(await sendMail(first, FROM, [ALICE], message));
  const second = await world.client(mx);
  assert.notEqual(idOf(await sendMail(second, FROM, [ALICE], message)), id);
  assert.equal(await rowsFor(ALICE, 'side by side'), 2);
});

test('P2: equal octets that come at the same moment on living connections are as many messages', async () => {
  const message = messageOf('at once');
  const clients = await Promise.all(Array.from({ length: 4 }, () => world.client(mx)));
  const replies = await Promise.all(clients.map((client) => sendMail(client, FROM, [ALICE], message)));
  assert.equal(new Set(replies.map(idOf)).size, 4);
  assert.equal(await rowsFor(ALICE, 'at once'), 4);
});

test('equal octets on one connection are two messages, over TLS too', async () => {
  const message = messageOf('same connection');
  const client = await world.client(mx);
  await client.smtp('STARTTLS', '220');
  await client.startTls();
  await client.smtp('EHLO client.example.net', '250');
  for (let i = 0; i < 3; i++) assert.match((await sendMail(client, FROM, [ALICE], message))!, /^250 /);
  assert.equal(await rowsFor(ALICE, 'same connection'), 3);
});

test('RFC 2920 §3.1: a command that was pipelined behind the final dot proves nothing', async () => {
  const message = messageOf('pipelined');
  const first = await world.client(mx);
  await openData(first, FROM, ALICE);
  await first.write(`${message}.\r\nNOOP\r\n`);
  const id = idOf(await replyLine(first));
  await first.reply();
  first.destroy();
  const second = await world.client(mx);
  assert.equal(idOf(await sendMail(second, FROM, [ALICE], message)), id);
});

test('a recipient who is new in a resend gets the message, those who have it do not get it twice', async () => {
  const message = messageOf('one is new');
  const first = await world.client(mx);
  const id = idOf(await sendMail(first, FROM, [ALICE], message));
  first.destroy();
  const second = await world.client(mx);
  assert.notEqual(idOf(await sendMail(second, FROM, [ALICE, BOB], message)), id);
  second.destroy();
  assert.deepEqual([await rowsFor(ALICE, 'one is new'), await rowsFor(BOB, 'one is new')], [1, 1]);
  const third = await world.client(mx);
  assert.equal(idOf(await sendMail(third, FROM, [BOB, ALICE], message)), id);
  assert.deepEqual([await rowsFor(ALICE, 'one is new'), await rowsFor(BOB, 'one is new')], [1, 1]);
});

test('other octets, or another sender, are another message', async () => {
  const message = messageOf('other');
  for (const [from, text] of [
    [FROM, message],
    [FROM, `${message}more\r\n`],
    ['dave@example.net', message],
  ] as const) {
    const client = await world.client(mx);
    await sendMail(client, from, [ALICE], text);
    client.destroy();
  }
  assert.equal(await rowsFor(ALICE, 'other'), 3);
});

test('a store that can not commit answers 451 4.3.0, never 250', async () => {
  const away: Receiver = {
    receive: async (octets) => {
      for await (const _ of octets);
      throw new Deferral('unavailable', 'the mail store does not answer');
    },
    confirm: () => undefined,
    abandon: () => undefined,
  };
  const server = await world.mx({}, { receiver: away });
  const client = await world.client(server);
  assert.equal(await sendMail(client, FROM, [ALICE], messageOf('x')), '451 4.3.0 the mail store does not answer');
  assert.equal(await say(client, 'NOOP'), '250 2.0.0 OK');
});

test('a message that is refused unread is dropped as it comes', async () => {
  const deaf: Receiver = {
    receive: async () => {
      throw new Deferral('busy', 'come back later');
    },
    confirm: () => undefined,
    abandon: () => undefined,
  };
  const client = await world.client(await world.mx({}, { receiver: deaf }));
  await openData(client, FROM, ALICE);
  for (let i = 0; i < 20; i++) await client.write(`${'x'.repeat(998)}\r\n`.repeat(100));
  await client.write('.\r\n');
  assert.equal(await replyLine(client), '451 4.3.2 come back later');
  assert.equal(await say(client, 'NOOP'), '250 2.0.0 OK');
});
