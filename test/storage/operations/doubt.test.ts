/**
 * A commit whose outcome even the server can't tell any more: the next attempt looks into the log. The session is the driver's own; only what its commit
 * answers is bent, before or after the real commit or abort.
 */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { type ClientSession, MongoServerError } from 'mongodb';
import { type Database, openDatabase } from '../../../src/storage/mongo/database.ts';
import { AccountWriter } from '../../../src/storage/operations/account-writer.ts';
import { append } from '../../../src/storage/operations/append.ts';
import { assertConsistent } from './recount.ts';
import { mailboxOfRole, messageFor, openFixture } from './store-fixture.ts';

const fixture = await openFixture();
const { uri, database: name } = fixture.options;
const database = await openDatabase({ uri, database: name });
after(() => database.client.close());

function failure(label: string): MongoServerError {
  const error = new MongoServerError({ message: 'bent', code: 251 });
  error.addErrorLabel(label);
  return error;
}

/** The first transaction's commit does `really`, then says that it can't tell; asked again, that there is no such transaction. */
function bent(really: (session: ClientSession) => Promise<void>): Database {
  let isFirst = true;
  const client = new Proxy(database.client, {
    get(target, property) {
      if (property !== 'startSession') return Reflect.get(target, property);
      return () => {
        const session = target.startSession();
        if (!isFirst) return session;
        isFirst = false;
        let asked = 0;
        session.commitTransaction = async () => {
          if (asked++ > 0) throw failure('TransientTransactionError');
          await really(session);
          throw failure('UnknownTransactionCommitResult');
        };
        return session;
      };
    },
  });
  return { ...database, client };
}

for (const [what, really, retries] of [
  ['was done', (_session: ClientSession, commit: () => Promise<void>) => commit(), 2],
  ['was not done', (session: ClientSession) => session.abortTransaction(), 2],
] as const) {
  test(`a group of which nobody can tell whether it was committed, and that ${what}, is there once`, async () => {
    const account = await fixture.account();
    const inbox = await mailboxOfRole(account, 'inbox');
    const items = await Promise.all([1, 2, 3].map(() => messageFor(fixture.store, [inbox])));
    let seen = 0;
    const told: number[] = [];
    const plain = database.client.startSession();
    const commit = Object.getPrototypeOf(plain).commitTransaction as (this: ClientSession) => Promise<void>;
    await plain.endSession();
    const writer = new AccountWriter({
      database: bent((session) => really(session, () => commit.call(session))),
      now: Date.now,
      onRetry: () => seen++,
      hooks: { committed: (_account, modseq) => told.push(modseq), queued: () => undefined },
    });
    const results = await Promise.all(items.map((item) => append(writer, account.account, [item])));
    assert.equal(seen, retries);
    assert.deepEqual(
      results.map((r) => r.messages[0]!.memberships[0]!.uid),
      [1, 2, 3],
    );
    const rows = await fixture.raw().collection('messages').find({ account: account.account }).toArray();
    assert.deepEqual(rows.map((row) => String(row._id)).sort(), results.map((r) => String(r.messages[0]!.id)).sort());
    assert.deepEqual(told, [results[2]!.modseq]);
    // What follows on the same writer counts on from there.
    const next = await append(writer, account.account, [await messageFor(fixture.store, [inbox])]);
    assert.equal(next.messages[0]!.memberships[0]!.uid, 4);
    await assertConsistent(fixture.raw(), account.account);
  });
}
