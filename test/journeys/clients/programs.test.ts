/**
 * Mail programs against the whole server, each with the settings that docs/start/clients.md names. A program that is not installed is skipped.
 * The tests of each protocol hold the details; here one account is used by all, from the front door to the mailbox.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { deliverAll, inboxWith } from '../../support/clients/inbox.ts';
import { absent, freshHome, type Outcome, runProgram } from '../../support/clients/programs.ts';
import { variedMail } from '../../support/clients/varied-mail.ts';
import { type RunningServer, startServer } from '../../support/running-server.ts';
import { freshDatabase, freshKeyPrefix, mongodbUri, redisUrl } from '../../support/services.ts';

/** Each test has a server of its own, so that the programs may count what is in the Inbox. */
async function serverWithMail(): Promise<RunningServer> {
  const server = await startServer({
    mongodbUri: mongodbUri(),
    redisUrl: redisUrl(),
    database: freshDatabase(),
    keyPrefix: freshKeyPrefix(),
  });
  after(() => server.stop());
  const mail = variedMail(server.account.address);
  await deliverAll(server, mail);
  (await inboxWith(server, mail.length)).destroy();
  return server;
}

const MESSAGES = variedMail('me').length;

function secret(home: string, name: string, text: string): string {
  const file = join(home, name);
  writeFileSync(file, text, { mode: 0o600 });
  return file;
}

const assertDone = (outcome: Outcome): void => assert.equal(outcome.code, 0, outcome.stdout + outcome.stderr);

test('swaks delivers, submits with both mechanisms, and is told why it is refused', {
  skip: absent('swaks'),
}, async () => {
  const server = await serverWithMail();
  const home = freshHome();
  const { address, password } = server.account;
  const swaks = async (listener: string, ...args: readonly string[]): Promise<string> =>
    (await runProgram('swaks', ['--server', '127.0.0.1', '--port', String(server.port(listener)), ...args], { home }))
      .stdout;
  const login = ['--auth-user', address, '--auth-password', password];

  const inbound = ['--from', 'ada@remote.example', '--tls'];
  assert.match(await swaks('smtp', ...inbound, '--to', address), /250 2\.0\.0 ok/);
  assert.match(await swaks('smtp', ...inbound, '--to', 'nobody@waxwing.test'), /550 5\.1\.1/);
  assert.match(await swaks('smtp', ...inbound, '--to', 'x@other.example'), /554 5\.7\.1/);
  const own = ['--from', address, '--to', address];
  assert.match(await swaks('submission', ...own, '--tls', '--auth', 'PLAIN', ...login), /250 2\.0\.0 ok/);
  assert.match(await swaks('submission', ...own, '--tls', '--auth', 'LOGIN', ...login), /250 2\.0\.0 ok/);
  assert.match(await swaks('submissions', ...own, '--tls-on-connect', '--auth', 'PLAIN', ...login), /250 2\.0\.0 ok/);
  assert.match(await swaks('submission', ...own, '--tls'), /530 5\.7\.0/);
  const wrong = ['--auth', 'PLAIN', '--auth-user', address, '--auth-password', 'wrong'];
  assert.match(await swaks('submission', ...own, '--tls', ...wrong), /535 5\.7\.8/);
  const forged = ['--from', 'boss@waxwing.test', '--to', address, '--tls', '--auth', 'PLAIN', ...login];
  assert.match(await swaks('submission', ...forged), /553 5\.7\.1/);
  (await inboxWith(server, MESSAGES + 4)).destroy();
});

test('mutt sends with an attachment, keeps a copy in Sent, and the message arrives', {
  skip: absent('mutt'),
}, async () => {
  const server = await serverWithMail();
  const home = freshHome();
  const { address, password } = server.account;
  const config = secret(
    home,
    'muttrc',
    [
      `set folder = "imap://127.0.0.1:${server.port('imap')}/"`,
      'set spoolfile = "+INBOX" record = "+Sent" postponed = "+Drafts"',
      `set imap_user = "${address}" imap_pass = "${password}" from = "${address}"`,
      `set smtp_url = "smtp://${address.replace('@', '%40')}@127.0.0.1:${server.port('submission')}/" smtp_pass = "${password}"`,
      'set ssl_starttls = no ssl_force_tls = no',
      '',
    ].join('\n'),
  );
  writeFileSync(join(home, 'notes.txt'), 'attached\n');
  assertDone(
    await runProgram('mutt', ['-n', '-F', config, '-s', 'Grüße', '-a', join(home, 'notes.txt'), '--', address], {
      home,
      input: 'Schöne Grüße\n',
    }),
  );
  const client = await inboxWith(server, MESSAGES + 1);
  const { untagged } = await client.imap('d', `FETCH ${MESSAGES + 1} (BODYSTRUCTURE)`);
  assert.match(untagged.join(), /"notes\.txt"/);
  assert.deepEqual((await client.imap('e', 'STATUS Sent (MESSAGES)')).untagged, ['* STATUS "Sent" (MESSAGES 1)']);
  client.destroy();
});

function mbsyncConfig(server: RunningServer, home: string): string {
  return secret(
    home,
    'mbsyncrc',
    `IMAPAccount waxwing
Host 127.0.0.1
Port ${server.port('imap')}
User ${server.account.address}
Pass "${server.account.password}"
SSLType None

IMAPStore remote
Account waxwing

MaildirStore local
Path ${home}/mail/
Inbox ${home}/mail/INBOX
SubFolders Verbatim

Channel waxwing
Far :remote:
Near :local:
Patterns *
Create Both
Expunge Both
Sync All
SyncState *
`,
  );
}

