import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { asUid } from '../../../src/mail/ids.ts';
import { LocalMaildropLocks } from '../../../src/protocols/pop3/maildrop-locks.ts';
import { startPop3Server } from '../../../src/protocols/pop3/pop3-server.ts';
import { systemClock } from '../../../src/server/clock.ts';
import { silentLog } from '../../../src/server/log.ts';
import { plainAuthenticator } from '../../support/plain-authenticator.ts';
import { logIn, mail, openPop3Fixture, PASSWORD } from './pop3-fixture.ts';

const fixture = await openPop3Fixture();
after(() => assert.deepEqual(fixture.faults, []));

const DOTS = mail('Dots', '.one\r\n..two\r\n.\r\nthree\r\n');
const plain = (user: string, password = PASSWORD, authzid = ''): string =>
  Buffer.from(`${authzid}\0${user}\0${password}`).toString('base64');

describe('AUTHORIZATION', () => {
  test('RFC 1939 §4 greets without the timestamp of APOP, and refuses APOP', async () => {
    const client = await fixture.stranger();
    client.destroy();
    const again = await fixture.stranger();
    assert.equal(await again.run('APOP mrose c4c9334bac560ecc979e58001b3e22fb'), '-ERR Unknown command');
    assert.equal(await again.run('QUIT'), '+OK Bye');
    assert.equal(await again.rest(), '');
  });

  test('RFC 1939 §7 USER and PASS log in, in any case', async () => {
    const user = await fixture.user([mail('One')]);
    const client = await fixture.stranger();
    assert.match(await client.run(`user ${user.address.toUpperCase()}`), /^\+OK/);
    assert.equal(await client.run(`pass ${PASSWORD}`), `+OK 1 messages (${mail('One').length} octets)`);
  });

  test('RFC 3206 §4 a wrong password and an unknown user get the same [AUTH]', async () => {
    const user = await fixture.user();
    const client = await fixture.stranger();
    await client.ok(`USER ${user.address}`);
    const wrong = await client.run('PASS nonsense');
    assert.match(wrong, /^-ERR \[AUTH\] /);
    await client.ok('USER nobody@example.org');
    assert.equal(await client.run('PASS nonsense'), wrong);
    await logIn(client, user);
  });

  test('RFC 1939 §7 PASS without USER is refused, and a name serves one PASS', async () => {
    const user = await fixture.user();
    const client = await fixture.stranger();
    assert.equal(await client.run(`PASS ${PASSWORD}`), '-ERR USER comes first');
    await client.ok(`USER ${user.address}`);
    assert.match(await client.run('PASS nonsense'), /^-ERR \[AUTH\]/);
    assert.equal(await client.run(`PASS ${PASSWORD}`), '-ERR USER comes first');
  });

  test('RFC 1939 §3 commands of the other state are refused', async () => {
    const client = await fixture.stranger();
    for (const command of ['STAT', 'LIST', 'UIDL', 'RETR 1', 'TOP 1 0', 'DELE 1', 'NOOP', 'RSET']) {
      assert.equal(await client.run(command), '-ERR Log in first', command);
    }
    await logIn(client, await fixture.user());
    for (const command of ['USER x', 'PASS x', 'AUTH PLAIN', 'STLS', 'UTF8']) {
      assert.equal(await client.run(command), '-ERR Logged in already', command);
    }
  });

  test('RFC 5034 §4 AUTH PLAIN takes an initial response or asks for one', async () => {
    const user = await fixture.user([mail('One')]);
    const first = await fixture.stranger();
    assert.match(await first.run(`AUTH PLAIN ${plain(user.address)}`), /^\+OK 1 messages/);
    await first.ok('QUIT');
    const second = await fixture.stranger();
    assert.equal(await second.run('AUTH plain'), '+ ');
    assert.match(await second.run(plain(user.address)), /^\+OK 1 messages/);
  });

  test('RFC 5034 §4 AUTH ends with -ERR when cancelled, malformed, unknown or wrong', async () => {
    const user = await fixture.user();
    const client = await fixture.stranger();
    assert.equal(await client.run('AUTH PLAIN'), '+ ');
    assert.equal(await client.run('*'), '-ERR Authentication cancelled');
    assert.equal(await client.run('AUTH PLAIN'), '+ ');
    assert.equal(await client.run('no base64!'), '-ERR The response is no base64');
    assert.equal(await client.run('AUTH PLAIN AAA'), '-ERR The initial response is no base64');
    assert.equal(await client.run('AUTH PLAIN ='), '-ERR Malformed authentication exchange');
    assert.equal(await client.run('AUTH X-UNKNOWN'), '-ERR No such authentication mechanism');
    assert.match(await client.run(`AUTH PLAIN ${plain(user.address, 'nonsense')}`), /^-ERR \[AUTH\]/);
    assert.match(await client.run(`AUTH PLAIN ${plain(user.address)}`), /^\+OK/);
  });

  test('RFC 5034 §4 a response may be longer than a command', async () => {
    const user = await fixture.user();
    const client = await fixture.stranger();
    assert.equal(await client.run('AUTH PLAIN'), '+ ');
    assert.match(await client.run(plain(user.address, 'x'.repeat(600))), /^-ERR \[AUTH\]/);
    assert.equal(await client.run('AUTH PLAIN'), '+ ');
    assert.match(await client.run(plain(user.address)), /^\+OK/);
  });

  test('AUTH without an argument lists the mechanisms', async () => {
    const client = await fixture.stranger();
    assert.deepEqual(await client.lines('AUTH'), ['PLAIN', 'LOGIN']);
  });

  test('AUTH LOGIN asks for the name and the password', async () => {
    const user = await fixture.user();
    const client = await fixture.stranger();
    assert.equal(await client.run('AUTH LOGIN'), `+ ${Buffer.from('Username:').toString('base64')}`);
    assert.equal(
      await client.run(Buffer.from(user.address).toString('base64')),
      `+ ${Buffer.from('Password:').toString('base64')}`,
    );
    assert.match(await client.run(Buffer.from(PASSWORD).toString('base64')), /^\+OK/);
  });

  test('RFC 6856 §2.1 UTF8 is taken before login, and a name in UTF-8 is one that may be wrong', async () => {
    const client = await fixture.stranger();
    assert.match(await client.run('UTF8'), /^\+OK/);
    await client.ok('USER jürgen@example.org');
    assert.match(await client.run('PASS größe'), /^-ERR \[AUTH\]/);
  });

  test('RFC 6856 §2.1 a message with an internationalised header is sent as it is stored', async () => {
    const octets = Buffer.from(mail('Grüße', 'Schöne Grüße\r\n'));
    const user = await fixture.user([octets]);
    const client = await fixture.stranger();
    await client.ok('UTF8');
    await logIn(client, user);
    assert.equal(await client.run('STAT'), `+OK 1 ${octets.length}`);
    assert.deepEqual(await client.content('RETR 1'), octets);
  });

  test('too many failed logins end the connection', async () => {
    const server = await fixture.another({ limits: { failedLogins: 2 } });
    const client = await fixture.stranger(server.port);
    for (let i = 0; i < 2; i++)
      assert.match(await client.run(`AUTH PLAIN ${plain('a@example.org', 'x')}`), /^-ERR \[AUTH\]/);
    assert.equal(await client.nextLine(), null);
  });

  test('RFC 2449 §6.5 a login too soon after the last is told [LOGIN-DELAY]', async () => {
    const server = await fixture.another({ limits: { loginDelayMs: 90_000 } });
    const user = await fixture.user();
    const first = await logIn(await fixture.stranger(server.port), user);
    assert.ok((await first.lines('CAPA')).includes('LOGIN-DELAY 90'));
    await first.ok('QUIT');
    const second = await fixture.stranger(server.port);
    await second.ok(`USER ${user.address}`);
    assert.match(await second.run(`PASS ${PASSWORD}`), /^-ERR \[LOGIN-DELAY\]/);
  });
});

