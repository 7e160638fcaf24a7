/**
 * Indexes and the schema version. Safe when many processes open the same database at once: making an index that exists does nothing, and the
 * version row is written by upsert. A database of a newer version is refused: an old process must not write rows that a new one can't read.
 */
import type { IndexDescription } from 'mongodb';
import type { Database } from './database.ts';
import { COLLECTIONS } from './documents.ts';

export const SCHEMA_VERSION = 1;

/** RFC 8620 §6.1: an upload that nothing refers to is kept for at least an hour; here a day. */
export const UPLOAD_SECONDS = 24 * 3600;
/** How long the row of a finished queue entry answers "where is my mail". */
export const FINISHED_QUEUE_SECONDS = 7 * 24 * 3600;

/**
 * Hints for the queries on `messages`. Every index there begins with the account, so that the planner could take any of them for any query, and once
 * remembers a bad one: a hint is quicker and always right.
 */
export const DELETED_INDEX = 'deleted';
export const BY_UID = { account: 1, 'mailboxes.id': 1, 'mailboxes.uid': 1 } as const;
export const BY_THREAD = { account: 1, thread: 1 } as const;
export const BY_THREAD_KEY = { account: 1, threadKeys: 1, _id: -1 } as const;
export const BY_ID = { _id: 1 } as const;

/** Nothing more without need: each index is paid for by every delivery. `_id` has its own everywhere. */
const INDEXES: Readonly<Record<string, readonly IndexDescription[]>> = {
  [COLLECTIONS.accounts]: [{ key: { removedAt: 1 }, partialFilterExpression: { removedAt: { $exists: true } } }],
  [COLLECTIONS.addresses]: [{ key: { account: 1 } }],
  [COLLECTIONS.domains]: [],
  [COLLECTIONS.mailboxes]: [{ key: { account: 1, _id: 1 } }],
  [COLLECTIONS.messages]: [
    { key: { account: 1, 'mailboxes.id': 1, 'mailboxes.uid': 1 } },
    { key: { account: 1, 'mailboxes.id': 1, receivedAt: 1 } },
    { key: { account: 1, thread: 1 } },
    // Holds only messages with \Deleted somewhere: EXPUNGE and CLOSE needn't read the mailbox. A query must say `mailboxes.deleted: true` as well.
    {
      key: { account: 1, 'mailboxes.id': 1 },
      name: DELETED_INDEX,
      partialFilterExpression: { 'mailboxes.deleted': true },
    },
    // With _id, so that the newest matches of many keys are found without reading all of a much-used key.
    { key: { account: 1, threadKeys: 1, _id: -1 } },
    // For the sweep of bodies: is this one still referred to?
    { key: { 'body.id': 1 } },
    {
      key: { account: 1, dedupe: 1 },
      unique: true,
      partialFilterExpression: { dedupe: { $exists: true } },
    },
  ],
  [COLLECTIONS.changes]: [{ key: { account: 1, modseq: 1 }, unique: true }],
  [COLLECTIONS.identities]: [{ key: { account: 1, _id: 1 } }],
  [COLLECTIONS.submissions]: [{ key: { account: 1, _id: 1 } }],
  [COLLECTIONS.uploads]: [
    { key: { account: 1, _id: 1 } },
    { key: { 'body.id': 1 } },
    { key: { at: 1 }, expireAfterSeconds: UPLOAD_SECONDS },
  ],
  [COLLECTIONS.bodyFiles]: [],
  [COLLECTIONS.bodyChunks]: [{ key: { files_id: 1, n: 1 }, unique: true }],
  [COLLECTIONS.queue]: [
    { key: { due: 1 }, partialFilterExpression: { due: { $exists: true } } },
    { key: { resendDigest: 1 }, partialFilterExpression: { resendDigest: { $exists: true } } },
    { key: { 'body.id': 1 }, partialFilterExpression: { due: { $exists: true } } },
    { key: { finishedAt: 1 }, expireAfterSeconds: FINISHED_QUEUE_SECONDS },
    { key: { reportDue: 1 }, partialFilterExpression: { reportDue: { $exists: true } } },
  ],
  [COLLECTIONS.bodyAddresses]: [],
  [COLLECTIONS.bodyUnfinished]: [{ key: { at: 1 } }],
  [COLLECTIONS.meta]: [],
};

/** Makes what is missing. Throws when the database is of a newer schema. */
export async function prepareDatabase(database: Database): Promise<void> {
  const { db, meta } = database;
  await meta.updateOne({ _id: 'schema' }, { $setOnInsert: { version: SCHEMA_VERSION } }, { upsert: true });
  const row = await meta.findOne({ _id: 'schema' });
  if (row && row.version > SCHEMA_VERSION) {
    throw new Error(`the database has schema ${row.version}; this program knows up to ${SCHEMA_VERSION}`);
  }
  // A collection must exist before a transaction writes to it: making one inside takes a lock that conflicts with other writers.
  const existing = new Set((await db.listCollections({}, { nameOnly: true }).toArray()).map((c) => c.name));
  for (const [name, indexes] of Object.entries(INDEXES)) {
    if (!existing.has(name)) await createCollection(database, name);
    if (indexes.length > 0) await db.collection(name).createIndexes([...indexes]);
  }
}

async function createCollection(database: Database, name: string): Promise<void> {
  try {
    await database.db.createCollection(name);
  } catch (error) {
    if ((error as { code?: unknown }).code !== NAMESPACE_EXISTS) throw error;
  }
}
const NAMESPACE_EXISTS = 48;
