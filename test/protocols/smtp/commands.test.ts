import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LineClient } from '../../support/line-client.ts';
import { messageOf, openData, openSmtpWorld, replyLine, say, sendMail } from './smtp-world.ts';

const world = await openSmtpWorld();
const mx = await world.mx();

test('RFC 5321 §4.1.1.1 EHLO lists what is offered, and greets without enhanced codes', async () => {
  const client = await LineClient.open(mx.port);
  assert.equal(await replyLine(client), '220 mx.example.test ESMTP Waxwing');
  await client.send('EHLO client.example.net');
  const reply = await client.reply();
  assert.deepEqual(reply?.lines, [
    'mx.example.test',
    'PIPELINING',
    'SIZE 52428800',
    '8BITMIME',
    'SMTPUTF8',
    'ENHANCEDSTATUSCODES',
    'DSN',
    'STARTTLS',
    'LIMITS RCPTMAX=100',
  ]);
  client.destroy();
});

/** Each line with its reply, on one connection after EHLO. */
const TRANSCRIPTS: readonly (readonly [title: string, lines: readonly (readonly [string, string])[]])[] = [
  [
    'RFC 5321 §4.1.4 keeps the order of commands',
    [
      ['RCPT TO:<alice@example.test>', '503 5.5.1 need MAIL first'],
      ['DATA', '503 5.5.1 need MAIL first'],
      ['MAIL FROM:<carol@example.net>', '250 2.1.0 sender ok'],
      ['MAIL FROM:<carol@example.net>', '503 5.5.1 a transaction is open already'],
      ['DATA', '503 5.5.1 no valid recipients'],
      ['RSET', '250 2.0.0 ok'],
      ['RCPT TO:<alice@example.test>', '503 5.5.1 need MAIL first'],
    ],
  ],
  [
    'RFC 5321 §3.6.2 and §4.5.1: who is taken and who is not',
    [
      ['MAIL FROM:<>', '250 2.1.0 sender ok'],
      ['RCPT TO:<alice@example.test>', '250 2.1.5 recipient ok'],
      ['RCPT TO:<ALICE+lists@Example.TEST>', '250 2.1.5 recipient ok'],
      ['RCPT TO:<nobody@example.test>', '550 5.1.1 no such user here'],
      ['RCPT TO:<carol@example.net>', '554 5.7.1 relaying denied'],
      ['RCPT TO:<not an address>', '501 5.1.3 bad recipient address syntax'],
      ['RCPT TO:alice@example.test', '501 5.5.4 syntax: RCPT TO:<address> [parameters]'],
      ['RCPT TO:<@relay.example,@b.example:bob@example.test>', '250 2.1.5 recipient ok'],
      ['RCPT TO:<"alice"@example.test>', '250 2.1.5 recipient ok'],
    ],
  ],
  [
    'RFC 5321 §3.3 answers DATA with 554 when every recipient was refused',
    [
      ['MAIL FROM:<carol@example.net>', '250 2.1.0 sender ok'],
      ['RCPT TO:<nobody@example.test>', '550 5.1.1 no such user here'],
      ['DATA', '554 5.5.1 no valid recipients'],
    ],
  ],
  [
    'RFC 5321 §4.1.1.11 refuses parameters that are not known or broken',
    [
      ['MAIL FROM:<carol@example.net> FOO=bar', '555 5.5.4 parameter FOO not known'],
      ['MAIL FROM:<carol@example.net> BODY=BINARYMIME', '501 5.5.4 BODY is 7BIT or 8BITMIME'],
      ['MAIL FROM:<carol@example.net> SIZE=abc', '501 5.5.4 bad SIZE value'],
      ['MAIL FROM:<carol@example.net> SIZE=1 SIZE=2', '501 5.5.4 bad parameter syntax'],
      ['MAIL FROM:<carol@example.net> AUTH=<>', '555 5.5.4 parameter AUTH not known'],
      ['MAIL FROM:<carol@example.net>SIZE=1', '501 5.5.4 syntax: MAIL FROM:<address> [parameters]'],
      ['MAIL FROM: <carol@example.net> BODY=8BITMIME SIZE=10', '250 2.1.0 sender ok'],
      ['RCPT TO:<alice@example.test> SIZE=1', '555 5.5.4 parameter SIZE not known'],
      [
        'RCPT TO:<alice@example.test> NOTIFY=NEVER,FAILURE',
        '501 5.5.4 NOTIFY is NEVER, or a list of SUCCESS, FAILURE, DELAY',
      ],
    ],
  ],
  [
    'RFC 1870 §6.1 refuses a message that is declared too large',
    [
      ['MAIL FROM:<carol@example.net> SIZE=52428801', '552 5.3.4 message is larger than 52428800 octets'],
      ['MAIL FROM:<carol@example.net> SIZE=52428800', '250 2.1.0 sender ok'],
    ],
  ],
  [
    'RFC 6531 §3.4 takes international addresses where SMTPUTF8 was asked for',
    [
      ['MAIL FROM:<zoë@example.net>', '553 5.6.7 SMTPUTF8 is required for this address'],
      ['MAIL FROM:<zoë@example.net> SMTPUTF8', '250 2.1.0 sender ok'],
      ['RCPT TO:<zoë@example.test>', '550 5.1.1 no such user here'],
    ],
  ],
  [
    'RFC 5321 §7.3 tells nothing about who is here',
    [
      ['VRFY alice', '252 2.1.5 send some mail, it will be tried'],
      ['VRFY nobody', '252 2.1.5 send some mail, it will be tried'],
      ['EXPN staff', '502 5.5.1 EXPN is not offered'],
    ],
  ],
  [
    'RFC 5321 §4.2.4 answers what it does not know, and goes on',
    [
      ['', '500 5.5.2 Error: command not recognized'],
      ['BDAT 10 LAST', '500 5.5.2 Error: command not recognized'],
      ['AUTH PLAIN AGEAYg==', '500 5.5.2 Error: command not recognized'],
      ['WIZ', '500 5.5.2 Error: command not recognized'],
      ['XCLIENT ADDR=1.2.3.4', '500 5.5.2 Error: command not recognized'],
      ['NOOP whatever', '250 2.0.0 OK'],
      ['DATA now', '501 5.5.4 syntax: DATA'],
    ],
  ],
];
for (const [title, lines] of TRANSCRIPTS) {
  test(title, async () => {
    const client = await world.client(mx);
    for (const [line, expected] of lines) assert.equal(await say(client, line), expected, line);
    assert.equal(await say(client, 'QUIT'), '221 2.0.0 Bye');
    assert.equal(await client.line(), null);
  });
}

