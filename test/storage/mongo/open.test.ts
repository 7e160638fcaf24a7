import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Deferral } from '../../../src/mail/refusal.ts';
import { openMailStore } from '../../../src/storage/open-store.ts';
import { openFixture } from '../operations/store-fixture.ts';

test('eight processes may open a new database at once, and it may be opened again', { timeout: 60_000 }, async () => {
  const fixture = await openFixture();
  const { options } = fixture;
  const database = `${options.database}_many`;
  const stores = await Promise.all(Array.from({ length: 8 }, () => openMailStore({ ...options, database })));
  try {
    assert.ok((await stores[0]!.ping()) >= 0);
    const indexes = await fixture.raw().client.db(database).collection('messages').indexes();
    assert.ok(indexes.some((index) => index.unique && 'dedupe' in index.key));
  } finally {
    await Promise.all(stores.map((store) => store.close()));
    await fixture.raw().client.db(database).dropDatabase();
  }
});

test('a database of a newer schema is not touched', async () => {
  const fixture = await openFixture();
  const meta = fixture.raw().collection<{ _id: string; version: number }>('meta');
  await meta.updateOne({ _id: 'schema' }, { $inc: { version: 1 } });
  await assert.rejects(openMailStore(fixture.options), /schema 2/);
});

test('a MongoDB that is not there is a Deferral on opening', async () => {
  const fixture = await openFixture();
  const uri = 'mongodb://127.0.0.1:1/?directConnection=true';
  await assert.rejects(
    openMailStore({ ...fixture.options, uri, serverSelectionMs: 200 }),
    (error) => error instanceof Deferral && error.code === 'unavailable',
  );
});

test('what answers behind the store is told', async () => {
  const fixture = await openFixture();
  const account = await fixture.account();
  // The bell's connection stands once it tells.
  await new Promise<void>((resolve) => void account.follow(() => resolve()));
  const { mongodb, redis } = await fixture.store.describe();
  assert.match(mongodb, /^\d+\.\d+\.\d+/);
  assert.match(redis!, /^(Valkey|Redis) \d+\./);
});
