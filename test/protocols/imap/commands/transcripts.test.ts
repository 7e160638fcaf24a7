import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { ImapClient } from '../imap-client.ts';
import { deliver, mail, openImapFixture, PASSWORD } from '../imap-fixture.ts';

const fixture = await openImapFixture();
afterEach(() => assert.deepEqual(fixture.faults.splice(0), []));

test('RFC 9051 §7.1 the greeting tells the capabilities; before TLS a login is allowed on loopback alone', async () => {
  const client = ImapClient.open(fixture.server.port!);
  const greeting = await client.line();
  assert.match(greeting, /^\* OK \[CAPABILITY IMAP4rev1 .*STARTTLS.*AUTH=PLAIN.*\]/);
  assert.match((await client.ok('CAPABILITY'))[0]!, /^\* CAPABILITY IMAP4rev1 /);
  assert.equal((await client.run('SELECT INBOX')).tagged, 'BAD Log in first');
  assert.equal((await client.run('LOGOUT')).lines[0], '* BYE Logging out');
  await client.closed;
});

test('RFC 9051 §6.2.1 STARTTLS, then the capabilities change', async () => {
  const client = await ImapClient.connect(fixture.server.port!);
  await client.ok('STARTTLS');
  await client.startTls();
  const [line] = await client.ok('CAPABILITY');
  assert.ok(!line!.includes('STARTTLS'));
  assert.match((await client.run('STARTTLS')).tagged, /^BAD/);
  const user = await fixture.user();
  assert.match((await client.run(`LOGIN ${user.address} "${PASSWORD}"`)).tagged, /^OK \[CAPABILITY .*CONDSTORE/);
  await client.ok('LOGOUT');
});

test('RFC 8314 §3.2 TLS from the first octet', async () => {
  const client = await ImapClient.connect(fixture.server.tlsPort!, { isTls: true });
  const user = await fixture.user();
  await client.ok(`LOGIN ${user.address} "${PASSWORD}"`);
  await client.ok('LOGOUT');
  await client.closed;
});

test('RFC 9051 §6.2.2 AUTHENTICATE PLAIN and LOGIN, with and without initial response', async () => {
  const { address } = await fixture.user();
  const plain = Buffer.from(`\0${address}\0${PASSWORD}`).toString('base64');
  const initial = await ImapClient.connect(fixture.server.port!);
  assert.match((await initial.run(`AUTHENTICATE PLAIN ${plain}`)).tagged, /^OK \[CAPABILITY/);

  const asked = await ImapClient.connect(fixture.server.port!);
  asked.send('a AUTHENTICATE plain\r\n');
  assert.equal(await asked.line(), '+ ');
  asked.send(`${plain}\r\n`);
  assert.match((await asked.answerOf('a')).tagged, /^OK/);

  const login = await ImapClient.connect(fixture.server.port!);
  login.send('a AUTHENTICATE LOGIN\r\n');
  assert.equal(await login.line(), `+ ${Buffer.from('Username:').toString('base64')}`);
  login.send(`${Buffer.from(address).toString('base64')}\r\n`);
  assert.equal(await login.line(), `+ ${Buffer.from('Password:').toString('base64')}`);
  login.send(`${Buffer.from(PASSWORD).toString('base64')}\r\n`);
  assert.match((await login.answerOf('a')).tagged, /^OK/);

  const cancelled = await ImapClient.connect(fixture.server.port!);
  cancelled.send('a AUTHENTICATE PLAIN\r\n');
  await cancelled.line();
  cancelled.send('*\r\n');
  assert.match((await cancelled.answerOf('a')).tagged, /^BAD/);
  assert.match((await cancelled.run('AUTHENTICATE PLAIN !!!!')).tagged, /^BAD/);
  assert.match((await cancelled.run('AUTHENTICATE X-NONE')).tagged, /^NO/);
  for (const client of [initial, asked, login, cancelled]) client.destroy();
});

test('RFC 5530 §3 a wrong password is AUTHENTICATIONFAILED, the fifth ends the connection', async () => {
  const { address } = await fixture.user();
  const client = await ImapClient.connect(fixture.server.port!);
  for (const user of [address, 'nobody@example.org', address, address])
    assert.match((await client.run(`LOGIN ${user} wrong`)).tagged, /^NO \[AUTHENTICATIONFAILED\]/);
  client.send('z LOGIN x y\r\n');
  assert.match((await client.rest()).join('\n'), /\* BYE.*\nz NO \[AUTHENTICATIONFAILED\]/s);
});

test('RFC 9051 §6.3.2 SELECT and EXAMINE answer from the mailbox row', async () => {
  const user = await fixture.user();
  await deliver(fixture, user, [mail('one'), mail('two')]);
  const client = await fixture.client(user);
  const { lines, tagged } = await client.run('SELECT inbox');
  assert.equal(tagged, 'OK [READ-WRITE] Select completed');
  const text = lines.join('\n');
  for (const wanted of [
    /^\* FLAGS \(.*\\Deleted/m,
    /^\* 2 EXISTS$/m,
    /^\* 0 RECENT$/m,
    /UIDVALIDITY [1-9]/,
    /UIDNEXT 3\]/,
    /HIGHESTMODSEQ \d/,
    /PERMANENTFLAGS \(.*\\\*\)/,
  ])
    assert.match(text, wanted);
  assert.equal((await client.run('EXAMINE INBOX')).tagged, 'OK [READ-ONLY] Examine completed');
  assert.match((await client.run('STORE 1 +FLAGS (\\Seen)')).tagged, /^NO/);
  assert.match((await client.run('EXPUNGE')).tagged, /^NO/);
  await client.ok('FETCH 1 BODY[]');
  assert.deepEqual(await client.ok('FETCH 1 FLAGS'), ['* 1 FETCH (FLAGS ())']);
  assert.match((await client.run('SELECT nowhere')).tagged, /^NO \[NONEXISTENT\]/);
  assert.equal((await client.run('FETCH 1 FLAGS')).tagged, 'BAD No mailbox is selected');
});

test('RFC 9051 §6.3.9 LIST with special uses, patterns and the empty pattern', async () => {
  const client = await fixture.client(await fixture.user());
  const all = await client.ok('LIST "" "*"');
  assert.ok(all.includes('* LIST (\\HasNoChildren \\Sent) "/" "Sent"'));
  assert.equal(all[0], '* LIST (\\HasNoChildren) "/" "INBOX"');
  assert.deepEqual(await client.ok('LIST "" ""'), ['* LIST (\\Noselect) "/" ""']);
  await client.ok('CREATE "Work/Projects/One"');
  assert.deepEqual(await client.ok('LIST "" "Work%"'), ['* LIST (\\HasChildren) "/" "Work"']);
  assert.deepEqual(await client.ok('LIST Work/ %'), ['* LIST (\\HasChildren) "/" "Work/Projects"']);
  assert.equal((await client.ok('LIST "" Work/*')).length, 2);
  assert.deepEqual(await client.ok('LIST "" "&Jjo"'), []);
});

test('RFC 5258 what Thunderbird and others ask of LIST', async () => {
  const client = await fixture.client(await fixture.user());
  await client.ok('CREATE Work/One');
  await client.ok('SUBSCRIBE Work/One');
  const subscribed = await client.ok('list (subscribed) "" "*" return (special-use)');
  assert.ok(subscribed.includes('* LIST (\\HasNoChildren \\Subscribed) "/" "Work/One"'));
  assert.ok(!subscribed.some((line) => line.endsWith('"Work"')));
  assert.deepEqual(await client.ok('LIST (SUBSCRIBED RECURSIVEMATCH) "" "Wor%"'), [
    '* LIST (\\HasChildren) "/" "Work" ("CHILDINFO" ("SUBSCRIBED"))',
  ]);
  assert.match((await client.run('LIST (RECURSIVEMATCH) "" "*"')).tagged, /^BAD/);
  assert.deepEqual(await client.ok('LIST (SPECIAL-USE) "" (Junk Work Trash)'), [
    '* LIST (\\HasNoChildren \\Junk) "/" "Junk"',
    '* LIST (\\HasNoChildren \\Trash) "/" "Trash"',
  ]);
  const status = await client.ok('LIST "" INBOX RETURN (SUBSCRIBED CHILDREN STATUS (MESSAGES UNSEEN))');
  assert.equal(status[1], '* STATUS "INBOX" (MESSAGES 0 UNSEEN 0)');
  assert.match((await client.run('LIST "" "*" RETURN (NONSENSE)')).tagged, /^BAD/);
  assert.ok((await client.ok('LSUB "" "*"')).includes('* LSUB () "/" "Work/One"'));
  assert.ok((await client.ok('LSUB "" "%"')).includes('* LSUB (\\Noselect) "/" "Work"'));
  await client.ok('UNSUBSCRIBE Work/One');
  assert.ok(!(await client.ok('LSUB "" "*"')).includes('* LSUB () "/" "Work/One"'));
});

test('RFC 9051 §6.3.4 to §6.3.6 CREATE, DELETE, RENAME and their refusals', async () => {
  const user = await fixture.user();
  const client = await fixture.client(user);
  assert.match((await client.run('CREATE A/B/')).tagged, /^OK \[MAILBOXID \(m/);
  assert.match((await client.run('CREATE A/B')).tagged, /^NO \[ALREADYEXISTS\]/);
  assert.match((await client.run('CREATE inbox')).tagged, /^NO \[ALREADYEXISTS\]/);
  assert.match((await client.run('CREATE "A//B"')).tagged, /^NO \[CANNOT\]/);
  assert.match((await client.run('CREATE "A&Jjo"')).tagged, /^NO \[CANNOT\]/);
  assert.match((await client.run('CREATE "a*"')).tagged, /^NO \[CANNOT\]/);
  assert.match((await client.run('DELETE A')).tagged, /^NO \[HASCHILDREN\]/);
  assert.match((await client.run('DELETE INBOX')).tagged, /^NO \[CANNOT\]/);
  assert.match((await client.run('DELETE nowhere')).tagged, /^NO \[NONEXISTENT\]/);
  assert.match((await client.run('RENAME A A/B/C')).tagged, /^NO \[CANNOT\]/);
  await client.ok('RENAME A X/Y');
  assert.deepEqual(
    (await client.ok('LIST "" X*')).map((line) => line.split('"/" ')[1]),
    ['"X"', '"X/Y"', '"X/Y/B"'],
  );
  assert.match((await client.run('RENAME X INBOX')).tagged, /^NO \[ALREADYEXISTS\]/);
  await client.ok('CREATE "Entw&APw-rfe"');
  assert.equal((await client.ok('LIST "" Entw*')).length, 1);
  await client.ok('DELETE X/Y/B');
  await client.ok('CREATE Q (USE (\\Important))');
  assert.match((await client.ok('LIST "" Q')).join(''), /\\Important/);
  assert.match((await client.run('CREATE R (USE (\\Nonsense))')).tagged, /^NO \[USEATTR\]/);
});

test('RFC 9051 §6.3.6 renaming INBOX moves its messages and leaves it', async () => {
  const user = await fixture.user();
  await deliver(fixture, user, [mail('one'), mail('two')]);
  const client = await fixture.client(user);
  await client.ok('RENAME INBOX Old/Mail');
  assert.deepEqual(await client.ok('STATUS INBOX (MESSAGES)'), ['* STATUS "INBOX" (MESSAGES 0)']);
  assert.deepEqual(await client.ok('STATUS Old/Mail (MESSAGES)'), ['* STATUS "Old/Mail" (MESSAGES 2)']);
});

test('RFC 9051 §6.3.11 STATUS', async () => {
  const user = await fixture.user();
  await deliver(fixture, user, [mail('one'), mail('two')]);
  const client = await fixture.client(user, 'INBOX');
  await client.ok('STORE 1 +FLAGS.SILENT (\\Seen \\Deleted)');
  const [line] = await client.ok(
    'STATUS INBOX (MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN SIZE DELETED DELETED-STORAGE HIGHESTMODSEQ APPENDLIMIT MAILBOXID)',
  );
  assert.match(
    line!,
    /MESSAGES 2 RECENT 0 UIDNEXT 3 UIDVALIDITY \d+ UNSEEN 1 SIZE \d{3} DELETED 1 DELETED-STORAGE \d{3} HIGHESTMODSEQ \d+ APPENDLIMIT 52428800 MAILBOXID \(m/,
  );
  assert.match((await client.run('STATUS nowhere (MESSAGES)')).tagged, /^NO \[NONEXISTENT\]/);
  assert.match((await client.run('STATUS INBOX (NONSENSE)')).tagged, /^BAD/);
});

test('RFC 9051 §6.4.5 FETCH with every item', async () => {
  const user = await fixture.user();
  const message = mail('Items', 'Line one\r\nLine two');
  await deliver(fixture, user, [message]);
  const client = await fixture.client(user, 'INBOX');
  const [all] = await client.ok(
    'FETCH 1 (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODY BODYSTRUCTURE MODSEQ EMAILID THREADID)',
  );
  assert.match(
    all!,
    /^\* 1 FETCH \(UID 1 FLAGS \(\) INTERNALDATE "24-Nov-2026 12:00:00 \+0000" RFC822.SIZE \d+ ENVELOPE \("Tue, 24 Nov 2026 10:00:00 \+0100" "Items" \(\("Ann" NIL "ann" "example.net"\)\).* BODY \("text" "plain" .* 20 2\) BODYSTRUCTURE \(.* 20 2 NIL NIL NIL NIL\) MODSEQ \(\d+\) EMAILID \(e.*\) THREADID \(t.*\)\)$/,
  );
  assert.deepEqual(await client.ok('FETCH 1 BODY.PEEK[]'), [`* 1 FETCH (BODY[] {${message.length}}\r\n${message})`]);
  assert.deepEqual(await client.ok('FETCH 1 BODY.PEEK[TEXT]<5.10>'), [
    '* 1 FETCH (BODY[TEXT]<5> {10}\r\none\r\nLine )',
  ]);
  assert.deepEqual(await client.ok('FETCH 1 (BODY.PEEK[HEADER.FIELDS (SUBJECT)] BODY.PEEK[2] BODY.PEEK[1]<1000.5>)'), [
    '* 1 FETCH (BODY[HEADER.FIELDS (SUBJECT)] {18}\r\nSubject: Items\r\n\r\n BODY[2] NIL BODY[1]<1000> {0}\r\n)',
  ]);
  assert.deepEqual(await client.ok('FETCH 1 FLAGS'), ['* 1 FETCH (FLAGS ())']);
  // RFC 9051 §6.4.5: \Seen is set by BODY[], and told once.
  assert.match(
    (await client.ok('UID FETCH 1 BODY[TEXT]')).join(),
    /^\* 1 FETCH \(UID 1 BODY\[TEXT\] \{20\}\r\nLine one\r\nLine two\r\n FLAGS \(\\Seen\)\)$/,
  );
  assert.match((await client.ok('FETCH 1 RFC822')).join(), /^\* 1 FETCH \(RFC822 \{\d+\}\r\nFrom: .*\)$/s);
  assert.match(
    (await client.ok('FETCH 1 (RFC822.HEADER RFC822.TEXT)')).join(),
    /RFC822.HEADER \{\d+\}\r\nFrom: .* RFC822.TEXT \{20\}/s,
  );
  assert.match((await client.ok('FETCH 1 FULL')).join(), /FLAGS \(\\Seen\) INTERNALDATE .* BODY \(/);
  assert.deepEqual(
    await client.ok('UID FETCH 2:99 FLAGS'),
    ['* 1 FETCH (UID 1 FLAGS (\\Seen))'.replace(/^.*$/, '')].filter(Boolean),
  );
  assert.deepEqual(await client.ok('UID FETCH 2:* FLAGS'), ['* 1 FETCH (UID 1 FLAGS (\\Seen))']);
  assert.match((await client.run('FETCH 2 FLAGS')).tagged, /^BAD/);
  assert.match((await client.run('FETCH 1 NONSENSE')).tagged, /^BAD/);
});

test('RFC 9051 §6.4.5 octets are given back exactly, 8-bit, NUL and odd line ends too, large ones streamed', async () => {
  const user = await fixture.user();
  const client = await fixture.client(user);
  const odd = Buffer.concat([
    Buffer.from('Subject: odd\n\nbare\nlf\rcr'),
    Buffer.from([0, 1, 128, 255]),
    Buffer.from('no end'),
  ]);
  const large = Buffer.concat([Buffer.from('Subject: large\r\n\r\n'), Buffer.alloc(3_000_000, 'abcdefghi\r\n')]);
  for (const octets of [odd, large]) assert.match(await client.append('INBOX', octets), /^OK \[APPENDUID/);
  await client.ok('SELECT INBOX');
  const replies = await client.ok('FETCH 1:2 BODY.PEEK[]');
  for (const [i, octets] of [odd, large].entries())
    assert.equal(replies[i], `* ${i + 1} FETCH (BODY[] {${octets.length}}\r\n${octets.toString('latin1')})`);
  assert.equal(
    (await client.ok('FETCH 2 BODY.PEEK[TEXT]<2000000.12>'))[0],
    `* 2 FETCH (BODY[TEXT]<2000000> {12}\r\n${large.subarray(18).toString('latin1', 2_000_000, 2_000_012)})`,
  );
});

test('RFC 9051 §6.4.6 STORE adds, removes, replaces; its own change is told once, and not at all when silent', async () => {
  const user = await fixture.user();
  await deliver(fixture, user, [mail('one'), mail('two')]);
  const client = await fixture.client(user, 'INBOX');
  assert.deepEqual(await client.ok('STORE 1 +FLAGS (\\Seen $Forwarded)'), ['* 1 FETCH (FLAGS (\\Seen $Forwarded))']);
  assert.deepEqual(await client.ok('NOOP'), []);
  assert.deepEqual(await client.ok('STORE 1 -FLAGS \\Seen'), ['* 1 FETCH (FLAGS ($Forwarded))']);
  assert.deepEqual(await client.ok('UID STORE 1:* FLAGS.SILENT (\\Deleted \\Flagged)'), []);
  assert.deepEqual(await client.ok('NOOP'), []);
  assert.deepEqual(await client.ok('FETCH 1:2 FLAGS'), [
    '* 1 FETCH (FLAGS (\\Deleted \\Flagged))',
    '* 2 FETCH (FLAGS (\\Deleted \\Flagged))',
  ]);
  assert.deepEqual(await client.ok('UID STORE 2 FLAGS ()'), ['* 2 FETCH (UID 2 FLAGS ())']);
  assert.match((await client.run('STORE 1 +FLAGS (\\Nonsense)')).tagged, /^BAD/);
  assert.match((await client.run(`STORE 1 +FLAGS (${'k'.repeat(300)})`)).tagged, /^NO/);
  assert.match((await client.run('STORE 3 +FLAGS (\\Seen)')).tagged, /^BAD/);
});

test('RFC 7162 §3.1 CONDSTORE: CHANGEDSINCE, UNCHANGEDSINCE, MODIFIED, MODSEQ', async () => {
  const user = await fixture.user();
  await deliver(fixture, user, [mail('one'), mail('two'), mail('three')]);
  const client = await fixture.client(user);
  const selected = (await client.ok('SELECT INBOX (CONDSTORE)')).join('\n');
  const highest = Number(/HIGHESTMODSEQ (\d+)/.exec(selected)![1]);
  const [changed] = await client.ok('STORE 2 +FLAGS (\\Seen)');
  const modseq = Number(/^\* 2 FETCH \(UID 2 FLAGS \(\\Seen\) MODSEQ \((\d+)\)\)$/.exec(changed!)![1]);
  assert.ok(modseq > highest);
  assert.deepEqual(await client.ok(`UID FETCH 1:* (FLAGS) (CHANGEDSINCE ${highest})`), [
    `* 2 FETCH (UID 2 FLAGS (\\Seen) MODSEQ (${modseq}))`,
  ]);
  const conflict = await client.run(`STORE 1:3 (UNCHANGEDSINCE ${highest}) +FLAGS.SILENT (\\Flagged)`);
  assert.equal(conflict.tagged, 'OK [MODIFIED 2] Conditional STORE failed for some');
  assert.deepEqual(
    conflict.lines.map((line) => line.replace(/\d+\)\)$/, 'N))')),
    ['* 1 FETCH (UID 1 MODSEQ (N))', '* 3 FETCH (UID 3 MODSEQ (N))'],
  );
  assert.match((await client.ok(`SEARCH MODSEQ ${modseq + 1}`))[0]!, /^\* SEARCH 1 3 \(MODSEQ \d+\)$/);
  assert.match(
    (await client.ok(`SEARCH RETURN (MIN COUNT) MODSEQ "/flags/\\\\Seen" all ${modseq}`))[0]!,
    /^\* ESEARCH \(TAG "t\d+"\) MIN 1 COUNT 3 MODSEQ \d+$/,
  );
  assert.match((await client.run('UID STORE 2 (UNCHANGEDSINCE 0) +FLAGS (\\Draft)')).tagged, /^OK \[MODIFIED 2\]/);
  assert.deepEqual(await client.ok('ENABLE CONDSTORE NONSENSE'), ['* ENABLED']);
});

test('RFC 9051 §6.4.7 and RFC 6851 COPY, MOVE and their UIDs', async () => {
  const user = await fixture.user();
  await deliver(fixture, user, [mail('one'), mail('two'), mail('three')]);
  const client = await fixture.client(user, 'INBOX');
  assert.match((await client.run('COPY 1,3 Archive')).tagged, /^OK \[COPYUID \d+ 1,3 1:2\]/);
  assert.match((await client.run('COPY 1 nowhere')).tagged, /^NO \[TRYCREATE\]/);
  const moved = await client.run('UID MOVE 1:2 Trash');
  assert.match(moved.lines[0]!, /^\* OK \[COPYUID \d+ 1:2 1:2\]/);
  assert.deepEqual(moved.lines.slice(1), ['* 2 EXPUNGE', '* 1 EXPUNGE']);
  assert.deepEqual(await client.ok('FETCH 1 UID'), ['* 1 FETCH (UID 3)']);
  assert.match((await client.run('UID COPY 77 Archive')).tagged, /^OK/);
  // A copy into the same mailbox is a message of its own.
  assert.deepEqual((await client.run('COPY 1 INBOX')).lines, ['* 2 EXISTS']);
});

test('RFC 9051 §6.4.3 EXPUNGE, UID EXPUNGE and CLOSE', async () => {
  const user = await fixture.user();
  await deliver(
    fixture,
    user,
    ['1', '2', '3', '4', '5'].map((n) => mail(n)),
  );
  const client = await fixture.client(user, 'INBOX');
  await client.ok('STORE 1,2,4 +FLAGS.SILENT (\\Deleted)');
  assert.deepEqual(await client.ok('UID EXPUNGE 2:3'), ['* 2 EXPUNGE']);
  assert.deepEqual(await client.ok('EXPUNGE'), ['* 3 EXPUNGE', '* 1 EXPUNGE']);
  assert.deepEqual(await client.ok('EXPUNGE'), []);
  await client.ok('STORE 1 +FLAGS (\\Deleted)');
  assert.deepEqual(await client.ok('CLOSE'), []);
  assert.match((await client.ok('SELECT INBOX')).join('\n'), /^\* 1 EXISTS/m);
  await client.ok('STORE 1 +FLAGS (\\Deleted)');
  await client.ok('UNSELECT');
  assert.match((await client.ok('SELECT INBOX')).join('\n'), /^\* 1 EXISTS/m);
});

test('RFC 9051 §6.4.4 SEARCH with every key', async () => {
  const user = await fixture.user();
  const client = await fixture.client(user);
  const message = (subject: string, text: string, more: string[] = []) => mail(subject, text, more);
  await client.append('INBOX', message('Überraschung', 'the quick fox'), '\\Seen');
  await client.append(
    'INBOX',
    message('plain', 'lazy DOG', ['X-Spam: yes', 'Cc: carol@example.com']),
    '\\Flagged work',
  );
  await client.run(
    Buffer.from(`APPEND INBOX (\\Answered) " 1-Feb-2020 10:00:00 +0000" {${mail('old').length}+}\r\n${mail('old')}`),
  );
  await client.ok('SELECT INBOX');
  const cases: [string, string][] = [
    ['ALL', '1 2 3'],
    ['SEEN', '1'],
    ['UNSEEN', '2 3'],
    ['FLAGGED', '2'],
    ['ANSWERED', '3'],
    ['UNANSWERED', '1 2'],
    ['DELETED', ''],
    ['UNDELETED', '1 2 3'],
    ['DRAFT', ''],
    ['KEYWORD work', '2'],
    ['UNKEYWORD WORK', '1 3'],
    ['RECENT', ''],
    ['NEW', ''],
    ['OLD', '1 2 3'],
    ['2:*', '2 3'],
    ['UID 1,3', '1 3'],
    ['NOT 2', '1 3'],
    ['OR SEEN FLAGGED', '1 2'],
    ['(UNSEEN NOT FLAGGED)', '3'],
    ['FROM ann', '1 2 3'],
    ['TO bob@', '1 2 3'],
    ['CC carol', '2'],
    ['BCC nobody', ''],
    ['SUBJECT plain', '2'],
    ['CHARSET UTF-8 SUBJECT {13+}\r\nüberraschung', '1'],
    ['BODY "quick fox"', '1'],
    ['BODY dog', '2'],
    ['TEXT X-Spam', '2'],
    ['HEADER X-Spam yes', '2'],
    ['HEADER X-Spam ""', '2'],
    ['BEFORE 2-Feb-2020', '3'],
    ['ON 1-Feb-2020', '3'],
    ['SINCE 2-Feb-2020', '1 2'],
    ['SENTON 24-Nov-2026', '1 2 3'],
    ['SENTBEFORE 24-Nov-2026', ''],
    ['SENTSINCE 24-Nov-2026', '1 2 3'],
    ['LARGER 1', '1 2 3'],
    ['SMALLER 1', ''],
    ['YOUNGER 3600', '1 2'],
    ['OLDER 3600', '3'],
  ];
  for (const [keys, expected] of cases) {
    const lines = await client.ok(`SEARCH ${keys}`);
    assert.deepEqual(lines, [`* SEARCH${expected === '' ? '' : ` ${expected}`}`], keys);
  }
  assert.deepEqual(await client.ok('UID SEARCH RETURN (MIN MAX COUNT ALL) UNSEEN'), [
    '* ESEARCH (TAG "t41") UID MIN 2 MAX 3 ALL 2:3 COUNT 2'.replace('t41', `t${(await tagNow(client)) - 1}`),
  ]);
  assert.match((await client.run('SEARCH CHARSET X-UNKNOWN ALL')).tagged, /^NO \[BADCHARSET/);
  assert.match((await client.run('SEARCH NONSENSE')).tagged, /^BAD/);
  assert.match((await client.run('SEARCH')).tagged, /^BAD/);
});

async function tagNow(client: ImapClient): Promise<number> {
  const { lines } = await client.run('SEARCH RETURN () ALL');
  return Number(/TAG "t(\d+)"/.exec(lines[0]!)![1]);
}

test('RFC 9051 §6.3.12 and RFC 3502 APPEND of one and of many, with flags and dates, all or none', async () => {
  const user = await fixture.user();
  const client = await fixture.client(user, 'INBOX');
  const one = mail('one');
  const answer = await client.run(
    Buffer.from(`APPEND INBOX (\\Seen \\Deleted work) "17-Jul-1996 02:44:25 -0700" {${one.length}+}\r\n${one}`),
  );
  assert.match(answer.tagged, /^OK \[APPENDUID \d+ 1\]/);
  assert.equal(answer.lines[0], '* 1 EXISTS');
  assert.deepEqual(await client.ok('FETCH 1 (FLAGS INTERNALDATE)'), [
    '* 1 FETCH (FLAGS (\\Deleted \\Seen work) INTERNALDATE "17-Jul-1996 09:44:25 +0000")',
  ]);
  const many = await client.run(
    Buffer.from(`APPEND INBOX {${one.length}+}\r\n${one} (\\Flagged) {${one.length}+}\r\n${one}`),
  );
  assert.match(many.tagged, /^OK \[APPENDUID \d+ 2:3\]/);
  // A synchronizing literal is asked for only when it will be taken.
  assert.match((await client.run('APPEND nowhere {10}')).tagged, /^NO \[TRYCREATE\]/);
  assert.match((await client.run('APPEND INBOX {99999999999}')).tagged, /^NO \[TOOBIG\]/);
  assert.match((await client.run('APPEND INBOX (\\Nonsense) {10}')).tagged, /^BAD/);
  assert.match((await client.run('APPEND INBOX {0+}\r\n')).tagged, /^NO/);
  assert.match((await client.run('APPEND nowhere {3+}\r\nabc')).tagged, /^NO \[TRYCREATE\]/);
  assert.match((await client.run(Buffer.from(`APPEND INBOX {${one.length}+}\r\n${one} {0+}\r\n`))).tagged, /^NO/);
  assert.match((await client.run('APPEND INBOX {3+}\r\nabc nonsense')).tagged, /^BAD/);
  assert.deepEqual(await client.ok('NOOP'), []);
  client.send(`z APPEND INBOX {${one.length}}\r\n`);
  assert.match(await client.line(), /^\+ /);
  client.send(`${one}\r\n`);
  assert.match((await client.answerOf('z')).tagged, /^OK/);
});

test('RFC 5530 §3 a full account is OVERQUOTA; RFC 9208 tells its limits', async () => {
  const user = await fixture.user({ maxBytes: 2_048, maxMessages: 10 });
  const client = await fixture.client(user);
  assert.match(await client.append('INBOX', mail('fits')), /^OK/);
  assert.match(await client.append('INBOX', mail('large', 'x'.repeat(3_000))), /^NO \[OVERQUOTA\]/);
  assert.deepEqual(await client.ok('GETQUOTAROOT INBOX'), [
    '* QUOTAROOT "INBOX" Account',
    '* QUOTA Account (STORAGE 1 2 MESSAGE 1 10)',
  ]);
  assert.match((await client.run('GETQUOTA nothing')).tagged, /^NO/);
  const unlimited = await fixture.client(await fixture.user());
  assert.deepEqual(await unlimited.ok('GETQUOTAROOT INBOX'), ['* QUOTAROOT "INBOX"']);
});

test('RFC 2177 IDLE tells deliveries, flags and expunges of others at once', async () => {
  const user = await fixture.user();
  await deliver(fixture, user, [mail('one')]);
  const idler = await fixture.client(user, 'INBOX');
  const other = await fixture.client(user, 'INBOX');
  idler.send('i IDLE\r\n');
  assert.equal(await idler.line(), '+ idling');
  await deliver(fixture, user, [mail('two')]);
  assert.equal(await idler.line(), '* 2 EXISTS');
  await other.ok('STORE 1 +FLAGS (\\Flagged \\Deleted)');
  assert.equal(await idler.line(), '* 1 FETCH (FLAGS (\\Deleted \\Flagged))');
  await other.ok('EXPUNGE');
  assert.equal(await idler.line(), '* 1 EXPUNGE');
  idler.send('DONE\r\n');
  assert.equal((await idler.answerOf('i')).tagged, 'OK Idle completed');
  idler.send('j IDLE\r\n');
  await idler.line();
  idler.send('j2 NOOP\r\n');
  assert.match((await idler.answerOf('j')).tagged, /^BAD/);
});

test('RFC 9051 §7.5.1 no EXPUNGE during FETCH, STORE and SEARCH by number; with UID and NOOP it comes', async () => {
  const user = await fixture.user();
  await deliver(
    fixture,
    user,
    ['1', '2', '3'].map((n) => mail(n)),
  );
  const reader = await fixture.client(user, 'INBOX');
  const other = await fixture.client(user, 'INBOX');
  await reader.ok('FETCH 1:3 UID');
  await other.ok('STORE 2 +FLAGS.SILENT (\\Deleted)');
  await other.ok('EXPUNGE');
  const { lines, tagged } = await reader.run('FETCH 1:3 UID');
  assert.deepEqual(
    lines.filter((line) => !line.includes('EXPUNGE')),
    lines,
  );
  assert.match(tagged, /^OK \[EXPUNGEISSUED\]/);
  assert.ok(!(await reader.ok('STORE 3 +FLAGS (\\Seen)')).some((line) => line.includes('EXPUNGE')));
  assert.deepEqual(await reader.ok('SEARCH ALL'), ['* SEARCH 1 3']);
  assert.ok((await reader.ok('NOOP')).includes('* 2 EXPUNGE'));
  assert.deepEqual(await reader.ok('SEARCH ALL'), ['* SEARCH 1 2']);
});

test('a mailbox that is deleted under a session ends it, deleting one’s own selected mailbox leaves it', async () => {
  const user = await fixture.user();
  const first = await fixture.client(user);
  await first.ok('CREATE Gone');
  await first.ok('SELECT Gone');
  const second = await fixture.client(user, 'Gone');
  await first.ok('DELETE Gone');
  assert.equal((await first.run('FETCH 1 FLAGS')).tagged, 'BAD No mailbox is selected');
  second.send('x NOOP\r\n');
  assert.match((await second.rest()).join('\n'), /\* BYE Selected mailbox was deleted/);
});

test('RFC 2971 ID, RFC 2342 NAMESPACE, CHECK and unknown commands', async () => {
  const client = await fixture.client(await fixture.user(), 'INBOX');
  assert.match((await client.ok('ID ("name" "test" "version" NIL)'))[0]!, /^\* ID \("name" "Waxwing"/);
  assert.match((await client.ok('ID NIL'))[0]!, /^\* ID \(/);
  assert.deepEqual(await client.ok('NAMESPACE'), ['* NAMESPACE (("" "/")) NIL NIL']);
  assert.deepEqual(await client.ok('CHECK'), []);
  assert.equal((await client.run('XYZZY')).tagged, 'BAD Unknown command');
  assert.equal((await client.run('UID NOOP')).tagged, 'BAD Unknown command');
  assert.match((await client.run('NOOP extra')).tagged, /^BAD/);
  assert.match((await client.run('LOGIN a b')).tagged, /^BAD Already/);
});