test('RFC 5321 §4.1.1.3 takes Postmaster without a domain', async () => {
  await world.store.directory.createAccount({
    address: { local: 'postmaster', domain: 'example.test' },
    password: 'a password',
  });
  const client = await world.client(mx);
  await client.smtp('MAIL FROM:<>', '250');
  assert.equal(await say(client, 'RCPT TO:<Postmaster>'), '250 2.1.5 recipient ok');
});

test('RFC 5321 §4.5.3.1.10 answers 452 beyond the limit of recipients and keeps those before', async () => {
  const server = await world.mx({ maxRecipients: 2 });
  const client = await world.client(server);
  await client.smtp('MAIL FROM:<carol@example.net>', '250');
  await client.smtp('RCPT TO:<alice@example.test>', '250');
  await client.smtp('RCPT TO:<bob@example.test>', '250');
  assert.equal(await say(client, 'RCPT TO:<postmaster@example.test>'), '452 4.5.3 too many recipients');
  assert.equal(await say(client, 'RCPT TO:<alice@example.test>'), '250 2.1.5 recipient ok');
  await client.smtp('DATA', '354');
  await client.write(`Subject: two\r\n\r\n.\r\n`);
  assert.match((await replyLine(client))!, /^250 2\.0\.0 ok, queued as /);
});

test('RFC 3461 §4 passes RET, ENVID, NOTIFY and ORCPT on with xtext undone', async () => {
  const before = (await world.queue()).length;
  const client = await world.client(mx);
  await client.smtp('MAIL FROM:<carol@example.net> RET=HDRS ENVID=QQ+2B314+3D1 BODY=8BITMIME', '250');
  await client.smtp('RCPT TO:<alice@example.test> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;a+2Bb@example.org', '250');
  await client.smtp('RCPT TO:<bob@example.test> NOTIFY=NEVER', '250');
  await client.smtp('DATA', '354');
  await client.write('Subject: dsn\r\n\r\ntext\r\n.\r\n');
  await client.reply();
  const entries = await world.queue();
  assert.equal(entries.length, before + 1);
  const entry = entries.find(({ sender }) => sender.envid !== undefined)!;
  assert.deepEqual(entry.sender, { address: 'carol@example.net', ret: 'headers', envid: 'QQ+314=1', body: '8bitmime' });
  assert.deepEqual(
    entry.recipients.map(({ address, notify, orcpt, lane }) => ({ address, notify, orcpt, lane })),
    [
      { address: 'alice@example.test', notify: ['success', 'delay'], orcpt: 'rfc822;a+b@example.org', lane: 'local' },
      { address: 'bob@example.test', notify: ['never'], orcpt: undefined, lane: 'local' },
    ],
  );
});

