/**
 * Writes what a unit of work changed, inside its transaction: only fields that differ, one command for each collection where one will do.
 * The account comes last, and only when the forecast that its lock wrote already was wrong.
 */
import { isDeepStrictEqual } from 'node:util';
import type { AnyBulkWriteOperation, ClientSession } from 'mongodb';
import type { EmailId } from '../../mail/ids.ts';
import { insertSmallBodies } from '../bodies/small-bodies.ts';
import type { Database } from '../mongo/database.ts';
import type { MailboxRow, MessageRow } from '../mongo/documents.ts';
import { BY_ID } from '../mongo/indexes.ts';
import type { WorkRow } from './message-table.ts';
import type { AccountCounters, UnitOfWork } from './unit-of-work.ts';

/** `locked` is the account as the lock has left it in this transaction. */
export async function flushRows(
  database: Database,
  session: ClientSession,
  work: UnitOfWork,
  locked: AccountCounters,
): Promise<void> {
  await flushMailboxes(database, session, work);
  await flushMessages(database, session, work);
  await insertSmallBodies(database, session, work.bodies, work.at);
  await flushSubmissions(database, session, work);
  if (work.changes.length > 0) await database.changes.insertMany(work.changes, { session });
  const $set = changedFields(locked, work.account, ACCOUNT_FIELDS);
  if ($set !== null) await database.accounts.updateOne({ _id: work.id }, { $set }, { session });
}

const ACCOUNT_FIELDS = ['modseq', 'states', 'usedBytes', 'usedMessages', 'lastUidValidity'] as const;
const MAILBOX_FIELDS = [
  'name',
  'parent',
  'role',
  'sortOrder',
  'subscribed',
  'uidValidity',
  'uidNext',
  'total',
  'unseen',
  'unread',
  'totalThreads',
  'unreadThreads',
  'size',
  'modseq',
] as const;

async function flushMailboxes(database: Database, session: ClientSession, work: UnitOfWork): Promise<void> {
  const { inserted, changed, removed } = work.mailboxDifference();
  const account = work.id;
  const operations: AnyBulkWriteOperation<MailboxRow>[] = [];
  for (const { read, now } of changed) {
    const $set = changedFields(read, now, MAILBOX_FIELDS);
    if ($set !== null)
      operations.push({ updateOne: { filter: { account, _id: now._id }, update: { $set }, hint: BY_ID } });
  }
  for (const document of inserted) operations.push({ insertOne: { document } });
  for (const _id of removed) operations.push({ deleteOne: { filter: { account, _id }, hint: BY_ID } });
  if (operations.length > 0) await database.mailboxes.bulkWrite(operations, { session, ordered: false });
}

async function flushMessages(database: Database, session: ClientSession, work: UnitOfWork): Promise<void> {
  const { inserted, changed, removed } = work.messages.table.difference();
  const account = work.id;
  if (inserted.length > 0) await database.messages.insertMany(inserted as MessageRow[], { session });
  const updates = messageUpdates(work, changed);
  if (updates.length > 0) await database.messages.bulkWrite(updates, { session, ordered: false });
  if (removed.length > 0) {
    await database.messages.deleteMany(
      { account, _id: { $in: removed.map((row) => row._id) } },
      { session, hint: BY_ID },
    );
  }
}

/** Rows that get the same keywords at the same modseq and nothing else are one update: a STORE on many messages is the common case. */
function messageUpdates(
  work: UnitOfWork,
  changed: readonly { readonly read: WorkRow; readonly now: WorkRow }[],
): AnyBulkWriteOperation<MessageRow>[] {
  const account = work.id;
  const operations: AnyBulkWriteOperation<MessageRow>[] = [];
  const alike = new Map<string, { readonly now: WorkRow; readonly ids: EmailId[] }>();
  for (const { read, now } of changed) {
    if (read.mailboxes !== now.mailboxes) {
      const $set = { modseq: now.modseq, keywords: now.keywords, mailboxes: now.mailboxes };
      operations.push({ updateOne: { filter: { account, _id: now._id }, update: { $set }, hint: BY_ID } });
      continue;
    }
    const key = `${now.modseq} ${now.keywords.join(' ')}`;
    const same = alike.get(key);
    if (same === undefined) alike.set(key, { now, ids: [now._id] });
    else same.ids.push(now._id);
  }
  for (const { now, ids } of alike.values()) {
    const $set = { modseq: now.modseq, keywords: now.keywords };
    if (ids.length === 1)
      operations.push({ updateOne: { filter: { account, _id: ids[0]! }, update: { $set }, hint: BY_ID } });
    else operations.push({ updateMany: { filter: { account, _id: { $in: ids } }, update: { $set }, hint: BY_ID } });
  }
  return operations;
}

async function flushSubmissions(database: Database, session: ClientSession, work: UnitOfWork): Promise<void> {
  const submissions = work.submissions.difference();
  if (submissions.inserted.length > 0) await database.submissions.insertMany(submissions.inserted, { session });
  for (const { now } of submissions.changed) {
    await database.submissions.replaceOne({ account: work.id, _id: now._id }, now, { session });
  }
  const queue = work.queue.difference();
  if (queue.inserted.length > 0) await database.queue.insertMany(queue.inserted, { session });
  for (const { now } of queue.changed) await database.queue.replaceOne({ _id: now._id }, now, { session });
}

/** The named fields of `now` that differ from `before`, or null. */
function changedFields<Row, Field extends keyof Row & string>(
  before: Row,
  now: Row,
  fields: readonly Field[],
): Record<string, unknown> | null {
  let set: Record<string, unknown> | null = null;
  for (const field of fields) {
    if (before[field] === now[field] || isDeepStrictEqual(before[field], now[field])) continue;
    set ??= {};
    set[field] = now[field];
  }
  return set;
}
