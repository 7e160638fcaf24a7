import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LineClient } from '../../support/line-client.ts';
import { openSmtpWorld, PASSWORD, replyLine, say, sendMail } from './smtp-world.ts';

const world = await openSmtpWorld();
const submission = await world.submission();
const base64 = (text: string): string => Buffer.from(text).toString('base64');
const PLAIN = `AUTH PLAIN ${base64(`\0alice@example.test\0${PASSWORD}`)}`;
const ALICE = 'alice@example.test';

async function loggedIn(): Promise<LineClient> {
  const client = await world.client(submission);
  await client.smtp(PLAIN, '235');
  return client;
}
const mailBy = (from: string, more: readonly string[] = [], text = 'Hello.'): string =>
  [`From: ${from}`, 'To: x@example.net', 'Subject: s', ...more, '', text, ''].join('\r\n');
async function storedFor(reply: string | null): Promise<string> {
  const entry = (await world.queue()).find(({ id }) => reply?.endsWith(id));
  assert.ok(entry, reply ?? 'no reply');
  return world.octetsOf(entry);
}

test('RFC 6409 §4.3 takes nothing before authentication', async () => {
  const client = await world.client(submission);
  for (const line of [`MAIL FROM:<${ALICE}>`, `RCPT TO:<${ALICE}>`, 'DATA']) {
    assert.equal(await say(client, line), '530 5.7.0 Error: authentication Required');
  }
});

test('RFC 3207 §4 and RFC 4954 §4: AUTH is neither offered nor taken in clear text where that is not allowed', async () => {
  const strict = await world.submission({}, false);
  const client = await world.client(strict);
  assert.ok(!(await client.smtp('EHLO x', '250')).some((line) => line.startsWith('AUTH')));
  assert.equal(await say(client, PLAIN), '530 5.7.0 must issue a STARTTLS command first');
  await client.smtp('STARTTLS', '220');
  await client.startTls();
  assert.ok((await client.smtp('EHLO x', '250')).includes('AUTH PLAIN LOGIN'));
  assert.equal(await say(client, PLAIN), '235 2.7.0 authenticated');
});

test('RFC 8314 §3.3 speaks TLS from the first octet on submissions', async () => {
  const client = await world.client(await world.submissions(), { tls: true });
  assert.equal(await say(client, PLAIN), '235 2.7.0 authenticated');
  assert.ok(!(await client.smtp('EHLO x', '250')).some((line) => /^(?:AUTH|STARTTLS)/.test(line)));
  assert.equal(await say(client, `MAIL FROM:<${ALICE}>`), '250 2.1.0 sender ok');
});