test('RFC 5321 §4.4 puts Return-Path and Received on top; one row for all recipients', async () => {
  const client = await world.client(mx);
  const message = messageOf('for both');
  const reply = await sendMail(client, 'carol@example.net', ['alice@example.test', 'bob@example.test'], message);
  const id = /queued as (\S+)$/.exec(reply!)![1]!;
  const entry = (await world.queue()).find((row) => row.id === id)!;
  const octets = await world.octetsOf(entry);
  assert.equal(entry.skip, 'Return-Path: <carol@example.net>\r\n'.length);
  assert.match(
    octets,
    new RegExp(
      `^Return-Path: <carol@example\\.net>\\r\\nReceived: from client\\.example\\.net \\(\\[127\\.0\\.0\\.1\\]\\)\\r\\n\\tby mx\\.example\\.test \\(Waxwing\\) with ESMTP id ${id};\\r\\n\\t[A-Z][a-z]{2}, `,
    ),
  );
  assert.ok(octets.endsWith(message));
  assert.equal(entry.recipients.length, 2);
  assert.equal(entry.senderAccount, null);
});

test('RFC 5321 §7.2 names the recipient in Received when it is the only one, and TLS as RFC 8314 §4.3 says', async () => {
  const client = await world.client(mx);
  await client.smtp('STARTTLS', '220');
  await client.startTls();
  await client.smtp('EHLO client.example.net', '250');
  const reply = await sendMail(client, 'carol@example.net', ['alice@example.test'], messageOf('hello'));
  const entry = (await world.queue()).find((row) => reply?.endsWith(row.id))!;
  const octets = await world.octetsOf(entry);
  assert.match(octets, /with ESMTPS id \S+\r\n\tfor <alice@example\.test>\r\n\ttls TLS_[A-Z0-9_]+ \(TLSv1\.3\);\r\n/);
});

test('RFC 5321 §4.5.2 undoes doubled dots and keeps every other octet', async () => {
  const client = await world.client(mx);
  const text = 'Subject: dots\r\n\r\n..\r\n...\r\n.x\r\na.\r\n. \r\n\0\x80\xff\r\n';
  await openData(client, 'carol@example.net', 'alice@example.test');
  await client.write(Buffer.from(`${text.replace(/^\./gm, '..')}.\r\n`, 'latin1'));
  const reply = await replyLine(client);
  const entry = (await world.queue()).find((row) => reply?.endsWith(row.id))!;
  assert.ok((await world.octetsOf(entry)).endsWith(text));
});

test('RFC 5321 §4.5.3.1.9 refuses a message that grows too large behind its end, and takes the next', async () => {
  const server = await world.mx({ maxMessageBytes: 1_000 });
  const before = (await world.queue()).length;
  const client = await world.client(server);
  await openData(client, 'carol@example.net', 'alice@example.test');
  await client.write(`Subject: large\r\n\r\n${'x'.repeat(70)}\r\n`.padEnd(90));
  await client.write(`${'y'.repeat(998)}\r\n.\r\n`);
  assert.equal(await replyLine(client), '552 5.3.4 message is larger than 1000 octets');
  assert.equal((await world.queue()).length, before);
  assert.match((await sendMail(client, 'carol@example.net', ['alice@example.test'], messageOf('hello')))!, /^250 /);
});

test('RFC 5321 §6.3 refuses a message that goes round in circles', async () => {
  const client = await world.client(mx);
  const hops = (count: number) => 'Received: from a by b; Tue, 24 Nov 2026 10:00:00 +0000\r\n'.repeat(count);
  const from = 'carol@example.net';
  assert.equal(
    await sendMail(client, from, ['alice@example.test'], hops(51) + messageOf('hello')),
    '554 5.4.6 too many hops, this is a mail loop',
  );
  assert.match((await sendMail(client, from, ['alice@example.test'], hops(50) + messageOf('hello')))!, /^250 /);
});

test('RFC 2920 §3.1 takes a pipelined transaction in one write', async () => {
  const client = await world.client(mx);
  await client.write(
    'MAIL FROM:<carol@example.net>\r\nRCPT TO:<nobody@example.test>\r\nRCPT TO:<alice@example.test>\r\nDATA\r\n',
  );
  const codes = [];
  for (let i = 0; i < 4; i++) codes.push((await client.reply())?.code);
  assert.deepEqual(codes, [250, 550, 250, 354]);
  await client.write(`${messageOf('hello')}.\r\nMAIL FROM:<>\r\nQUIT\r\n`);
  assert.equal((await client.reply())?.code, 250);
  assert.equal((await client.reply())?.code, 250);
  assert.equal((await client.reply())?.code, 221);
});

test('RFC 3463 §3.3 a full mailbox is refused at RCPT for now', async () => {
  await world.store.directory.createAccount({
    address: { local: 'full', domain: 'example.test' },
    password: 'a password',
    maxBytes: 0,
  });
  const client = await world.client(mx);
  await client.smtp('MAIL FROM:<carol@example.net>', '250');
  assert.equal(await say(client, 'RCPT TO:<full@example.test>'), '452 4.2.2 mailbox full');
});