/** Files of the local Inbox, by the UID that mbsync puts into their names. */
function localInbox(home: string): Map<number, string> {
  const found = new Map<number, string>();
  for (const part of ['new', 'cur'])
    for (const name of readdirSync(join(home, 'mail', 'INBOX', part)))
      found.set(Number(/,U=(\d+)/.exec(name)?.[1]), join(home, 'mail', 'INBOX', part, name));
  return found;
}

test('mbsync settles changes that contradict each other without losing a message', {
  skip: absent('mbsync'),
}, async () => {
  const server = await serverWithMail();
  const home = freshHome();
  const config = mbsyncConfig(server, home);
  const sync = async (): Promise<void> => assertDone(await runProgram('mbsync', ['-c', config, '-a'], { home }));
  await sync();
  assert.equal(localInbox(home).size, MESSAGES);

  // 1: read here, flagged there. 2: deleted here, flagged there. 3: flagged here, expunged there. 4: deleted on both sides.
  const local = localInbox(home);
  const mark = (uid: number, flags: string): void => {
    const file = local.get(uid) ?? assert.fail(`no local message ${uid}`);
    renameSync(file, file.replace(/\/(?:new|cur)\/([^:]+)(?::2,.*)?$/, `/cur/$1:2,${flags}`));
  };
  mark(1, 'S');
  mark(3, 'F');
  for (const uid of [2, 4]) rmSync(local.get(uid) ?? assert.fail(`no local message ${uid}`));
  const client = await inboxWith(server, MESSAGES);
  await client.imap('d', 'UID STORE 1,2 +FLAGS (\\Flagged)');
  await client.imap('e', 'UID STORE 3,4 +FLAGS (\\Deleted)');
  await client.imap('f', 'UID EXPUNGE 3,4');
  await sync();
  await sync();

  await client.imap('g', 'NOOP');
  const { untagged } = await client.imap('h', 'UID SEARCH ALL');
  const remote = untagged.filter((line) => line.startsWith('* SEARCH')).join();
  const uids = [...remote.matchAll(/\d+/g)].map(([uid]) => Number(uid));
  assert.deepEqual(uids, [1, 5, 6, 7, 8]);
  assert.equal(localInbox(home).size, uids.length);
  assert.match(localInbox(home).get(1) ?? '', /:2,FS$/);
  assert.deepEqual((await client.imap('i', 'UID SEARCH UID 1 SEEN FLAGGED')).untagged, ['* SEARCH 1']);
  client.destroy();
});

test('fetchmail takes the Inbox by POP3 and by IMAP, and again takes nothing', {
  skip: absent('fetchmail'),
}, async () => {
  const server = await serverWithMail();
  const { address, password } = server.account;
  for (const protocol of ['pop3', 'imap'] as const) {
    const home = freshHome();
    const box = join(home, 'box');
    const config = secret(
      home,
      'fetchmailrc',
      `set no bouncemail
poll 127.0.0.1 protocol ${protocol} port ${server.port(protocol)} ${protocol === 'pop3' ? 'uidl ' : ''}user "${address}" password "${password}" sslproto "" keep mda "cat >> ${box}"
`,
    );
    const fetch = (): Promise<Outcome> =>
      runProgram('fetchmail', ['-f', config, '--pidfile', join(home, 'pid'), '-i', join(home, 'ids')], { home });
    const first = await fetch();
    assert.equal(first.code, 0, first.stderr);
    const ids = readFileSync(box, 'latin1').match(/^Message-ID: <[a-z-]+@remote\.example>/gm);
    assert.equal(new Set(ids).size, MESSAGES + 1, 'one of the messages holds another');
    assert.equal((await fetch()).code, 1, 'fetchmail says with 1 that there was no new mail');
  }
});

test('curl reads the JMAP session, queries, and hears of new mail by EventSource', {
  skip: absent('curl'),
}, async () => {
  const server = await serverWithMail();
  const home = freshHome();
  const { address, password } = server.account;
  const login = ['--silent', '--show-error', '--fail', '--user', `${address}:${password}`];
  const curl = async (...args: readonly string[]): Promise<string> => {
    const outcome = await runProgram('curl', [...login, ...args], { home });
    assertDone(outcome);
    return outcome.stdout;
  };
  const session = JSON.parse(await curl('--location', `${server.ready.http}/.well-known/jmap`));
  const accountId = session.primaryAccounts['urn:ietf:params:jmap:mail'];
  const query = {
    using: ['urn:ietf:params:jmap:core', 'urn:ietf:params:jmap:mail'],
    methodCalls: [['Email/query', { accountId, filter: { from: 'bob' }, calculateTotal: true }, '0']],
  };
  const json = ['--header', 'Content-Type: application/json', '--data', JSON.stringify(query)];
  assert.equal(JSON.parse(await curl(...json, session.apiUrl)).methodResponses[0][1].total, 1);

  const url = session.eventSourceUrl.replace('{types}', '*').replace('{closeafter}', 'state').replace('{ping}', '0');
  const listener = spawn('curl', [...login, '--no-buffer', '--max-time', '30', url], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let heard = '';
  listener.stdout.setEncoding('utf8');
  const ended = once(listener, 'close');
  await once(
    listener.stdout.on('data', (text: string) => (heard += text)),
    'data',
  );
  await deliverAll(server, variedMail(address).slice(0, 1));
  assert.deepEqual(await ended, [0, null]);
  assert.match(heard, /^event: state$/m);
});
