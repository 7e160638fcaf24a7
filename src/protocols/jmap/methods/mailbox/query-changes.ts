/**
 * Mailbox/queryChanges (RFC 8621 §2.4). Nothing that can be filtered or sorted by lies in the counts: a mailbox that only got mail has not moved. In a tree
 * a mailbox moves with its ancestors.
 */
import type { ChangeRow, Mailbox } from '../../../../storage/model.ts';
import { accountOf, type Method } from '../../method-call.ts';
import { answerQueryChanges, readQueryChanges, steadily, touchedSince } from '../../standard/query-changes.ts';
import { readMailboxQuery, steadyMailboxes } from './query.ts';

export const mailboxQueryChanges: Method = async (call) => {
  const { accountId, account } = await accountOf(call);
  const query = readMailboxQuery(call);
  const request = readQueryChanges(call);
  call.args.finish();
  const difference = await steadily(async () => {
    const touched = await touchedSince(account, 'Mailbox', request.sinceQueryState, isOfCountsOnly);
    const steady = await steadyMailboxes(account);
    if (steady === null || steady.state !== touched.state) return null;
    const moved = new Set([...touched.created, ...touched.updated]);
    const mayBeAdded = query.isTree ? withDescendants(moved, steady.mailboxes) : moved;
    const removed = [...touched.destroyed, ...[...mayBeAdded].filter((id) => !touched.created.has(id))];
    const ids = query.idsOf(steady.mailboxes);
    return { newQueryState: touched.state, removed, mayBeAdded, ids, total: ids.length, isImmutable: false };
  });
  return answerQueryChanges(accountId, request, difference);
};

function isOfCountsOnly({ created, destroyed, isMailboxCountsOnly }: ChangeRow): boolean {
  return isMailboxCountsOnly && created.Mailbox === undefined && destroyed.Mailbox === undefined;
}

function withDescendants(moved: ReadonlySet<string>, all: readonly Mailbox[]): ReadonlySet<string> {
  const found = new Set(moved);
  for (let before = -1; before !== found.size; ) {
    before = found.size;
    for (const { id, parent } of all) if (parent !== null && found.has(parent)) found.add(id);
  }
  return found;
}
