import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { after, test } from 'node:test';
import { mail, openPop3Fixture, PASSWORD } from './pop3-fixture.ts';

const fixture = await openPop3Fixture();
const folder = await mkdtemp(join(tmpdir(), 'pop3-clients-'));
after(async () => {
  await rm(folder, { recursive: true, force: true });
  assert.deepEqual(fixture.faults, []);
});

const MESSAGES = [
  mail('One'),
  mail('Dots', '.\r\n.one\r\n..two\r\n'),
  mail('Long', `${'x'.repeat(70)}\r\n`.repeat(5_000)),
];

function missing(program: string): string | false {
  for (const directory of (process.env['PATH'] ?? '').split(delimiter)) {
    try {
      accessSync(join(directory, program), constants.X_OK);
      return false;
    } catch {
      // Not in this one.
    }
  }
  return `${program} is not installed`;
}

/** Standard output; throws with all output when the program fails. */
function run(program: string, args: readonly string[], env: Record<string, string> = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(
      program,
      args,
      { env: { ...process.env, ...env }, encoding: 'latin1', maxBuffer: 20_000_000, timeout: 60_000 },
      (error, stdout, stderr) => {
        if (error) reject(new Error(`${program}: ${error.message}\n${stdout}\n${stderr}`));
        else resolve(stdout);
      },
    );
  });
}

test('curl lists and fetches, with STLS and with AUTH PLAIN', { skip: missing('curl') }, async () => {
  const user = await fixture.user(MESSAGES);
  const server = await fixture.another({ allowPlaintextOnLoopback: false });
  const url = `pop3://127.0.0.1:${server.port}/`;
  const common = ['--silent', '--show-error', '--ssl-reqd', '--insecure', '--user', `${user.address}:${PASSWORD}`];
  assert.equal(await run('curl', [...common, url]), MESSAGES.map(({ length }, i) => `${i + 1} ${length}\r\n`).join(''));
  for (const options of [[], ['--login-options', 'AUTH=PLAIN'], ['--login-options', 'AUTH=PLAIN', '--sasl-ir']]) {
    for (const [i, message] of MESSAGES.entries()) {
      assert.equal(await run('curl', [...common, ...options, `${url}${i + 1}`]), message);
    }
  }
  await run('curl', [...common, '--request', 'DELE', '--head', `${url}1`]);
  assert.equal((await user.account.uidMap(user.inbox))!.uids.length, 2);
});

test('curl fetches over TLS from the first octet', { skip: missing('curl') }, async () => {
  const user = await fixture.user(MESSAGES);
  const server = await fixture.another({ isImplicitTls: true });
  const url = `pop3s://127.0.0.1:${server.port}/2`;
  const octets = await run('curl', [
    '--silent',
    '--show-error',
    '--insecure',
    '--user',
    `${user.address}:${PASSWORD}`,
    url,
  ]);
  assert.equal(octets, MESSAGES[1]);
});

const POPLIB = `
import os, poplib, ssl
context = ssl._create_unverified_context()
drop = poplib.POP3('127.0.0.1', int(os.environ['POP3_PORT']), timeout=30)
assert 'STLS' in drop.capa()
drop.stls(context)
drop.utf8()
drop.user(os.environ['POP3_USER'])
drop.pass_(os.environ['POP3_PASSWORD'])
count, octets = drop.stat()
listing = [int(line.split()[1]) for line in drop.list()[1]]
uids = [line.split()[1] for line in drop.uidl()[1]]
assert len(listing) == len(set(uids)) == count and sum(listing) == octets
for number in range(1, count + 1):
    _, lines, received = drop.retr(number)
    message = b''.join(line + b'\\r\\n' for line in lines)
    assert len(message) == listing[number - 1], (number, len(message), listing)
    print(message.decode('latin1'), end='')
assert drop.top(1, 0)[1][-1] == b''
drop.dele(2)
drop.rset()
drop.dele(1)
drop.noop()
drop.quit()
`;

test("Python's poplib reads a drop, byte for byte, and deletes", { skip: missing('python3') }, async () => {
  const user = await fixture.user(MESSAGES);
  const server = await fixture.another({ allowPlaintextOnLoopback: false });
  const output = await run('python3', ['-c', POPLIB], {
    POP3_PORT: String(server.port),
    POP3_USER: user.address,
    POP3_PASSWORD: PASSWORD,
    PYTHONIOENCODING: 'latin1',
  });
  assert.equal(output, MESSAGES.join(''));
  assert.deepEqual([...(await user.account.uidMap(user.inbox))!.uids], [2, 3]);
});

test('fetchmail takes a drop once with keep and UIDL, and empties it without', {
  skip: missing('fetchmail'),
}, async () => {
  const user = await fixture.user(MESSAGES);
  const rc = join(folder, 'fetchmailrc');
  const mbox = join(folder, 'mbox');
  const fetch = async (options: string): Promise<void> => {
    const lines = [
      `poll 127.0.0.1 protocol pop3 port ${fixture.server.port} uidl`,
      `  username "${user.address}" password "${PASSWORD}" sslproto "" ${options}`,
      `  mda "cat >> ${mbox}"`,
    ];
    await writeFile(rc, `${lines.join('\n')}\n`);
    await chmod(rc, 0o600);
    const ids = join(folder, 'fetchids');
    await run('fetchmail', ['-f', rc, '-i', ids, '--pidfile', join(folder, 'pid'), '--nosyslog'], {
      HOME: folder,
      FETCHMAILHOME: folder,
    }).catch((error: Error) => {
      // Exit status 1: no mail.
      if (!options.includes('again')) throw error;
    });
  };
  await fetch('keep');
  const taken = await readFile(mbox, 'latin1');
  for (const subject of ['One', 'Dots', 'Long']) assert.equal(taken.split(`Subject: ${subject}`).length, 2, subject);
  assert.ok(taken.includes('\n.\n.one\n..two\n'));
  assert.equal((await user.account.uidMap(user.inbox))!.uids.length, 3);
  await fixture.deliver(user, [mail('Later')]);
  await fetch('keep');
  const more = (await readFile(mbox, 'latin1')).slice(taken.length);
  assert.ok(more.includes('Subject: Later') && !more.includes('Subject: One'));
  await fetch('fetchall nokeep');
  assert.equal((await user.account.uidMap(user.inbox))!.uids.length, 0);
});