const EXCHANGES: readonly (readonly [title: string, lines: readonly (readonly [string, string])[]])[] = [
  [
    'RFC 4616 PLAIN with a challenge',
    [
      ['AUTH PLAIN', '334 '],
      [PLAIN.slice(11), '235 2.7.0 authenticated'],
    ],
  ],
  ['RFC 4954 §4 mechanism names have no case', [[PLAIN.replace('PLAIN', 'plain'), '235 2.7.0 authenticated']]],
  [
    'LOGIN asks for name and password',
    [
      ['AUTH LOGIN', `334 ${base64('Username:')}`],
      [base64(ALICE), `334 ${base64('Password:')}`],
      [base64(PASSWORD), '235 2.7.0 authenticated'],
    ],
  ],
  [
    'LOGIN takes the name as initial response',
    [
      [`AUTH LOGIN ${base64(ALICE)}`, `334 ${base64('Password:')}`],
      [base64(PASSWORD), '235 2.7.0 authenticated'],
    ],
  ],
  [
    'RFC 4954 §4 an asterisk cancels',
    [
      ['AUTH PLAIN', '334 '],
      ['*', '501 5.7.0 authentication cancelled'],
      ['NOOP', '250 2.0.0 OK'],
    ],
  ],
  [
    'RFC 4954 §4 bad base64 and bad content are 501',
    [
      ['AUTH PLAIN !!!!', '501 5.5.2 bad base64'],
      ['AUTH PLAIN AGEAY', '501 5.5.2 bad base64'],
      ['AUTH PLAIN', '334 '],
      ['AGE=AGI=', '501 5.5.2 bad base64'],
      [`AUTH PLAIN ${base64('no zeros')}`, '501 5.5.2 bad authentication response'],
      ['AUTH PLAIN =', '501 5.5.2 bad authentication response'],
      ['AUTH', '504 5.5.4 mechanism not known'],
      ['AUTH CRAM-MD5', '504 5.5.4 mechanism not known'],
      [`AUTH PLAIN a b`, '501 5.5.4 syntax: AUTH mechanism [initial-response]'],
    ],
  ],
  [
    'RFC 4954 §6 wrong credentials and foreign identities are 535, once in is enough',
    [
      [`AUTH PLAIN ${base64(`\0${ALICE}\0wrong`)}`, '535 5.7.8 authentication failed'],
      [`AUTH PLAIN ${base64(`\0nobody@example.test\0wrong`)}`, '535 5.7.8 authentication failed'],
      [`AUTH PLAIN ${base64(`bob@example.test\0${ALICE}\0${PASSWORD}`)}`, '535 5.7.8 authentication failed'],
      [PLAIN, '235 2.7.0 authenticated'],
      [PLAIN, '503 5.5.1 already authenticated'],
    ],
  ],
];
for (const [title, lines] of EXCHANGES) {
  test(title, async () => {
    const client = await world.client(submission);
    for (const [line, expected] of lines) assert.equal(await say(client, line), expected, line);
  });
}

test('too many failed logins are turned away for now, without a look at the password', async () => {
  const client = await world.client(await world.submission({ maxErrors: 100 }));
  const wrong = `AUTH PLAIN ${base64('\0bob@example.test\0wrong')}`;
  for (let i = 0; i < 10; i++) assert.match((await say(client, wrong))!, /^535 /);
  const right = `AUTH PLAIN ${base64(`\0bob@example.test\0${PASSWORD}`)}`;
  assert.equal(await say(client, right), '454 4.7.0 too many failed logins, try again later');
  assert.equal(await say(client, PLAIN), '235 2.7.0 authenticated');
});

test('RFC 6409 §6.1 the sender owns MAIL FROM and From', async () => {
  const client = await loggedIn();
  assert.match((await say(client, 'MAIL FROM:<bob@example.test>'))!, /^553 5\.7\.1 not allowed to send as bob@/);
  assert.equal(await say(client, 'MAIL FROM:<Alice+shop@example.test> AUTH=<>'), '250 2.1.0 sender ok');
  await client.smtp('RSET', '250');
  const before = (await world.queue()).length;
  const to = ['x@example.net'];
  const refused: readonly (readonly [string, RegExp])[] = [
    [mailBy('bob@example.test'), /^550 5\.7\.1 not allowed to send as bob@/],
    [mailBy(`${ALICE}, bob@example.test`), /^550 5\.7\.1 not allowed to send as bob@/],
    [mailBy(ALICE, ['From: bob@example.test']), /^550 5\.7\.1 more than one From field/],
    [mailBy(ALICE, ['Sender: bob@example.test']), /^550 5\.7\.1 not allowed to send as bob@/],
    [mailBy('undisclosed:;'), /^550 5\.7\.1 no address in a From field/],
    [mailBy('Bob <bob@example.test> alice@example.test'), /^550 5\.7\.1 /],
    ['no header at all\r\n', /^550 5\.7\.1 no address in a From field/],
    ['', /^550 5\.7\.1 no address in a From field/],
    [mailBy(`"${ALICE}" <bob@example.test>`), /^550 5\.7\.1 not allowed to send as bob@/],
  ];
  for (const [text, expected] of refused) assert.match((await sendMail(client, ALICE, to, text))!, expected, text);
  assert.equal((await world.queue()).length, before);
  assert.match((await sendMail(client, '', to, mailBy(`Al <${ALICE}>`)))!, /^250 /);
});

