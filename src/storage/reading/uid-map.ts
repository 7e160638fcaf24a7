/**
 * The UIDs of a mailbox at one modseq, without holding more than four octets for each.
 *
 * Promise: whoever takes the map and follows the change log from its modseq misses nothing. Where no UID is missing (uidNext - 1 == total), which is
 * what most mailboxes look like, no message row is read; else the rows are read in one snapshot with the counters.
 */
import type { AggregateOptions, ClientSession, Filter } from 'mongodb';
import type { AccountId, MailboxId, Uid } from '../../mail/ids.ts';
import { asModseq } from '../../mail/ids.ts';
import type { UidMap } from '../model.ts';
import type { Database } from '../mongo/database.ts';
import type { MailboxRow, MessageRow } from '../mongo/documents.ts';
import { orUnavailable } from '../mongo/transaction.ts';

/** UIDs that the server packs into one document: far below 16 MB. */
const PACK = 100_000;
export const UID_INDEX = { account: 1, 'mailboxes.id': 1, 'mailboxes.uid': 1 } as const;

/** Null: no such mailbox. */
export async function uidMap(database: Database, account: AccountId, mailbox: MailboxId): Promise<UidMap | null> {
  return orUnavailable(async () => {
    // The account first: the mailbox as it is read then is at least as young, and either unchanged since or tells its own modseq.
    const atFirst = await accountModseq(database, account);
    const row = await database.mailboxes.findOne({ account, _id: mailbox }, { projection: ROW });
    if (atFirst === null || row === null) return null;
    if (isDense(row)) return { modseq: asModseq(Math.max(atFirst, row.modseq)), uids: ascending(row.total) };
    return database.client.withSession({ snapshot: true }, (session) => readMap(database, account, mailbox, session));
  });
}

const ROW = { uidNext: 1, total: 1, modseq: 1 } as const;
/**
 * The driver takes the session's snapshot only where the operation doesn't have the client's read concern; and it writes the time into the object
 * that it is given, so each operation gets its own.
 */
const snapshotOf = (session: ClientSession) => ({ session, readConcern: { level: 'snapshot' } }) as const;
const isDense = (row: Pick<MailboxRow, 'total' | 'uidNext'>): boolean => row.total === row.uidNext - 1;

async function accountModseq(database: Database, account: AccountId, session?: ClientSession): Promise<number | null> {
  const options = { projection: { modseq: 1 }, ...(session && snapshotOf(session)) };
  return (await database.accounts.findOne({ _id: account }, options))?.modseq ?? null;
}

async function readMap(
  database: Database,
  account: AccountId,
  mailbox: MailboxId,
  session: ClientSession,
): Promise<UidMap | null> {
  const modseq = await accountModseq(database, account, session);
  const row = await database.mailboxes.findOne({ account, _id: mailbox }, { ...snapshotOf(session), projection: ROW });
  if (modseq === null || row === null) return null;
  if (isDense(row)) return { modseq: asModseq(modseq), uids: ascending(row.total) };
  const packs = packedUids(
    database,
    mailbox,
    { account, mailboxes: { $elemMatch: { id: mailbox } } },
    {
      ...snapshotOf(session),
      hint: UID_INDEX,
    },
  );
  const uids = new Uint32Array(row.total);
  let count = 0;
  for await (const pack of packs) {
    if (count + pack.length > row.total) throw new Error(`mailbox ${mailbox}: more messages than its total`);
    uids.set(pack, count);
    count += pack.length;
  }
  if (count !== row.total) throw new Error(`mailbox ${mailbox}: ${count} messages, its total is ${row.total}`);
  // The index gives them in order; where that is so this costs next to nothing.
  return { modseq: asModseq(modseq), uids: isAscending(uids) ? uids : uids.sort() };
}

/**
 * The UIDs in `mailbox` of the rows that match, packed by the server: a hundred thousand cost one document, not as many. Packs ascend; within a pack
 * the order is that of the index.
 */
export async function* packedUids(
  database: Pick<Database, 'messages'>,
  mailbox: MailboxId,
  filter: Filter<MessageRow>,
  options: AggregateOptions,
): AsyncGenerator<readonly Uid[], void, undefined> {
  const own = { $first: { $filter: { input: '$mailboxes', cond: { $eq: ['$$this.id', mailbox] } } } };
  const packs = database.messages.aggregate<{ readonly uids: readonly Uid[] }>(
    [
      { $match: filter },
      { $project: { _id: 0, own } },
      { $group: { _id: { $floor: { $divide: ['$own.uid', PACK] } }, uids: { $push: '$own.uid' } } },
      { $sort: { _id: 1 } },
    ],
    { allowDiskUse: true, ...options },
  );
  for await (const { uids } of packs) yield uids;
}

function ascending(count: number): Uint32Array {
  const uids = new Uint32Array(count);
  for (let i = 0; i < count; i++) uids[i] = i + 1;
  return uids;
}

function isAscending(uids: Uint32Array): boolean {
  for (let i = 1; i < uids.length; i++) if (uids[i]! <= uids[i - 1]!) return false;
  return true;
}
