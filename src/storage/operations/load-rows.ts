/**
 * Reads the rows that mutations need inside their transaction, in few round trips: one query for messages by id and UID, one by dedupe and thread key,
 * one for the siblings in their threads. Every query carries the account.
 */
import type { ClientSession, Filter, FindCursor } from 'mongodb';
import type { AccountId, ThreadId } from '../../mail/ids.ts';
import { Refusal } from '../../mail/refusal.ts';
import type { Database } from '../mongo/database.ts';
import type { MessageRow } from '../mongo/documents.ts';
import type { WorkRow } from './message-table.ts';
import { MAX_ROWS_PER_MUTATION, type Needs } from './mutation.ts';
import type { UnitOfWork } from './unit-of-work.ts';

const LIGHT = { thread: 1, body: 1, size: 1, receivedAt: 1, keywords: 1, mailboxes: 1, modseq: 1 } as const;
const FOR_THREADING = {
  ...LIGHT,
  threadKeys: 1,
  baseSubject: 1,
  dedupe: 1,
  'fold.from': 1,
  'fold.to': 1,
  'fold.cc': 1,
} as const;

/** Newest matches that are looked at for each message that looks for its thread. */
export const MATCHES_PER_MESSAGE = 50;
/** Rows of siblings, over all threads: MAX_THREAD_EMAILS bounds each one. */
const BATCH = 5_000;

/** The needs of a group as one. */
export function joinNeeds(all: readonly Needs[]): Needs {
  const unique = <T>(pick: (needs: Needs) => readonly T[] | undefined): T[] => [
    ...new Set(all.flatMap((n) => pick(n) ?? [])),
  ];
  return {
    messages: unique((n) => n.messages),
    fullMessages: unique((n) => n.fullMessages),
    uids: unique((n) => n.uids),
    dedupe: unique((n) => n.dedupe),
    threadKeys: unique((n) => n.threadKeys),
    threads: unique((n) => n.threads),
    submissions: unique((n) => n.submissions),
    queue: unique((n) => n.queue),
    siblings: all.some((n) => n.siblings === true),
  };
}

/** Loads into `work` what `needs` names. Refusal 'tooMany' when that is more than one transaction may hold. */
export async function loadRows(
  database: Database,
  session: ClientSession,
  work: UnitOfWork,
  needs: Needs,
): Promise<void> {
  const account = work.id;
  const threads = new Set<ThreadId>(needs.threads);
  const take = (rows: readonly WorkRow[]): void => {
    work.messages.load(rows);
    if (needs.siblings === true) for (const row of rows) threads.add(row.thread);
  };

  const branches = messageBranches(account, needs);
  if (branches.length > 0) {
    const rows = await database.messages
      .find(branches.length === 1 ? branches[0]! : { account, $or: branches }, { session, projection: LIGHT })
      .limit(2 * MAX_ROWS_PER_MUTATION + 1)
      .batchSize(BATCH)
      .toArray();
    if (rows.length > 2 * MAX_ROWS_PER_MUTATION) {
      throw new Refusal('tooMany', `more than ${MAX_ROWS_PER_MUTATION} messages at once`);
    }
    take(rows);
  }
  take(await findRelated(database, session, account, needs.dedupe ?? [], needs.threadKeys ?? []));
  if (needs.fullMessages?.length) {
    work.messages.loadWhole(
      await database.messages.find({ account, _id: { $in: [...needs.fullMessages] } }, { session }).toArray(),
    );
  }
  if (threads.size > 0) {
    work.messages.load(
      await database.messages
        .find({ account, thread: { $in: [...threads] } }, { session, projection: LIGHT, batchSize: BATCH })
        .toArray(),
    );
  }
  if (needs.submissions?.length) {
    const ids = [...needs.submissions];
    for (const row of await database.submissions.find({ account, _id: { $in: ids } }, { session }).toArray()) {
      work.submissions.load(row);
    }
    work.submissions.ask(ids);
  }
  if (needs.queue?.length) {
    const ids = [...needs.queue];
    for (const row of await database.queue.find({ _id: { $in: ids } }, { session }).toArray()) work.queue.load(row);
    work.queue.ask(ids);
  }
  work.messages.asked({ ...needs, threads: [...threads] });
}

function messageBranches(account: AccountId, needs: Needs): Filter<MessageRow>[] {
  const branches: Filter<MessageRow>[] = [];
  if (needs.messages?.length) branches.push({ account, _id: { $in: [...needs.messages] } });
  for (const { mailbox, ranges, onlyDeleted } of needs.uids ?? []) {
    for (const { from, to } of ranges) {
      const membership = { id: mailbox, uid: { $gte: from, $lte: to }, ...(onlyDeleted === true && { deleted: true }) };
      branches.push({ account, mailboxes: { $elemMatch: membership } });
    }
  }
  return branches;
}

/**
 * The messages of dedupe keys, and the newest that share a thread key, for each message. One query finds both, unless some key is so much used that one
 * message's matches may hide another's (a ticket system that puts one id into every References): then each is asked for apart.
 */
async function findRelated(
  database: Database,
  session: ClientSession,
  account: AccountId,
  dedupe: readonly string[],
  sets: readonly (readonly string[])[],
): Promise<WorkRow[]> {
  const branches: Filter<MessageRow>[] = [];
  if (dedupe.length > 0) branches.push({ account, dedupe: { $in: [...dedupe] } });
  if (sets.length > 0) branches.push({ account, threadKeys: { $in: [...new Set(sets.flat())] } });
  if (branches.length === 0) return [];
  const find = (filter: Filter<MessageRow>, limit: number): FindCursor<WorkRow> =>
    database.messages.find(filter, { session, projection: FOR_THREADING }).limit(limit);

  const limit = dedupe.length + MATCHES_PER_MESSAGE * Math.max(1, sets.length);
  const rows = await find(branches.length === 1 ? branches[0]! : { account, $or: branches }, limit).toArray();
  if (rows.length < limit) return rows;
  const all = dedupe.length > 0 ? await find(branches[0]!, dedupe.length).toArray() : [];
  for (const keys of sets) {
    const newest = find({ account, threadKeys: { $in: [...keys] } }, MATCHES_PER_MESSAGE).sort({ _id: -1 });
    all.push(...(await newest.toArray()));
  }
  return all;
}