describe('CAPA and TLS', () => {
  test('RFC 2449 §5 CAPA tells what there is, by state', async () => {
    const client = await fixture.stranger();
    const common = [
      'TOP',
      'UIDL',
      'RESP-CODES',
      'AUTH-RESP-CODE',
      'PIPELINING',
      'EXPIRE NEVER',
      'UTF8 USER',
      'IMPLEMENTATION Waxwing',
    ];
    assert.deepEqual(await client.lines('CAPA'), [...common, 'STLS', 'USER', 'SASL PLAIN LOGIN']);
    await client.ok('STLS');
    await client.startTls();
    assert.deepEqual(await client.lines('CAPA'), [...common, 'USER', 'SASL PLAIN LOGIN']);
    await logIn(client, await fixture.user());
    assert.deepEqual(await client.lines('CAPA'), [...common, 'USER', 'SASL PLAIN LOGIN']);
  });

  test('RFC 2595 §2.3 no password in clear text: neither announced nor taken before STLS', async () => {
    const server = await fixture.another({ allowPlaintextOnLoopback: false });
    const user = await fixture.user();
    const client = await fixture.stranger(server.port);
    const before = await client.lines('CAPA');
    assert.ok(before.includes('STLS'));
    assert.ok(!before.some((line) => /^(?:USER|SASL)/.test(line)));
    for (const command of [`USER ${user.address}`, `PASS ${PASSWORD}`, 'AUTH', `AUTH PLAIN ${plain(user.address)}`]) {
      assert.match(await client.run(command), /^-ERR \[AUTH\] Logging in needs TLS/, command);
    }
    await client.ok('STLS');
    await client.startTls();
    await logIn(client, user);
    assert.equal(await client.run('STLS'), '-ERR Logged in already');
  });

  test('RFC 2595 §4 what was said before STLS is forgotten', async () => {
    const client = await fixture.stranger();
    await client.ok('USER someone@example.org');
    await client.ok('STLS');
    await client.startTls();
    assert.equal(await client.run(`PASS ${PASSWORD}`), '-ERR USER comes first');
    assert.equal(await client.run('STLS'), '-ERR TLS is active already');
  });

  test('RFC 8314 §3.3 a listener speaks TLS from the first octet', async () => {
    const server = await fixture.another({ isImplicitTls: true, allowPlaintextOnLoopback: false });
    const user = await fixture.user([mail('One')]);
    const { Pop3Client } = await import('./pop3-client.ts');
    const client = await logIn(await Pop3Client.connect(server.port, { isTls: true }), user);
    assert.ok(!(await client.lines('CAPA')).includes('STLS'));
    assert.equal((await client.content('RETR 1')).toString(), mail('One'));
    await client.ok('QUIT');
  });

  test('without a certificate there is no STLS, and no listener with TLS', async () => {
    const server = await fixture.another({ tls: null });
    const client = await fixture.stranger(server.port);
    assert.ok(!(await client.lines('CAPA')).includes('STLS'));
    assert.equal(await client.run('STLS'), '-ERR TLS is not available');
    const { store } = fixture;
    await assert.rejects(
      startPop3Server({
        store,
        authenticator: plainAuthenticator(store),
        locks: new LocalMaildropLocks(),
        listen: { host: '127.0.0.1', port: 0 },
        isImplicitTls: true,
        tls: null,
        allowPlaintextOnLoopback: true,
        log: silentLog,
        clock: systemClock,
      }),
      /certificate/,
    );
  });
});

