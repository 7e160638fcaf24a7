/** Clients of other projects, run as programs: Python's imaplib, mbsync, curl. Skipped where a program is absent. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { deliver, mail, openImapFixture, PASSWORD, type User } from '../imap-fixture.ts';
import { absent, run } from './run-program.ts';

const fixture = await openImapFixture();
const port = String(fixture.server.port);

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'waxwing-imap-'));
  after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

const IMAPLIB = `
import imaplib, sys, time
host, port, user, password = sys.argv[1:5]
m = imaplib.IMAP4(host, int(port))
assert 'STARTTLS' in m.capabilities
m.login(user, password)
def ok(answer):
    status, data = answer
    assert status == 'OK', (status, data)
    return data
assert ok(m.select('INBOX')) == [b'3']
assert ok(m.search(None, 'ALL')) == [b'1 2 3']
assert ok(m.search('UTF-8', 'SUBJECT', 'two')) == [b'2']
data = ok(m.fetch('1:3', '(UID FLAGS RFC822.SIZE BODY.PEEK[HEADER.FIELDS (SUBJECT)])'))
assert [part[1] for part in data if isinstance(part, tuple)] == [b'Subject: one\\r\\n\\r\\n', b'Subject: two\\r\\n\\r\\n', b'Subject: three\\r\\n\\r\\n'], data
body = ok(m.fetch('2', '(RFC822)'))[0][1]
assert b'Subject: two' in body
ok(m.store('1', '+FLAGS', '(\\\\Deleted \\\\Flagged)'))
ok(m.copy('2', 'Archive'))
ok(m.expunge())
assert ok(m.uid('SEARCH', None, 'ALL')) == [b'2 3']
ok(m.append('Drafts', '(\\\\Draft)', imaplib.Time2Internaldate(time.time()), b'Subject: draft\\r\\n\\r\\ntext\\r\\n'))
assert len(ok(m.list())) == 6
assert len(ok(m.lsub())) >= 0
assert ok(m.status('Archive', '(MESSAGES UNSEEN)')) == [b'"Archive" (MESSAGES 1 UNSEEN 0)'], m.status('Archive', '(MESSAGES UNSEEN)')
ok(m.create('Work/One')); ok(m.subscribe('Work/One')); ok(m.rename('Work/One', 'Work/Two')); ok(m.delete('Work/Two'))
ok(m.namespace()); ok(m.getquotaroot('INBOX'))
ok(m.close()); m.logout()
print('done')
`;

test('Python’s imaplib reads, searches, flags, copies, expunges, appends', { skip: absent('python3') }, async () => {
  const user = await fixture.user();
  await deliver(fixture, user, [mail('one'), mail('two'), mail('three')]);
  const ran = await run('python3', ['-c', IMAPLIB, '127.0.0.1', port, user.address, PASSWORD]);
  assert.equal(ran.output.trim(), 'done');
});

function mbsyncConfig(user: User, home: string): string {
  const file = join(home, 'mbsyncrc');
  mkdirSync(join(home, 'mail'));
  writeFileSync(
    file,
    [
      'IMAPAccount waxwing',
      'Host 127.0.0.1',
      `Port ${port}`,
      `User ${user.address}`,
      `Pass "${PASSWORD}"`,
      'SSLType None',
      'AuthMechs LOGIN',
      '',
      'IMAPStore remote',
      'Account waxwing',
      '',
      'MaildirStore local',
      `Path ${home}/mail/`,
      `Inbox ${home}/mail/INBOX`,
      'SubFolders Verbatim',
      '',
      'Channel all',
      'Far :remote:',
      'Near :local:',
      'Patterns *',
      'Create Both',
      'Expunge Both',
      'SyncState *',
      '',
    ].join('\n'),
  );
  return file;
}

const mailsIn = (home: string, box: string): string[] =>
  ['cur', 'new'].flatMap((sub) =>
    readdirSync(join(home, 'mail', box, sub)).map((name) => join(home, 'mail', box, sub, name)),
  );

test('mbsync keeps a Maildir and the account the same, both ways', { skip: absent('mbsync') }, async () => {
  const user = await fixture.user();
  const messages = Array.from({ length: 20 }, (_, n) => mail(`Number ${n}`));
  await deliver(fixture, user, messages);
  const home = folder();
  const config = mbsyncConfig(user, home);
  const sync = async (): Promise<void> => {
    const ran = await run('mbsync', ['-c', config, '-a'], { HOME: home });
    assert.equal(ran.code, 0, ran.output);
  };
  await sync();
  assert.equal(mailsIn(home, 'INBOX').length, 20);
  // mbsync writes LF for CRLF, and a line of its own by which it finds a message again.
  const local = mailsIn(home, 'INBOX')
    .map((file) => readFileSync(file, 'utf8').replace(/^X-TUID: .*\n/m, ''))
    .sort();
  assert.deepEqual(local, messages.map((each) => each.replaceAll('\r\n', '\n')).sort());

  // Here a message is read and one deleted; there one is flagged, one removed and one comes.
  const [first, second] = mailsIn(home, 'INBOX').sort();
  renameSync(first!, first!.replace(/\/(new|cur)\/([^:]+)(:2,.*)?$/, '/cur/$2:2,S'));
  rmSync(second!);
  writeFileSync(join(home, 'mail/INBOX/new/1.local.test'), 'Subject: local\n\nfrom here\n');
  const client = await fixture.client(user, 'INBOX');
  await client.ok('UID STORE 20 +FLAGS (\\Flagged)');
  await client.ok('UID STORE 19 +FLAGS (\\Deleted)');
  await client.ok('UID EXPUNGE 19');
  await deliver(fixture, user, [mail('came meanwhile')]);
  await sync();
  await sync();
  const status = (await client.ok('STATUS INBOX (MESSAGES UNSEEN)'))[0];
  assert.equal(status, `* STATUS "INBOX" (MESSAGES ${mailsIn(home, 'INBOX').length} UNSEEN 19)`);
  assert.equal(mailsIn(home, 'INBOX').length, 20);
  assert.equal(mailsIn(home, 'INBOX').filter((file) => /:2,.*F/.test(file)).length, 1);
  assert.deepEqual((await client.ok('UID SEARCH SUBJECT local'))[0], '* SEARCH 22');
});

test('curl fetches a message, and uploads one', { skip: absent('curl') }, async () => {
  const user = await fixture.user();
  await deliver(fixture, user, [mail('for curl')]);
  const login = ['-s', '-S', '-u', `${user.address}:${PASSWORD}`];
  const got = await run('curl', [...login, `imap://127.0.0.1:${port}/INBOX;MAILINDEX=1`]);
  assert.match(got.output, /^Subject: for curl/m);
  const home = folder();
  writeFileSync(join(home, 'up.eml'), mail('uploaded'));
  const put = await run('curl', [...login, `imap://127.0.0.1:${port}/Archive`, '-T', join(home, 'up.eml')]);
  assert.equal(put.code, 0, put.output);
  const secure = await run('curl', [
    ...login,
    '-k',
    `imaps://127.0.0.1:${fixture.server.tlsPort}/Archive`,
    '-X',
    'FETCH 1:* (ENVELOPE)',
  ]);
  assert.match(secure.output, /"uploaded"/);
});