test('RFC 6409 §8 completes the header, takes Bcc away, and keeps every other octet', async () => {
  const client = await loggedIn();
  const odd = 'X-Odd: \xe9\xff\tfolded\r\n  here  ';
  const text = mailBy(
    ALICE,
    ['Bcc: secret@example.net,\r\n\tother@example.net', odd, 'Return-Path: <x@y>'],
    '\x80 8bit',
  );
  await client.smtp(`MAIL FROM:<${ALICE}> BODY=8BITMIME`, '250');
  await client.smtp('RCPT TO:<secret@example.net>', '250');
  await client.smtp('DATA', '354');
  await client.write(Buffer.from(`${text}.\r\n`, 'latin1'));
  const octets = await storedFor(await replyLine(client));
  const parts =
    /^Return-Path: <alice@example\.test>\r\nReceived: from client\.example\.net \(\[127\.0\.0\.1\]\)\r\n\tby mx\.example\.test \(Waxwing\) with ESMTPA id \S+\r\n\tfor <secret@example\.net>;\r\n\t[^\r]+\r\nDate: [A-Z][^\r]+ \+0000\r\nMessage-ID: <[\w-]{20}@example\.test>\r\n/.exec(
      octets,
    );
  assert.ok(parts, octets);
  assert.equal(octets.slice(parts[0].length), mailBy(ALICE, [odd], '\x80 8bit'));
});

test('RFC 6409 §8.2 and §8.3 leave a Date and Message-ID that are there alone', async () => {
  const client = await loggedIn();
  const own = ['Message-ID: <own@id>', 'Date: Tue, 24 Nov 2026 10:00:00 +0100'];
  const octets = await storedFor(await sendMail(client, ALICE, ['x@example.net'], mailBy(ALICE, own)));
  assert.equal(octets.match(/^(?:Message-ID|Date):/gim)?.length, 2);
  assert.ok(octets.endsWith(mailBy(ALICE, own)));
});

test('recipients go to the lane of their domain; users here that are unknown are refused at RCPT', async () => {
  const client = await loggedIn();
  await client.smtp(`MAIL FROM:<${ALICE}>`, '250');
  assert.equal(await say(client, 'RCPT TO:<nobody@example.test>'), '550 5.1.1 no such user here');
  assert.equal(await say(client, 'RCPT TO:<bad address@x>'), '501 5.1.3 bad recipient address syntax');
  await client.smtp('RCPT TO:<x@Example.NET>', '250');
  await client.smtp('RCPT TO:<bob@example.test>', '250');
  await client.smtp('DATA', '354');
  await client.write(`${mailBy(ALICE)}.\r\n`);
  const reply = await replyLine(client);
  const entry = (await world.queue()).find(({ id }) => reply?.endsWith(id))!;
  assert.deepEqual(
    entry.recipients.map(({ address, lane, account }) => [address, lane, account]),
    [
      ['x@example.net', 'example.net', undefined],
      ['bob@example.test', 'local', world.bob.account],
    ],
  );
  assert.deepEqual([entry.senderAccount, entry.source], [world.alice.account, 'submission']);
});

test('RFC 3207 §4.2 a login in clear text does not survive STARTTLS', async () => {
  const client = await loggedIn();
  await client.smtp('STARTTLS', '220');
  await client.startTls();
  await client.smtp('EHLO x', '250');
  assert.match((await say(client, `MAIL FROM:<${ALICE}>`))!, /^530 5\.7\.0 /);
});

test('a header that is larger than the limit is refused', async () => {
  const client = await loggedIn();
  const huge = `From: ${ALICE}\r\n${`X-Pad: ${'x'.repeat(900)}\r\n`.repeat(1_300)}\r\ntext\r\n`;
  assert.match((await sendMail(client, ALICE, ['x@example.net'], huge))!, /^554 5\.6\.0 the header is larger/);
});
