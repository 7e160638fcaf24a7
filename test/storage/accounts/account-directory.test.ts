import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Address, parseAddress } from '../../../src/mail/address.ts';
import { Refusal, type RefusalCode } from '../../../src/mail/refusal.ts';
import type { Clock } from '../../../src/server/clock.ts';
import { AccountDirectory, DIRECTORY_CACHE_MS } from '../../../src/storage/accounts/account-directory.ts';
import { CREDENTIAL_TTL_MS } from '../../../src/storage/accounts/verified-credentials.ts';
import { type Database, openDatabase } from '../../../src/storage/mongo/database.ts';
import { prepareDatabase } from '../../../src/storage/mongo/indexes.ts';
import { freshDatabase, mongodbUri } from '../../support/services.ts';

const name = freshDatabase();
let database: Database;
let directory: AccountDirectory;
let nowMs = Date.now();
const clock: Clock = { now: () => new Date(nowMs), wait: () => Promise.reject(new Error('nothing waits here')) };
const address = (text: string): Address => parseAddress(text)!;
const refused = (code: RefusalCode) => (error: unknown) => error instanceof Refusal && error.code === code;

before(async () => {
  database = await openDatabase({ uri: mongodbUri(), database: name });
  await prepareDatabase(database);
  directory = new AccountDirectory(database, clock);
  await directory.addDomain('Example.ORG.');
  await directory.addDomain('example.org');
});
after(() => database.client.close());

