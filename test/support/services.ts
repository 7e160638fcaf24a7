/**
 * Where tests get the real services: the runner starts one mongod and one Valkey for all and tells their URLs.
 * Each test file takes a database and a key prefix of its own, dropped at its end.
 */
import { randomBytes } from 'node:crypto';
import { after } from 'node:test';
import { MongoClient } from 'mongodb';

function told(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run the tests by \`npm test\`, which starts the services`);
  return value;
}

/** URL of the replica set of one, without a database name. */
export const mongodbUri = (): string => told('WAXWING_TEST_MONGODB_URI');
export const redisUrl = (): string => told('WAXWING_TEST_REDIS_URL');

/** A database name that no other file uses; the database is dropped when the file's tests are done. */
export function freshDatabase(): string {
  const name = `test_${randomBytes(8).toString('hex')}`;
  after(async () => {
    const client = new MongoClient(mongodbUri());
    try {
      await client.db(name).dropDatabase();
    } finally {
      await client.close();
    }
  });
  return name;
}

/** A prefix for all Redis keys and channels of one test file. */
export const freshKeyPrefix = (): string => `test:${randomBytes(8).toString('hex')}:`;
