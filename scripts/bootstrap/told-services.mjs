/**
 * Services that the user has told a URL for. Such a one must answer: it is never replaced by another silently.
 */

import { Halt, withoutPassword } from './say.mjs';

const answerLimitMs = 5_000;

/**
 * Asks the told MongoDB whether it can hold the mail: it must be a replica set or a sharded cluster.
 *
 * @param {string} uri
 * @returns {Promise<string>} its version
 * @throws {Halt} if it does not answer or will not do
 */
export async function checkMongodb(uri) {
  const { MongoClient } = await import('mongodb');
  const shown = withoutPassword(uri);
  let client;
  try {
    client = new MongoClient(uri, { serverSelectionTimeoutMS: answerLimitMs, connectTimeoutMS: answerLimitMs });
    const hello = await client.db('admin').command({ hello: 1 });
    if (!hello.setName && hello.msg !== 'isdbgrid') {
      throw new Halt(
        `MongoDB at ${shown} is no replica set, which transactions need: start its mongod with --replSet.`,
      );
    }
    return (await client.db('admin').command({ buildInfo: 1 })).version;
  } catch (error) {
    throw error instanceof Halt
      ? error
      : new Halt(`MongoDB at ${shown}, as told, does not answer: ${firstLine(error)}.`);
  } finally {
    await client?.close();
  }
}

/**
 * @param {string} url
 * @returns {Promise<string>} the version of the Redis or Valkey there
 * @throws {Halt} if it does not answer
 */
export async function checkRedis(url) {
  const { Redis } = await import('ioredis');
  const shown = withoutPassword(url);
  let redis;
  let cause;
  try {
    redis = new Redis(url, {
      lazyConnect: true,
      retryStrategy: () => null,
      maxRetriesPerRequest: 0,
      connectTimeout: answerLimitMs,
    });
    redis.on('error', (error) => {
      cause = error;
    });
    await redis.connect();
    const info = await redis.info('server');
    return info.match(/valkey_version:(\S+)/)?.[1] ?? info.match(/redis_version:(\S+)/)?.[1] ?? 'of unknown version';
  } catch (error) {
    throw new Halt(`Redis at ${shown}, as told, does not answer: ${firstLine(cause ?? error)}.`);
  } finally {
    redis?.disconnect();
  }
}

function firstLine(error) {
  return withoutPassword(String(error.message || error.code || error).split('\n')[0]).replace(/\.$/, '');
}
