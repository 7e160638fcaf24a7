/**
 * Reading and cutting the change log (RFC 7162 §3.1, RFC 8620 §5.2): one dense row a modseq.
 *
 * Promise: a page holds every row after the cursor up to `upTo`; none is ever missed, because commit order is modseq order and reads are of
 * majority-committed data. This is the one place that decides when a cursor is too old: Refusal 'cannotCalculateChanges'.
 */
import type { AccountId, Modseq } from '../../mail/ids.ts';
import { asModseq } from '../../mail/ids.ts';
import { Refusal } from '../../mail/refusal.ts';
import type { AccountState, ChangePage } from '../model.ts';
import type { Database } from '../mongo/database.ts';
import { changeOf, stateOf } from '../mongo/documents.ts';
import { orUnavailable, runTransaction, TRANSACTION_LIMIT_MS } from '../mongo/transaction.ts';

const PAGE = 500;
const MAX_PAGE = 5_000;
const STATE = { modseq: 1, floor: 1, states: 1 } as const;

/** Refusal 'notFound' when the account is gone. */
export async function readState(database: Database, account: AccountId): Promise<AccountState> {
  const row = await orUnavailable(() => database.accounts.findOne({ _id: account }, { projection: STATE }));
  if (row === null) throw new Refusal('notFound', 'there is no such account');
  return stateOf(row);
}

/** Rows after `since`, oldest first. Refusal 'cannotCalculateChanges' below the floor or beyond the last modseq. */
export async function changesSince(
  database: Database,
  account: AccountId,
  since: Modseq,
  limit = PAGE,
): Promise<ChangePage> {
  const count = Math.max(1, Math.min(limit, MAX_PAGE));
  const rows = await orUnavailable(() =>
    database.changes
      .find({ account, modseq: { $gt: since } })
      .sort({ modseq: 1 })
      .limit(count + 1)
      .toArray(),
  );
  // Dense: the row after the cursor proves that nothing in between was cut, and a cursor can't be younger than it.
  if (rows[0]?.modseq !== since + 1) await expectFollowable(database, account, since, rows.length > 0);
  const hasMore = rows.length > count;
  if (hasMore) rows.pop();
  return { rows: rows.map(changeOf), upTo: asModseq(rows.at(-1)?.modseq ?? since), hasMore };
}

async function expectFollowable(
  database: Database,
  account: AccountId,
  since: Modseq,
  hasRows: boolean,
): Promise<void> {
  const { floor, modseq } = await readState(database, account);
  // Rows that came between the two reads are no gap: the next call gives them.
  if (hasRows || since < floor || since > modseq) {
    throw new Refusal('cannotCalculateChanges', 'changes since that state are not known any more');
  }
}

/** Rows of one cut. */
const CUT_BATCH = 5_000;

/** Cuts rows older than `before` off the account's log, never the last row. Answers how many went. */
export async function cutLog(
  database: Database,
  account: AccountId,
  before: Date,
  now: () => number = Date.now,
): Promise<number> {
  let cut = 0;
  for (;;) {
    const { floor, modseq } = await readState(database, account);
    const rows = await orUnavailable(() =>
      database.changes
        .find({ account, modseq: { $gt: floor, $lt: modseq } }, { projection: { modseq: 1, at: 1 } })
        .sort({ modseq: 1 })
        .limit(CUT_BATCH)
        .toArray(),
    );
    const firstYoung = rows.findIndex((row) => row.at >= before);
    const old = firstYoung < 0 ? rows : rows.slice(0, firstYoung);
    const last = old.at(-1);
    if (last === undefined) return cut;
    await runTransaction(database, { deadline: now() + TRANSACTION_LIMIT_MS, now }, async (session) => {
      await database.accounts.updateOne({ _id: account }, { $max: { floor: last.modseq } }, { session });
      await database.changes.deleteMany({ account, modseq: { $lte: last.modseq } }, { session });
      return { commit: true, value: undefined };
    });
    cut += old.length;
    if (firstYoung >= 0) return cut;
  }
}
