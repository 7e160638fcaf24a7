/** MongoDB that conflicts, breaks off and dies: what was answered is there, once, and the log tells of it. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Keyword } from '../../../src/mail/flags.ts';
import { asUid, type EmailId } from '../../../src/mail/ids.ts';
import { Deferral } from '../../../src/mail/refusal.ts';
import { assertConsistent } from '../operations/recount.ts';
import { type Fixture, mailboxOfRole, messageFor, openFixtureOn } from '../operations/store-fixture.ts';
import { type OwnMongod, skip, startMongod } from './own-mongod.ts';

let mongod: OwnMongod;
let fixture: Fixture & { close(): Promise<void> };

before(
  async () => {
    if (skip) return;
    mongod = await startMongod();
    fixture = await openFixtureOn({ uri: mongod.uri, database: 'faults', redisUrl: null, serverSelectionMs: 20_000 });
  },
  { timeout: 60_000 },
);
after(async () => {
  if (skip) return;
  await fixture?.close();
  await mongod?.remove();
});

const LIMIT = { skip, timeout: 120_000 };

for (const [what, data] of [
  ['a write conflict', { failCommands: ['insert'], errorCode: 112, errorLabels: ['TransientTransactionError'] }],
  [
    'a conflict on the lock',
    { failCommands: ['findAndModify'], errorCode: 112, errorLabels: ['TransientTransactionError'] },
  ],
  ['a connection lost before the commit', { failCommands: ['update'], closeConnection: true }],
  [
    'a commit that was refused',
    { failCommands: ['commitTransaction'], errorCode: 251, errorLabels: ['TransientTransactionError'] },
  ],
  ['a commit whose connection was lost', { failCommands: ['commitTransaction'], closeConnection: true }],
  [
    'a step-down at the commit',
    { failCommands: ['commitTransaction'], errorCode: 10107, errorLabels: ['RetryableWriteError'] },
  ],
] as const) {
  test(`${what} stores the message once`, LIMIT, async () => {
    const account = await fixture.account();
    const inbox = await mailboxOfRole(account, 'inbox');
    const item = await messageFor(fixture.store, [inbox]);
    await mongod.failCommand({ times: 3 }, data);
    const { messages, modseq } = await account.append([item]);
    await mongod.failCommand('off');
    assert.equal(messages[0]!.memberships[0]!.uid, 1);
    const state = await account.state();
    assert.equal(state.modseq, modseq);
    assert.equal((await account.mailbox(inbox))!.total, 1);
    await assertConsistent(fixture.raw(), account.account);
  });
}

test('a commit of which the majority is not known yet is asked for again', LIMIT, async () => {
  const account = await fixture.account();
  const inbox = await mailboxOfRole(account, 'inbox');
  const item = await messageFor(fixture.store, [inbox]);
  // The commit is carried out; its answer leaves open whether it will last.
  await mongod.failCommand(
    { times: 1 },
    { failCommands: ['commitTransaction'], writeConcernError: { code: 91, errmsg: 'shutting down' } },
  );
  const appended = account.append([item]);
  const { messages } = await appended;
  await mongod.failCommand('off');
  assert.equal(messages[0]!.isRepeat, false);
  assert.equal((await account.mailbox(inbox))!.total, 1);
  await assertConsistent(fixture.raw(), account.account);
});

test('kill -9 of MongoDB under load loses nothing that was answered and doubles nothing', LIMIT, async () => {
  const account = await fixture.account();
  const inbox = await mailboxOfRole(account, 'inbox');
  const archive = await mailboxOfRole(account, 'archive');
  const answered = new Set<EmailId>();
  const items = await Promise.all(Array.from({ length: 16 }, () => messageFor(fixture.store, [inbox])));
  let isOver = false;
  let asked = 0;
  const writers = items.map(async (item) => {
    while (!isOver) {
      asked++;
      const { messages } = await account.append([item]);
      answered.add(messages[0]!.id);
    }
  });
  const mover = (async () => {
    for (let from = 1; !isOver; from += 10) {
      const ranges = [{ from: asUid(from), to: asUid(from + 9) }];
      const { pairs } = await account.copyOrMove('move', inbox, ranges, archive);
      if (pairs.length > 0) {
        await account.changeFlags(archive, [{ from: pairs[0]!.to, to: pairs.at(-1)!.to }], {
          mode: 'add',
          keywords: ['moved' as Keyword],
          deleted: false,
        });
      }
    }
  })();
  for (let round = 0; round < 3; round++) {
    const goal = answered.size + 150;
    while (answered.size < goal) await new Promise((resolve) => setImmediate(resolve));
    await mongod.kill();
    await mongod.start();
  }
  isOver = true;
  await Promise.all([...writers, mover]);
  assert.equal(answered.size, asked);
  const rows = await fixture
    .raw()
    .collection<{ _id: EmailId }>('messages')
    .find({ account: account.account })
    .toArray();
  assert.deepEqual(new Set(rows.map((row) => row._id)), answered);
  await assertConsistent(fixture.raw(), account.account);
});

test('MOVE is all or none when MongoDB is killed in the middle of it', LIMIT, async () => {
  const account = await fixture.account();
  const inbox = await mailboxOfRole(account, 'inbox');
  const archive = await mailboxOfRole(account, 'archive');
  const sources = await Promise.all(Array.from({ length: 20 }, () => messageFor(fixture.store, [inbox])));
  for (let i = 0; i < 20; i++) await account.append(sources);
  for (let round = 0; round < 2; round++) {
    const [from, to] = round % 2 === 0 ? [inbox, archive] : [archive, inbox];
    const moving = account.copyOrMove('move', from, [{ from: asUid(1), to: asUid(2 ** 32 - 1) }], to);
    moving.catch(() => undefined);
    // As soon as it writes: the killed server forgets all of it or keeps all of it.
    await fixture.raw().command({ ping: 1 });
    await mongod.kill();
    await mongod.start();
    const counts = [(await account.mailbox(from))!.total, (await account.mailbox(to))!.total];
    assert.ok(counts.includes(400) && counts.includes(0), counts.join());
    const { pairs } = await moving;
    assert.equal(pairs.length, 400);
    assert.deepEqual([(await account.mailbox(from))!.total, (await account.mailbox(to))!.total], [0, 400]);
  }
  await assertConsistent(fixture.raw(), account.account);
});

test('a MongoDB that stays away is answered with a Deferral, and nothing was changed', LIMIT, async () => {
  const patient = await openFixtureOn({ uri: mongod.uri, database: 'faults2', redisUrl: null, serverSelectionMs: 300 });
  let offsetMs = 0;
  const hasty = await patient.anotherWith({
    clock: { now: () => new Date(Date.now() + offsetMs), wait: patient.options.clock.wait },
  });
  const made = await patient.account();
  const account = await hasty.openAccount(made.account, made.account);
  const item = await messageFor(patient.store, { role: 'inbox' });
  await mongod.kill();
  const appended = account.append([item]);
  // The time limit passes while the server is away.
  offsetMs = 31_000;
  await assert.rejects(appended, (error) => error instanceof Deferral && error.code === 'unavailable');
  await mongod.start();
  assert.equal((await made.quota()).usedMessages, 0);
  await made.append([item]);
  await assertConsistent(patient.raw(), made.account);
  await patient.close();
});