describe('accounts', () => {
  test('a new account has its mailboxes with roles, an identity, and one row in the change log', async () => {
    const info = await directory.createAccount({ address: address('Alice@example.org'), password: 'a', name: 'Alice' });
    assert.deepEqual(info.addresses, ['Alice@example.org']);
    const mailboxes = await database.mailboxes.find({ account: info.id }).toArray();
    assert.deepEqual(mailboxes.map((m) => `${m.name}:${m.role}`).sort(), [
      'Archive:archive',
      'Drafts:drafts',
      'Inbox:inbox',
      'Junk:junk',
      'Sent:sent',
      'Trash:trash',
    ]);
    assert.equal(new Set(mailboxes.map((m) => m.uidValidity)).size, 6);
    assert.ok(mailboxes.every((m) => m.subscribed && m.uidNext === 1 && m.uidValidity > 0));
    const changes = await database.changes.find({ account: info.id }).toArray();
    assert.equal(changes.length, 1);
    assert.equal(changes[0]?.modseq, 1);
    assert.deepEqual([...(changes[0]?.created?.Mailbox ?? [])].sort(), mailboxes.map((m) => m._id).sort());
    const account = await database.accounts.findOne({ _id: info.id });
    assert.deepEqual(account?.states, { Mailbox: 1, Email: 0, Thread: 0, EmailSubmission: 0, Identity: 1 });
    assert.equal((await database.identities.findOne({ account: info.id }))?.email, 'Alice@example.org');
    assert.match(account?.passwordHash ?? '', /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  });

  test('a taken address is refused, in whatever case, and nothing stays behind', async () => {
    const accounts = await database.accounts.countDocuments();
    const spec = { address: address('ALICE@example.org'), password: 'b' };
    await assert.rejects(directory.createAccount(spec), refused('alreadyExists'));
    assert.equal(await database.accounts.countDocuments(), accounts);
  });

  test('of many who take one address at once exactly one gets it', async () => {
    const spec = { address: address('race@example.org'), password: 'r' };
    const ends = await Promise.allSettled(Array.from({ length: 6 }, () => directory.createAccount(spec)));
    assert.equal(ends.filter((end) => end.status === 'fulfilled').length, 1);
    for (const end of ends) if (end.status === 'rejected') assert.ok(refused('alreadyExists')(end.reason));
  });

  test('an account of a foreign domain is refused', async () => {
    const spec = { address: address('a@elsewhere.example'), password: 'x' };
    await assert.rejects(directory.createAccount(spec), refused('notFound'));
  });

  test('pages of accounts name each once', async () => {
    await directory.createAccount({ address: address('page@example.org'), password: 'p' });
    const seen: string[] = [];
    for (let after = ''; ; ) {
      const page = await directory.listAccounts({ limit: 2, ...(after ? { after } : {}) });
      if (page.length === 0) break;
      seen.push(...page.map((a) => a.id));
      after = page[page.length - 1]!.id;
    }
    assert.equal(new Set(seen).size, seen.length);
    assert.equal(seen.length, await database.accounts.countDocuments());
  });

  test('a removed account is gone with its rows, and its address is free', async () => {
    const spec = { address: address('gone@example.org'), password: 'g' };
    const { id } = await directory.createAccount(spec);
    await directory.removeAccount(id);
    for (const rows of [database.mailboxes, database.identities, database.changes]) {
      assert.equal(await rows.countDocuments({ account: id }), 0);
    }
    assert.equal(await directory.findAccount(id), null);
    assert.equal(await directory.resolve(spec.address), null);
    await assert.rejects(directory.removeAccount(id), refused('notFound'));
    assert.ok(await directory.createAccount(spec));
  });
});

describe('resolve', () => {
  test('RFC 5233 §1 an address with +detail belongs to the one without', async () => {
    const alice = await directory.resolve(address('alice@example.org'));
    assert.equal(alice?.addresses[0], 'Alice@example.org');
    assert.equal((await directory.resolve(address('aLiCe+lists@EXAMPLE.org')))?.id, alice?.id);
    assert.equal(await directory.resolve(address('nobody+alice@example.org')), null);
  });

  test('an exact address with a plus wins', async () => {
    const plus = await directory.createAccount({ address: address('alice+own@example.org'), password: 'x' });
    assert.equal((await directory.resolve(address('alice+own@example.org')))?.id, plus.id);
  });

  test('RFC 5321 §4.5.1 postmaster falls to the first account of the domain, and to the next when that goes', async () => {
    await directory.addDomain('pm.example');
    assert.equal(await directory.resolve(address('postmaster@pm.example')), null);
    const first = await directory.createAccount({ address: address('first@pm.example'), password: 'x' });
    const second = await directory.createAccount({ address: address('second@pm.example'), password: 'x' });
    assert.equal((await directory.resolve(address('PostMaster@pm.example')))?.id, first.id);
    assert.equal((await directory.resolve(address('abuse@pm.example')))?.id, first.id);
    assert.equal(await directory.resolve(address('postmaster@other.example')), null);
    await directory.removeAccount(first.id);
    assert.equal((await directory.resolve(address('postmaster@pm.example')))?.id, second.id);
  });
});

describe('domains', () => {
  test('a domain is known under every spelling', async () => {
    await directory.addDomain('Bücher.example');
    assert.ok(await directory.isLocalDomain('bücher.EXAMPLE'));
    assert.ok(await directory.isLocalDomain('xn--bcher-kva.example'));
    assert.ok((await directory.listDomains()).includes('xn--bcher-kva.example'));
    await assert.rejects(directory.addDomain('not a domain'), refused('invalid'));
  });

  test('another process knows a new domain soon', async () => {
    const other = new AccountDirectory(database, clock);
    assert.equal(await other.isLocalDomain('late.example'), false);
    await directory.addDomain('late.example');
    assert.equal(await directory.isLocalDomain('late.example'), true);
    nowMs += DIRECTORY_CACHE_MS + 1;
    assert.equal(await other.isLocalDomain('late.example'), true);
  });
});

describe('what is remembered for a moment', () => {
  test('another process learns of a removed account within the moment, this one at once', async () => {
    const spec = address('brief@example.org');
    const { id } = await directory.createAccount({ address: spec, password: 'p' });
    const other = new AccountDirectory(database, clock);
    assert.equal((await other.resolve(spec))?.id, id);
    assert.equal(await other.isThere(id), true);
    await directory.removeAccount(id);
    assert.equal(await directory.resolve(spec), null);
    assert.equal(await directory.isThere(id), false);
    assert.equal((await other.resolve(spec))?.id, id, 'no query yet');
    nowMs += DIRECTORY_CACHE_MS + 1;
    assert.equal(await other.resolve(spec), null);
    assert.equal(await other.isThere(id), false);
  });

  test('a new account receives at once, also where its address was unknown or led elsewhere', async () => {
    const other = new AccountDirectory(database, clock);
    assert.equal(await other.resolve(address('soon@example.org')), null);
    const soon = await directory.createAccount({ address: address('soon@example.org'), password: 'p' });
    assert.equal((await other.resolve(address('soon@example.org')))?.id, soon.id);
    assert.equal((await directory.resolve(address('soon+tag@example.org')))?.id, soon.id);
    const tagged = await directory.createAccount({ address: address('soon+tag@example.org'), password: 'p' });
    assert.equal((await directory.resolve(address('soon+tag@example.org')))?.id, tagged.id);
  });
});

describe('authenticate', () => {
  test('the right password of any spelling of the address', async () => {
    const { id } = await directory.createAccount({ address: address('auth@example.org'), password: 'pässwörd' });
    assert.equal((await directory.authenticate('auth@example.org', 'pässwörd')).id, id);
    assert.equal((await directory.authenticate(' AUTH@Example.org', 'pässwörd')).id, id);
    assert.equal((await directory.authenticate('auth@example.org', 'pässwörd'.normalize('NFD'))).id, id);
  });

  for (const [user, password] of [
    ['auth@example.org', 'wrong'],
    ['auth@example.org', ''],
    ['auth@example.org', 'x'.repeat(5_000)],
    ['nobody@example.org', 'pässwörd'],
    ['no address', 'pässwörd'],
    ['', ''],
    ['auth+detail@example.org', 'pässwörd'],
  ] as const) {
    test(`'${user}' with '${password.slice(0, 10)}' is refused`, async () => {
      await assert.rejects(directory.authenticate(user, password), refused('authenticationFailed'));
    });
  }

  test('an unknown user costs an argon2 as a known one does', async () => {
    const cost = async (user: string): Promise<number> => {
      const start = process.hrtime.bigint();
      for (let i = 0; i < 5; i++) await directory.authenticate(user, `wrong ${i}`).catch(() => undefined);
      return Number(process.hrtime.bigint() - start);
    };
    await cost('auth@example.org');
    const [known, unknown] = [await cost('auth@example.org'), await cost('nobody@example.org')];
    assert.ok(unknown > known / 3, `unknown ${unknown} ns, known ${known} ns`);
  });

  test('a new password voids the old one at once, in another process too', async () => {
    const other = new AccountDirectory(database, clock);
    const { id } = await other.authenticate('auth@example.org', 'pässwörd');
    await directory.setPassword(id, 'new');
    await assert.rejects(other.authenticate('auth@example.org', 'pässwörd'), refused('authenticationFailed'));
    assert.equal((await other.authenticate('auth@example.org', 'new')).id, id);
  });

  test('a verified credential spares argon2 for its time and no longer', async () => {
    const calls = Array.from({ length: 300 }, () => directory.authenticate('auth@example.org', 'new'));
    const start = Date.now();
    await Promise.all(calls);
    // 300 times argon2 would take many seconds.
    assert.ok(Date.now() - start < 3_000);
    nowMs += CREDENTIAL_TTL_MS + 1;
    assert.ok(await directory.authenticate('auth@example.org', 'new'));
  });

  test('a disabled account is refused, verified or not', async () => {
    const { id } = await directory.authenticate('auth@example.org', 'new');
    await database.accounts.updateOne({ _id: id }, { $set: { isDisabled: true } });
    await assert.rejects(directory.authenticate('auth@example.org', 'new'), refused('authenticationFailed'));
  });
});
