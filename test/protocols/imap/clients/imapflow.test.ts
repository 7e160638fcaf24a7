/** imapflow lives in an account: it reads, searches, flags, moves, deletes, appends and idles. */
import assert from 'node:assert/strict';
import { once as event } from 'node:events';
import { after, test } from 'node:test';
import { ImapFlow } from 'imapflow';
import { deliver, mail, openImapFixture, PASSWORD, type User } from '../imap-fixture.ts';

const fixture = await openImapFixture();

async function flow(user: User, port: number, isTls: boolean): Promise<ImapFlow> {
  const client = new ImapFlow({
    host: '127.0.0.1',
    port,
    secure: isTls,
    tls: { rejectUnauthorized: false },
    auth: { user: user.address, pass: PASSWORD },
    logger: false,
  });
  await client.connect();
  after(() => client.close());
  return client;
}

test('imapflow over STARTTLS: folders, reading, flags, moving, deleting, appending', async () => {
  const user = await fixture.user();
  await deliver(
    fixture,
    user,
    Array.from({ length: 5 }, (_, n) => mail(`Number ${n}`, `Text ${n}`)),
  );
  const client = await flow(user, fixture.server.port!, false);
  const folders = await client.list({ statusQuery: { messages: true, unseen: true } });
  assert.deepEqual(folders.map((folder) => [folder.path, folder.specialUse, folder.status?.messages]).sort(), [
    ['Archive', '\\Archive', 0],
    ['Drafts', '\\Drafts', 0],
    ['INBOX', '\\Inbox', 5],
    ['Junk', '\\Junk', 0],
    ['Sent', '\\Sent', 0],
    ['Trash', '\\Trash', 0],
  ]);
  await client.mailboxCreate(['Größe', 'Zwei']);
  assert.ok((await client.list()).some((folder) => folder.path === 'Größe/Zwei'));
  await client.mailboxRename('Größe', 'Klein');
  await client.mailboxDelete('Klein/Zwei');

  const box = await client.mailboxOpen('INBOX');
  assert.equal(box.exists, 5);
  const listed = await client.fetchAll('1:*', {
    uid: true,
    flags: true,
    envelope: true,
    bodyStructure: true,
    size: true,
    internalDate: true,
    threadId: true,
  });
  assert.deepEqual(
    listed.map((message) => message.envelope!.subject),
    ['Number 0', 'Number 1', 'Number 2', 'Number 3', 'Number 4'],
  );
  assert.equal(listed[0]!.bodyStructure!.type, 'text/plain');
  assert.ok(listed[0]!.emailId && listed[0]!.threadId);

  const one = await client.fetchOne('2', { source: true });
  assert.ok(one && one.source!.toString().includes('Text 1'));
  const { content } = await client.download('3', '1');
  let text = '';
  for await (const piece of content!) text += String(piece);
  assert.equal(text.trim(), 'Text 2');

  await client.messageFlagsAdd('1:2', ['\\Seen', '$Forwarded']);
  assert.deepEqual(await client.search({ seen: true }), [1, 2]);
  assert.deepEqual(await client.search({ subject: 'number 3', from: 'ann' }), [4]);
  const moved = await client.messageMove('1', 'Archive');
  assert.ok(moved && moved.uidMap!.get(1) === 1);
  await client.messageDelete('1:2');
  const status = await client.status('INBOX', { messages: true });
  assert.ok(status && status.messages === 2);
  const appended = await client.append('Drafts', mail('Draft'), ['\\Draft'], new Date('2020-02-01T00:00:00Z'));
  assert.ok(appended && appended.uid === 1);
  assert.equal((await client.getQuota('INBOX')) !== undefined, true);
  await client.logout();
});

test('imapflow over TLS hears of a new message while idle', async () => {
  const user = await fixture.user();
  const client = await flow(user, fixture.server.tlsPort!, true);
  await client.mailboxOpen('INBOX');
  const heard = event(client, 'exists');
  void client.idle();
  await deliver(fixture, user, [mail('News')]);
  const [news] = (await heard) as [{ count: number }];
  assert.equal(news.count, 1);
  const flagged = event(client, 'flags');
  const other = await flow(user, fixture.server.port!, false);
  await other.mailboxOpen('INBOX');
  await other.messageFlagsAdd('1', ['\\Flagged']);
  const [flags] = (await flagged) as [{ flags: Set<string> }];
  assert.ok(flags.flags.has('\\Flagged'));
  await other.logout();
  await client.logout();
});
