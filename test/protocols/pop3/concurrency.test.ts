import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { asUid } from '../../../src/mail/ids.ts';
import { Deferral } from '../../../src/mail/refusal.ts';
import { LocalMaildropLocks, type MaildropLocks } from '../../../src/protocols/pop3/maildrop-locks.ts';
import type { AccountStore, MailStore } from '../../../src/storage/mail-store.ts';
import { logIn, mail, openPop3Fixture, PASSWORD } from './pop3-fixture.ts';

const fixture = await openPop3Fixture();
after(() => assert.deepEqual(fixture.faults, []));

const only = (uid: number) => [{ from: asUid(uid), to: asUid(uid) }];
const DELETED = { mode: 'add', keywords: [], deleted: true } as const;
const unavailable = (): Promise<never> =>
  Promise.reject(new Deferral('unavailable', 'The mail store is not available'));

/** The store with some verbs of its accounts replaced. */
function withVerbs(change: (account: AccountStore) => Partial<AccountStore>): MailStore {
  return {
    ...fixture.store,
    openAccount: async (principal, account) => {
      const opened = await fixture.store.openAccount(principal, account);
      return { ...opened, ...change(opened) };
    },
  };
}

async function messagesOf(account: AccountStore, mailbox: Parameters<AccountStore['uidMap']>[0]): Promise<string[]> {
  const found: string[] = [];
  for await (const batch of account.messagesByUid(mailbox, [{ from: asUid(1), to: asUid(1_000) }])) {
    for (const { mailboxes } of batch) {
      const { uid, deleted } = mailboxes.find((membership) => membership.mailbox === mailbox)!;
      found.push(`${uid}${deleted ? ' \\Deleted' : ''}`);
    }
  }
  return found;
}

test('RFC 2449 §8.1.2 a second session on a drop is told [IN-USE], until the first has quit', async () => {
  const user = await fixture.user([mail('One')]);
  const first = await fixture.client(user);
  const second = await fixture.stranger();
  await second.ok(`USER ${user.address}`);
  assert.match(await second.run(`PASS ${PASSWORD}`), /^-ERR \[IN-USE\]/);
  await first.ok('QUIT');
  await logIn(second, user);
  assert.match(await second.run('STAT'), /^\+OK 1 /);
});

test('RFC 1939 §4 the lock holds over all listeners, and [IN-USE] is no failed login', async () => {
  const secure = await fixture.another({ isImplicitTls: false, limits: { failedLogins: 2 } });
  const user = await fixture.user();
  await fixture.client(user);
  const second = await fixture.stranger(secure.port);
  for (let i = 0; i < 4; i++) {
    await second.ok(`USER ${user.address}`);
    assert.match(await second.run(`PASS ${PASSWORD}`), /^-ERR \[IN-USE\]/);
  }
});

test('of many sessions that log in at once exactly one gets the drop', async () => {
  const user = await fixture.user();
  const clients = await Promise.all(Array.from({ length: 10 }, () => fixture.stranger()));
  const replies = await Promise.all(
    clients.map(async (client) => {
      await client.ok(`USER ${user.address}`);
      return client.run(`PASS ${PASSWORD}`);
    }),
  );
  assert.equal(replies.filter((reply) => reply.startsWith('+OK')).length, 1);
  assert.equal(replies.filter((reply) => reply.startsWith('-ERR [IN-USE]')).length, 9);
});

test('RFC 1939 §4 the drop stays as it was at login while mail is delivered', async () => {
  const user = await fixture.user([mail('One')]);
  const client = await fixture.client(user);
  await fixture.deliver(user, [mail('Two'), mail('Three')]);
  assert.equal(await client.run('STAT'), `+OK 1 ${mail('One').length}`);
  assert.equal((await client.lines('UIDL')).length, 1);
  assert.equal(await client.run('RETR 2'), '-ERR No such message');
  await client.ok('DELE 1');
  await client.ok('QUIT');
  assert.deepEqual(await messagesOf(user.account, user.inbox), ['2', '3']);
});

test('a message that another client expunged keeps its number, cannot be read, and does not hinder QUIT', async () => {
  const user = await fixture.user([mail('One'), mail('Two'), mail('Three')]);
  const client = await fixture.client(user);
  await user.account.changeFlags(user.inbox, only(2), DELETED);
  await user.account.expunge(user.inbox, only(2));
  assert.match(await client.run('STAT'), /^\+OK 3 /);
  assert.equal(await client.run('RETR 2'), '-ERR The message was removed by another client');
  assert.equal(await client.run('TOP 2 1'), '-ERR The message was removed by another client');
  assert.equal((await client.content('RETR 3')).toString(), mail('Three'));
  await client.ok('DELE 2');
  await client.ok('DELE 3');
  assert.match(await client.run('QUIT'), /^\+OK/);
  assert.deepEqual(await messagesOf(user.account, user.inbox), ['1']);
});

