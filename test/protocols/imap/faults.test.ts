/** The record fails under a session: a refusal in IMAP's words where there is one, never a lie, and the session goes on where it can. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Deferral } from '../../../src/mail/refusal.ts';
import type { AccountStore, MailStore } from '../../../src/storage/mail-store.ts';
import { ImapClient } from './imap-client.ts';
import { deliver, mail, openImapFixture, PASSWORD, type User } from './imap-fixture.ts';

const fixture = await openImapFixture();

/** The store, of which some verbs of every account are replaced. */
function withVerbs(
  replace: (account: AccountStore) => Partial<AccountStore>,
  more: Partial<MailStore> = {},
): MailStore {
  return {
    ...fixture.store,
    ...more,
    openAccount: async (principal, account) => {
      const opened = await fixture.store.openAccount(principal, account);
      return { ...opened, ...replace(opened) };
    },
  };
}

async function clientOf(store: MailStore, user: User): Promise<ImapClient> {
  const server = await fixture.another({}, store);
  const client = await ImapClient.connect(server.port!);
  await client.ok(`LOGIN ${user.address} "${PASSWORD}"`);
  await client.ok('SELECT INBOX');
  return client;
}

test('RFC 5530 §3 a record that is away is UNAVAILABLE, and the session lives on', async () => {
  const user = await fixture.user();
  await deliver(fixture, user, [mail('one')]);
  let isAway = true;
  const client = await clientOf(
    withVerbs((account) => ({
      changeFlags: async (...args) => {
        if (isAway) throw new Deferral('unavailable', 'The mail store is not available');
        return account.changeFlags(...args);
      },
    })),
    user,
  );
  assert.equal(
    (await client.run('STORE 1 +FLAGS (\\Seen)')).tagged,
    'NO [UNAVAILABLE] The mail store is not available',
  );
  isAway = false;
  assert.deepEqual(await client.ok('STORE 1 +FLAGS (\\Seen)'), ['* 1 FETCH (FLAGS (\\Seen))']);
});

test('a fault of ours is SERVERBUG in general words, logged once', async () => {
  const user = await fixture.user();
  const client = await clientOf(
    withVerbs(() => ({
      mailboxes: async () => {
        if (isBroken) throw new TypeError('a secret of the implementation');
        return (await fixture.store.openAccount(user.store.account, user.store.account)).mailboxes();
      },
    })),
    user,
  ).finally(() => {
    isBroken = true;
  });
  fixture.faults.length = 0;
  assert.equal((await client.run('STATUS INBOX (MESSAGES)')).tagged, 'NO [SERVERBUG] Internal error');
  assert.equal(fixture.faults.length, 1);
  isBroken = false;
  await client.ok('STATUS INBOX (MESSAGES)');
});
let isBroken = false;

test('RFC 2177 an idle session outlives a record that is away for a while, and misses nothing', async () => {
  const user = await fixture.user();
  let failures = 0;
  let isAway = false;
  const client = await clientOf(
    withVerbs((account) => ({
      changesSince: async (...args) => {
        if (!isAway) return account.changesSince(...args);
        failures += 1;
        isAway = false;
        throw new Deferral('unavailable', 'away');
      },
    })),
    user,
  );
  client.send('i IDLE\r\n');
  await client.line();
  isAway = true;
  await deliver(fixture, user, [mail('one')]);
  await deliver(fixture, user, [mail('two')]);
  const lines = await client.until(/^\* 2 EXISTS$/);
  assert.ok(lines.length <= 2);
  assert.equal(failures, 1);
  client.send('DONE\r\n');
  assert.match((await client.answerOf('i')).tagged, /^OK/);
});

test('a body that breaks off in the middle of a literal ends the connection, never the literal', async () => {
  const user = await fixture.user();
  await deliver(fixture, user, [mail('large', 'x'.repeat(300_000))]);
  const client = await clientOf(
    withVerbs(() => ({}), {
      readBody: async function* (body, range) {
        for await (const piece of fixture.store.readBody(body, range)) {
          yield piece.subarray(0, 1_000);
          throw new Error('a chunk is missing');
        }
      },
    }),
    user,
  );
  client.send('a FETCH 1 BODY.PEEK[]\r\n');
  const lines = await client.rest();
  assert.ok(!lines.some((line) => line.startsWith('a ')));
});

test('RFC 3501 §6.3.11 an APPEND that the record can’t take is refused, and the next command is understood', async () => {
  const user = await fixture.user();
  const client = await clientOf(
    withVerbs(() => ({}), {
      receiveBody: async (source) => {
        for await (const _ of source) throw new Deferral('unavailable', 'away');
        throw new Error('no octets');
      },
    }),
    user,
  );
  assert.match(await client.append('INBOX', mail('lost', 'y'.repeat(500_000))), /^NO \[UNAVAILABLE\]/);
  assert.deepEqual(await client.ok('STATUS INBOX (MESSAGES)'), ['* STATUS "INBOX" (MESSAGES 0)']);
});
