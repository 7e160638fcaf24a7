/**
 * Takes an account away, in steps that may be interrupted and called again: first it is disabled, marked and loses its addresses, in one transaction;
 * then its rows go, collection by collection; the account's own row goes last, so that a half-done removal is found again. Bodies
 * that nothing else refers to go with the next sweep. Queue entries that it submitted are still delivered.
 */
import type { AccountId } from '../../mail/ids.ts';
import { Refusal } from '../../mail/refusal.ts';
import type { Database } from '../mongo/database.ts';
import { runTransaction, TRANSACTION_LIMIT_MS } from '../mongo/transaction.ts';

/** Refusal 'notFound' when there is no such account. */
export async function removeAccount(database: Database, id: AccountId, now: Date): Promise<void> {
  const options = { deadline: now.getTime() + TRANSACTION_LIMIT_MS, now: () => Date.now() };
  const isThere = await runTransaction(database, options, async (session) => {
    const marked = await database.accounts.updateOne(
      { _id: id },
      { $set: { isDisabled: true, removedAt: now } },
      { session },
    );
    if (marked.matchedCount === 0) return { commit: false, value: false };
    await database.addresses.deleteMany({ account: id }, { session });
    const domains = await database.domains.find({ postmaster: id }, { session }).toArray();
    for (const { _id } of domains) {
      const next = await database.addresses.findOne({ _id: { $regex: `@${escaped(_id)}$` } }, { session });
      const change = next === null ? { $unset: { postmaster: 1 as const } } : { $set: { postmaster: next.account } };
      await database.domains.updateOne({ _id }, change, { session });
    }
    return { commit: true, value: true };
  });
  if (!isThere) throw new Refusal('notFound', 'there is no such account');
  // Mutations begin by changing the account's row and find the mark: none can add a row behind us.
  for (const rows of [
    database.messages,
    database.submissions,
    database.identities,
    database.uploads,
    database.mailboxes,
    database.changes,
  ]) {
    await rows.deleteMany({ account: id });
  }
  await database.accounts.deleteOne({ _id: id });
}

/** Ends removals that were interrupted; those younger than `before` may still be under way. */
export async function finishRemovals(database: Database, before: Date, now: Date, signal: AbortSignal): Promise<void> {
  const left = database.accounts.find({ removedAt: { $lt: before } }, { projection: { _id: 1 } });
  for await (const { _id } of left) {
    if (signal.aborted) return;
    await removeAccount(database, _id, now);
  }
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