test('deletions of POP3 and of another client at the same time remove each what it named', async () => {
  const user = await fixture.user(Array.from({ length: 40 }, (_, i) => mail(`Number ${i + 1}`)));
  const client = await fixture.client(user);
  for (let message = 1; message <= 40; message += 2) await client.ok(`DELE ${message}`);
  const other = (async () => {
    for (let uid = 1; uid <= 40; uid += 4) {
      await user.account.changeFlags(user.inbox, only(uid), DELETED);
      await user.account.expunge(user.inbox, only(uid));
    }
  })();
  assert.match(await client.run('QUIT'), /^\+OK/);
  await other;
  const even = Array.from({ length: 20 }, (_, i) => String(2 * i + 2));
  assert.deepEqual(await messagesOf(user.account, user.inbox), even);
});

test('RFC 1939 §6 a QUIT that cannot be committed says -ERR, and all messages are there with their flags', async () => {
  const user = await fixture.user([mail('One'), mail('Two'), mail('Three')]);
  await user.account.changeFlags(user.inbox, only(2), DELETED);
  const server = await fixture.another({ store: withVerbs(() => ({ expunge: unavailable })) });
  const client = await logIn(await fixture.stranger(server.port), user);
  for (const message of [1, 2]) await client.ok(`DELE ${message}`);
  assert.match(await client.run('QUIT'), /^-ERR \[SYS\/TEMP\]/);
  assert.equal(await client.nextLine(), null);
  assert.deepEqual(await messagesOf(user.account, user.inbox), ['1', '2 \\Deleted', '3']);
  // The drop is free, and the same deletions go through when the store is back.
  const again = await fixture.client(user);
  for (const message of [1, 2]) await again.ok(`DELE ${message}`);
  await again.ok('QUIT');
  assert.deepEqual(await messagesOf(user.account, user.inbox), ['3']);
});

test('+OK of QUIT comes after the commit', async () => {
  const user = await fixture.user([mail('One')]);
  const steps: string[] = [];
  const server = await fixture.another({
    store: withVerbs((account) => ({
      expunge: async (mailbox, uids) => {
        const result = await account.expunge(mailbox, uids);
        steps.push('committed');
        return result;
      },
    })),
  });
  const client = await logIn(await fixture.stranger(server.port), user);
  await client.ok('DELE 1');
  await client.ok('QUIT');
  steps.push('told');
  assert.deepEqual(steps, ['committed', 'told']);
});

test('RFC 3206 §4 a store that is away is [SYS/TEMP], no failed login, and the drop is not left locked', async () => {
  const user = await fixture.user([mail('One')]);
  let isAway = true;
  const server = await fixture.another({
    store: withVerbs((account) => ({
      mailboxes: () => (isAway ? unavailable() : account.mailboxes()),
      messagesByUid: async function* (mailbox, ranges) {
        if (isAway) await unavailable();
        yield* account.messagesByUid(mailbox, ranges);
      },
    })),
    limits: { failedLogins: 1 },
  });
  const client = await fixture.stranger(server.port);
  await client.ok(`USER ${user.address}`);
  assert.match(await client.run(`PASS ${PASSWORD}`), /^-ERR \[SYS\/TEMP\]/);
  isAway = false;
  await logIn(client, user);
  isAway = true;
  assert.match(await client.run('RETR 1'), /^-ERR \[SYS\/TEMP\]/);
  isAway = false;
  assert.equal((await client.content('RETR 1')).toString(), mail('One'));
});

test('a fault of ours is answered in general words, logged once, and the session goes on', async () => {
  const user = await fixture.user([mail('One')]);
  let isBroken = true;
  const server = await fixture.another({
    store: withVerbs((account) => ({
      messagesByUid: (mailbox, ranges) => {
        if (isBroken && ranges[0]?.from === ranges[0]?.to && ranges.length === 1 && isLoggedIn)
          throw new Error('secret internals');
        return account.messagesByUid(mailbox, ranges);
      },
    })),
  });
  let isLoggedIn = false;
  const client = await logIn(await fixture.stranger(server.port), user);
  isLoggedIn = true;
  assert.equal(await client.run('RETR 1'), '-ERR [SYS/TEMP] Internal error');
  assert.equal(fixture.faults.length, 1);
  fixture.faults.length = 0;
  isBroken = false;
  assert.equal((await client.content('RETR 1')).toString(), mail('One'));
});

test('a session whose lock is lost removes nothing', async () => {
  const user = await fixture.user([mail('One')]);
  const local = new LocalMaildropLocks();
  let isLost = false;
  let isConfirmed = true;
  const locks: MaildropLocks = {
    acquire: async (account) => {
      const lease = await local.acquire(account);
      if (lease === null) return null;
      return {
        get isHeld() {
          return !isLost && lease.isHeld;
        },
        confirm: async () => isConfirmed && (await lease.confirm()),
        release: () => lease.release(),
      };
    },
  };
  const server = await fixture.another({ locks });
  const first = await logIn(await fixture.stranger(server.port), user);
  await first.ok('DELE 1');
  isConfirmed = false;
  assert.match(await first.run('QUIT'), /^-ERR \[SYS\/TEMP\] The lock/);
  const second = await logIn(await fixture.stranger(server.port), user);
  isLost = true;
  assert.match(await second.run('STAT'), /^-ERR \[SYS\/TEMP\] The lock/);
  assert.equal(await second.nextLine(), null);
  assert.deepEqual(await messagesOf(user.account, user.inbox), ['1']);
});
