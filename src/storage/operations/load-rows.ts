/**
 * Reads the rows that mutations need inside their transaction, in few round trips: one query for messages by id, one for each mailbox by UID, one by dedupe and thread key,
 * one for the siblings in their threads. Every query carries the account.
 */
import type { ClientSession, Filter, FindCursor, FindOptions } from 'mongodb';
import type { AccountId, ThreadId } from '../../mail/ids.ts';
import { Refusal } from '../../mail/refusal.ts';
import type { UidRange } from '../model.ts';
import type { Database } from '../mongo/database.ts';
import type { MessageRow } from '../mongo/documents.ts';
import { BY_ID, BY_THREAD, BY_THREAD_KEY } from '../mongo/indexes.ts';
import type { WorkRow } from './message-table.ts';
import { MAX_ROWS_PER_MUTATION, type Needs, type UidNeed } from './mutation.ts';
import { dedupeThreadKey } from './threading.ts';
import { MAX_SINGLE_UIDS, span, uidQuery } from './uid-steps.ts';
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

  const find = (filter: Filter<MessageRow>, hint: Hint): FindCursor<WorkRow> =>
    database.messages.find(filter, { session, projection: LIGHT, batchSize: BATCH, hint });
  if (needs.messages?.length) take(await find({ account, _id: { $in: [...needs.messages] } }, BY_ID).toArray());
  let room = 2 * MAX_ROWS_PER_MUTATION;
  for (const { filter, hint } of uidQueries(account, needs.uids ?? [])) {
    const rows = await find(filter, hint)
      .limit(room + 1)
      .toArray();
    room -= rows.length;
    if (room < 0) throw new Refusal('tooMany', `more than ${MAX_ROWS_PER_MUTATION} messages at once`);
    take(rows);
  }
  take(await findRelated(database, session, account, needs.dedupe ?? [], needs.threadKeys ?? []));
  if (needs.fullMessages?.length) {
    work.messages.loadWhole(
      await database.messages
        .find({ account, _id: { $in: [...needs.fullMessages] } }, { session, hint: BY_ID })
        .toArray(),
    );
  }
  if (threads.size > 0) {
    work.messages.load(await find({ account, thread: { $in: [...threads] } }, BY_THREAD).toArray());
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

type Hint = NonNullable<FindOptions['hint']>;

/** One query for each mailbox, of all needs together. */
function uidQueries(
  account: AccountId,
  needs: readonly UidNeed[],
): { readonly filter: Filter<MessageRow>; readonly hint: Hint }[] {
  const ranges = new Map<string, { readonly need: UidNeed; readonly ranges: UidRange[] }>();
  for (const need of needs) {
    const key = `${need.mailbox} ${need.onlyDeleted === true}`;
    const known = ranges.get(key);
    if (known === undefined) ranges.set(key, { need, ranges: [...need.ranges] });
    else known.ranges.push(...need.ranges);
  }
  return [...ranges.values()]
    .filter((one) => one.ranges.length > 0)
    .flatMap(({ need, ranges: all }) =>
      together(all).map((some) => uidQuery(account, need.mailbox, some, need.onlyDeleted === true)),
    );
}

/** A few large ranges are asked for one by one, so that what lies between them isn't read. */
const MAX_LARGE_RANGES = 32;
const together = (ranges: readonly UidRange[]): (readonly UidRange[])[] =>
  span(ranges) <= MAX_SINGLE_UIDS || ranges.length > MAX_LARGE_RANGES ? [ranges] : ranges.map((range) => [range]);

/**
 * Messages that share a dedupe key or a thread key, the newest for each message. Both kinds of key are in one index, so that one query finds both, unless
 * some key is so much used that one message's matches may hide another's (a ticket system that puts one id into every References): then each is asked for
 * apart.
 */
async function findRelated(
  database: Database,
  session: ClientSession,
  account: AccountId,
  dedupe: readonly string[],
  sets: readonly (readonly string[])[],
): Promise<WorkRow[]> {
  const groups = [...dedupe.map((key) => [dedupeThreadKey(key)]), ...sets];
  if (groups.length === 0) return [];
  const find = (keys: readonly string[], limit: number): FindCursor<WorkRow> =>
    database.messages
      .find({ account, threadKeys: { $in: [...keys] } }, { session, projection: FOR_THREADING, hint: BY_THREAD_KEY })
      .limit(limit);
  const limit = MATCHES_PER_MESSAGE * groups.length;
  const rows = await find([...new Set(groups.flat())], limit).toArray();
  if (rows.length < limit) return rows;
  const all: WorkRow[] = [];
  for (const keys of groups) all.push(...(await find(keys, MATCHES_PER_MESSAGE).sort({ _id: -1 }).toArray()));
  return all;
}
