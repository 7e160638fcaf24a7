import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { createTransport } from 'nodemailer';
import { openSmtpWorld, PASSWORD } from './smtp-world.ts';

const world = await openSmtpWorld();
const run = promisify(execFile);
const ALICE = 'alice@example.test';

async function python(script: string, ...args: readonly string[]): Promise<string> {
  const { stdout } = await run('python3', ['-c', script, ...args], { timeout: 60_000 });
  return stdout.trim();
}

test('smtplib of Python delivers to two users, one of them unknown', async () => {
  const server = await world.mx();
  const out = await python(
    `
import smtplib, sys
s = smtplib.SMTP('127.0.0.1', int(sys.argv[1]), timeout=30)
s.ehlo()
print(s.has_extn('size'), s.has_extn('dsn'), s.has_extn('auth'))
refused = s.sendmail('carol@example.net', ['alice@example.test', 'nobody@example.test'], 'Subject: py\\n\\n.dot\\n..\\nend', mail_options=['BODY=8BITMIME'])
print(refused)
s.quit()
`,
    String(server.port),
  );
  assert.equal(out, "True True False\n{'nobody@example.test': (550, b'5.1.1 no such user here')}");
  const [entry] = await world.queue();
  assert.match(await world.octetsOf(entry!), /Subject: py\r\n\r\n\.dot\r\n\.\.\r\nend\r\n$/);
});

test('smtplib of Python logs in after STARTTLS and on TLS, and submits', async () => {
  const [submission, submissions] = [await world.submission({}, false), await world.submissions()];
  const before = (await world.queue()).length;
  const out = await python(
    `
import smtplib, ssl, sys
from email.message import EmailMessage
context = ssl._create_unverified_context()
m = EmailMessage()
m['From'] = 'Alice <alice@example.test>'
m['To'] = 'bob@example.test, x@example.net'
m['Bcc'] = 'hidden@example.net'
m['Subject'] = 'Grüße'
m.set_content('Hällo')
s = smtplib.SMTP('127.0.0.1', int(sys.argv[1]), timeout=30)
try:
    s.login('alice@example.test', sys.argv[3])
except smtplib.SMTPNotSupportedError as e:
    print('no auth in clear text')
s.starttls(context=context)
s.login('alice@example.test', sys.argv[3])
print(s.send_message(m))
s.quit()
s = smtplib.SMTP_SSL('127.0.0.1', int(sys.argv[2]), timeout=30, context=context)
try:
    s.login('alice@example.test', 'wrong')
except smtplib.SMTPAuthenticationError as e:
    print(e.smtp_code)
s.login('alice@example.test', sys.argv[3])
try:
    s.sendmail('bob@example.test', ['x@example.net'], 'From: bob@example.test\\n\\nx')
except smtplib.SMTPSenderRefused as e:
    print(e.smtp_code, e.smtp_error.decode())
s.quit()
`,
    String(submission.port),
    String(submissions.port),
    PASSWORD,
  );
  assert.equal(out, 'no auth in clear text\n{}\n535\n553 5.7.1 not allowed to send as bob@example.test');
  const entries = (await world.queue()).filter(({ source }) => source === 'submission');
  assert.equal((await world.queue()).length, before + 1);
  assert.deepEqual(entries[0]!.recipients.map(({ address }) => address).sort(), [
    'bob@example.test',
    'hidden@example.net',
    'x@example.net',
  ]);
  assert.doesNotMatch(await world.octetsOf(entries[0]!), /hidden|^Bcc/im);
});

test('smtplib.LMTP of Python gets an answer for each recipient', async () => {
  const server = await world.lmtp();
  const out = await python(
    `
import smtplib, sys
s = smtplib.LMTP('127.0.0.1', int(sys.argv[1]))
print(s.sendmail('carol@example.net', ['alice@example.test', 'bob@example.test'], 'Subject: lmtp py\\n\\nhello'))
s.quit()
`,
    String(server.port),
  );
  assert.equal(out, '{}');
  assert.equal((await world.inbox(world.bob)).length, 1);
});

test('nodemailer submits over TLS with an attachment, and keeps one connection for many messages', async () => {
  const server = await world.submissions();
  const transport = createTransport({
    host: '127.0.0.1',
    port: server.port,
    secure: true,
    pool: true,
    maxConnections: 1,
    auth: { user: ALICE, pass: PASSWORD },
    tls: { rejectUnauthorized: false },
  });
  const before = (await world.queue()).length;
  for (let i = 0; i < 5; i++) {
    const info = await transport.sendMail({
      from: `"Alice" <${ALICE}>`,
      to: 'x@example.net',
      subject: `number ${i}`,
      text: '.leading dot\nmore',
      attachments: [{ filename: 'a.bin', content: Buffer.alloc(200_000, i) }],
    });
    assert.match(info.response, /^250 2\.0\.0 ok, queued as /);
  }
  transport.close();
  assert.equal((await world.queue()).length, before + 5);
});

test('nodemailer upgrades by STARTTLS and is told why a recipient is refused', async () => {
  const server = await world.submission({}, false);
  const transport = createTransport({
    host: '127.0.0.1',
    port: server.port,
    requireTLS: true,
    auth: { user: ALICE, pass: PASSWORD },
    tls: { rejectUnauthorized: false },
  });
  const info = await transport.sendMail({ from: ALICE, to: ['x@example.net', 'nobody@example.test'], text: 'x' });
  assert.deepEqual([info.accepted, info.rejected], [['x@example.net'], ['nobody@example.test']]);
  transport.close();
});
