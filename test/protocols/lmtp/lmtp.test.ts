import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LineClient } from '../../support/line-client.ts';
import { messageOf, openData, openSmtpWorld, replyLine, say } from '../smtp/smtp-world.ts';

const world = await openSmtpWorld();
const lmtp = await world.lmtp();
const FROM = 'carol@example.net';
const ALICE = 'alice@example.test';
const BOB = 'bob@example.test';
const countOf = async (account: 'alice' | 'bob', subject: string): Promise<number> =>
  (await world.inbox(world[account])).filter((octets) => octets.includes(`Subject: ${subject}\r\n`)).length;

async function deliver(to: readonly string[], message: string): Promise<{ client: LineClient; replies: string[] }> {
  const client = await world.client(lmtp, { hello: 'LHLO' });
  await openData(client, FROM, ...to);
  await client.write(`${message}.\r\n`);
  const replies: string[] = [];
  for (const _ of to) replies.push((await replyLine(client))!);
  return { client, replies };
}

test('RFC 2033 §4.1 greets with LHLO and knows neither HELO nor EHLO', async () => {
  const client = await LineClient.open(lmtp.port);
  assert.equal(await replyLine(client), '220 mx.example.test LMTP Waxwing');
  assert.match((await say(client, 'EHLO x'))!, /^500 /);
  assert.match((await say(client, 'HELO x'))!, /^500 /);
  assert.match((await say(client, 'LHLO x'))!, /^250 .*PIPELINING.*ENHANCEDSTATUSCODES/);
  client.destroy();
});

test('RFC 2033 §4.2 has the message in the mailbox before it answers, once for each recipient', async () => {
  const { replies } = await deliver([ALICE, BOB], messageOf('both'));
  assert.match(replies[0]!, /^250 2\.1\.5 <alice@example\.test> delivered as /);
  assert.match(replies[1]!, /^250 2\.1\.5 <bob@example\.test> delivered as /);
  assert.deepEqual([await countOf('alice', 'both'), await countOf('bob', 'both')], [1, 1]);
  const [octets] = await world.inbox(world.bob);
  assert.match(
    octets!,
    /^Return-Path: <carol@example\.net>\r\nReceived: from client\.example\.net .*\r\n\tby mx\.example\.test \(Waxwing\) with LMTP id /,
  );
});

test('RFC 2033 §4.2 refuses a bad message once for each recipient', async () => {
  const { replies, client } = await deliver([ALICE, BOB], 'Subject: x\r\n\r\na\nb\r\n');
  assert.deepEqual(replies, Array(2).fill('521 5.5.2 bare <LF> received, lines end with <CR><LF>'));
  assert.equal(await client.line(), null);
});

test('RFC 2033 §4.2 answers for each recipient by itself: one full mailbox holds nobody up', async () => {
  await world.store.directory.createAccount({
    address: { local: 'small', domain: 'example.test' },
    password: 'a password',
    maxBytes: 600,
  });
  const { replies } = await deliver([`small@example.test`, ALICE], `${messageOf('large')}${'x'.repeat(500)}\r\n`);
  assert.match(replies[0]!, /^452 4\.2\.2 /);
  assert.match(replies[1]!, /^250 2\.1\.5 /);
  assert.equal(await countOf('alice', 'large'), 1);
});

test('a body larger than a transaction may carry is delivered to all', async () => {
  const { replies } = await deliver([ALICE, BOB], `${messageOf('huge')}${`${'y'.repeat(70)}\r\n`.repeat(10_000)}`);
  assert.equal(replies.filter((reply) => reply.startsWith('250')).length, 2);
  assert.deepEqual([await countOf('alice', 'huge'), await countOf('bob', 'huge')], [1, 1]);
});

test('RFC 1047: the same octets after a lost answer are in the mailbox once, and a new recipient gets them', async () => {
  const message = messageOf('lost answer');
  (await deliver([ALICE], message)).client.destroy();
  const { replies, client } = await deliver([ALICE, BOB], message);
  assert.equal(replies.filter((reply) => reply.startsWith('250')).length, 2);
  client.destroy();
  assert.deepEqual([await countOf('alice', 'lost answer'), await countOf('bob', 'lost answer')], [1, 1]);
});

test('equal octets after a seen answer are another message', async () => {
  const message = messageOf('seen answer');
  for (let i = 0; i < 3; i++) {
    const { client } = await deliver([ALICE], message);
    await client.smtp('QUIT', '221');
  }
  assert.equal(await countOf('alice', 'seen answer'), 3);
});

test('recipients that are not here are refused at RCPT', async () => {
  const client = await world.client(lmtp, { hello: 'LHLO' });
  await client.smtp('MAIL FROM:<>', '250');
  assert.equal(await say(client, 'RCPT TO:<nobody@example.test>'), '550 5.1.1 no such user here');
  assert.equal(await say(client, 'RCPT TO:<x@example.net>'), '554 5.7.1 relaying denied');
});