describe('TRANSACTION', () => {
  test('RFC 1939 §5 STAT, LIST and UIDL tell the drop, and one message of it', async () => {
    const messages = [mail('One'), DOTS, mail('Three', 'x'.repeat(70_000))];
    const user = await fixture.user(messages);
    const client = await fixture.client(user);
    const total = messages.reduce((sum, { length }) => sum + length, 0);
    assert.equal(await client.run('STAT'), `+OK 3 ${total}`);
    assert.deepEqual(
      await client.lines('LIST'),
      messages.map(({ length }, i) => `${i + 1} ${length}`),
    );
    assert.equal(await client.run('LIST 2'), `+OK 2 ${DOTS.length}`);
    const { uidValidity } = (await user.account.mailbox(user.inbox))!;
    assert.deepEqual(
      await client.lines('UIDL'),
      [1, 2, 3].map((uid) => `${uid} ${uidValidity}-${uid}`),
    );
    assert.equal(await client.run('UIDL 3'), `+OK 3 ${uidValidity}-3`);
    for (const command of ['LIST 0', 'LIST 4', 'UIDL 9999999999', 'RETR 4', 'TOP 0 1', 'DELE 4']) {
      assert.equal(await client.run(command), '-ERR No such message', command);
    }
  });

  test('RFC 1939 §5 an empty drop has empty listings', async () => {
    const client = await fixture.client(await fixture.user());
    assert.equal(await client.run('STAT'), '+OK 0 0');
    assert.equal((await client.stuffed('LIST')).toString(), '.\r\n');
    assert.equal((await client.stuffed('UIDL')).toString(), '.\r\n');
  });

  test('RFC 1939 §3 RETR stuffs dots and sends exactly the octets that LIST counts', async () => {
    const long = mail('Long', `${'.'.repeat(300)}\r\n`.repeat(3_000));
    const user = await fixture.user([DOTS, long]);
    const client = await fixture.client(user);
    const stuffed = (await client.stuffed('RETR 1')).toString();
    assert.ok(stuffed.endsWith('\r\n\r\n..one\r\n...two\r\n..\r\nthree\r\n.\r\n'));
    for (const [i, message] of [DOTS, long].entries()) {
      const octets = await client.content(`RETR ${i + 1}`);
      assert.equal(octets.toString(), message);
      assert.equal(await client.run(`LIST ${i + 1}`), `+OK ${i + 1} ${octets.length}`);
    }
  });

  test('RFC 1939 §11 bare LF goes out as CRLF and is counted so; a missing last line end is added and not counted', async () => {
    const bare = 'Subject: Bare\n\n.dot\r\nlf\n\n';
    const unfinished = 'Subject: Unfinished\r\n\r\nno end';
    const empty = 'Subject: Head only\r\n';
    const user = await fixture.user([bare, unfinished, empty]);
    const client = await fixture.client(user);
    const wire = bare.replace(/\r?\n/g, '\r\n');
    assert.deepEqual(await client.lines('LIST'), [`1 ${wire.length}`, `2 ${unfinished.length}`, `3 ${empty.length}`]);
    assert.equal(await client.run('STAT'), `+OK 3 ${wire.length + unfinished.length + empty.length}`);
    assert.equal((await client.content('RETR 1')).toString(), wire);
    assert.equal((await client.content('RETR 2')).toString(), `${unfinished}\r\n`);
    assert.equal((await client.content('RETR 3')).toString(), empty);
  });

  test('RFC 1939 §3 octets that are no text pass unchanged', async () => {
    const all = Buffer.concat([
      Buffer.from(mail('Octets', '')),
      Buffer.from(Array.from({ length: 256 }, (_, i) => i).filter((i) => i !== 10)),
      Buffer.from('\r\n'),
    ]);
    const client = await fixture.client(await fixture.user([all]));
    assert.deepEqual(await client.content('RETR 1'), all);
  });

  test('RFC 1939 §7 TOP sends the header, the blank line and the asked lines', async () => {
    const client = await fixture.client(await fixture.user([DOTS]));
    const head = DOTS.slice(0, DOTS.indexOf('\r\n\r\n') + 4);
    assert.equal((await client.content('TOP 1 0')).toString(), head);
    assert.equal((await client.content('TOP 1 2')).toString(), `${head}.one\r\n..two\r\n`);
    assert.equal((await client.content('TOP 1 1000000')).toString(), DOTS);
  });

  test('RFC 1939 §5 DELE hides a message until RSET, and numbers stay', async () => {
    const user = await fixture.user([mail('One'), mail('Two'), mail('Three')]);
    const client = await fixture.client(user);
    await client.ok('DELE 2');
    assert.equal(await client.run('DELE 2'), '-ERR No such message');
    assert.equal(await client.run('RETR 2'), '-ERR No such message');
    assert.equal(await client.run('TOP 2 0'), '-ERR No such message');
    assert.equal(await client.run('UIDL 2'), '-ERR No such message');
    assert.equal(await client.run('STAT'), `+OK 2 ${mail('One').length + mail('Three').length}`);
    assert.deepEqual(
      (await client.lines('LIST')).map((line) => line.split(' ')[0]),
      ['1', '3'],
    );
    assert.equal((await client.content('RETR 3')).toString(), mail('Three'));
    assert.match(await client.run('RSET'), /^\+OK 3 messages/);
    assert.equal((await client.content('RETR 2')).toString(), mail('Two'));
    assert.match(await client.run('NOOP'), /^\+OK/);
    await client.ok('QUIT');
    assert.equal((await user.account.uidMap(user.inbox))!.uids.length, 3);
  });

  test('RFC 1939 §6 QUIT removes what was deleted and nothing else', async () => {
    const user = await fixture.user([1, 2, 3, 4, 5].map((n) => mail(`Number ${n}`)));
    const client = await fixture.client(user);
    for (const number of [1, 3, 4]) await client.ok(`DELE ${number}`);
    assert.equal(await client.run('QUIT'), '+OK Bye, deleted messages are removed');
    assert.deepEqual([...(await user.account.uidMap(user.inbox))!.uids], [2, 5]);
    assert.equal(await client.rest(), '');
    const again = await fixture.client(user);
    const { uidValidity } = (await user.account.mailbox(user.inbox))!;
    assert.deepEqual(await again.lines('UIDL'), [`1 ${uidValidity}-2`, `2 ${uidValidity}-5`]);
  });

  test('RFC 1939 §6 without QUIT nothing is removed', async () => {
    const user = await fixture.user([mail('One')]);
    const client = await fixture.client(user);
    await client.ok('DELE 1');
    client.halfClose();
    await client.rest();
    const again = await fixture.client(user);
    assert.match(await again.run('STAT'), /^\+OK 1 /);
  });

  test('messages that IMAP marked as deleted are listed, and only QUIT of a session that deleted them removes them', async () => {
    const user = await fixture.user([mail('One'), mail('Two')]);
    await user.account.changeFlags(user.inbox, [{ from: asUid(1), to: asUid(1) }], {
      mode: 'add',
      keywords: [],
      deleted: true,
    });
    const client = await fixture.client(user);
    assert.match(await client.run('STAT'), /^\+OK 2 /);
    await client.ok('DELE 2');
    await client.ok('QUIT');
    assert.deepEqual([...(await user.account.uidMap(user.inbox))!.uids], [1]);
  });

  test('RETR leaves the flags as they are', async () => {
    const user = await fixture.user([mail('One')]);
    const client = await fixture.client(user);
    const { modseq } = await user.account.state();
    await client.stuffed('RETR 1');
    await client.ok('QUIT');
    assert.equal((await user.account.state()).modseq, modseq);
  });

  test('RFC 2449 §6.6 commands in one piece are answered in their order', async () => {
    const user = await fixture.user([mail('One'), mail('Two')]);
    const client = await fixture.stranger();
    client.send(`USER ${user.address}\r\nPASS ${PASSWORD}\r\nSTAT\r\nDELE 1\r\nNOOP\r\nLIST 2\r\nRSET\r\nQUIT\r\n`);
    client.halfClose();
    const lines = (await client.rest()).split('\r\n');
    assert.deepEqual(
      lines.map((line) => line.split(' ').slice(0, 2).join(' ')),
      ['+OK Send', '+OK 2', '+OK 2', '+OK Message', '+OK Nothing', '+OK 2', '+OK 2', '+OK Bye', ''],
    );
  });

  test('RFC 2449 §6.6 replies are not held back while half a command is there', async () => {
    const client = await fixture.client(await fixture.user([mail('One')]));
    client.send('NOOP\r\nSTAT\r\nLI');
    assert.match(await client.line(), /^\+OK Nothing/);
    assert.match(await client.line(), /^\+OK 1 /);
    assert.match(await client.run('ST 1'), /^\+OK 1 /);
  });
});
