/**
 * IMAP SEARCH in one mailbox (RFC 3501 §6.4.4): the UIDs that match, ascending.
 */
import type { AccountId, EmailId, MailboxId, Uid } from '../../mail/ids.ts';
import type { BodyStore } from '../bodies/body-store.ts';
import type { SearchNode } from '../model.ts';
import type { Database } from '../mongo/database.ts';
import { orUnavailable } from '../mongo/transaction.ts';
import { packedUids, UID_INDEX, uidMap } from '../reading/uid-map.ts';
import { findMatches, type Search, scope, searchContext } from './find-matches.ts';
import { pushDown } from './push-down.ts';
import { conjunctsOf } from './search-context.ts';

/** Empty for a mailbox that isn't there. */
export async function searchMailbox(
  database: Database,
  bodies: BodyStore,
  account: AccountId,
  mailbox: MailboxId,
  filter: SearchNode,
): Promise<readonly Uid[]> {
  return orUnavailable(async () => {
    if (filter.op === 'all') return [...((await uidMap(database, account, mailbox))?.uids ?? [])] as Uid[];
    const context = await searchContext(database, account, mailbox, filter);
    const changed = await changedEmails(database, account, filter);
    const narrowed: Pick<Search, 'filter' | 'hint'> =
      changed === null
        ? { filter, hint: UID_INDEX }
        : { filter: { op: 'and', nodes: [{ op: 'ids', emails: changed }, filter] } };
    const search: Search = { account, mailbox, fields: ['mailboxes'], ...narrowed };
    const uids = new Set<Uid>();
    const pushed = pushDown(search.filter, context);
    if (pushed.isExact) {
      const options = search.hint === undefined ? {} : { hint: search.hint };
      for await (const pack of packedUids(database, mailbox, scope(account, mailbox, pushed), options)) {
        for (const uid of pack) uids.add(uid);
      }
      return [...uids].sort((a, b) => a - b);
    }
    for await (const rows of findMatches(database, bodies, search, context)) {
      for (const row of rows) {
        for (const membership of row.mailboxes) if (membership.id === mailbox) uids.add(membership.uid as Uid);
      }
    }
    return [...uids].sort((a, b) => a - b);
  });
}

/** Rows of the change log that are read instead of the mailbox. */
const MAX_CHANGE_ROWS = 1_000;
const MAX_CHANGED = 5_000;

/**
 * Where only messages changed lately are asked for (RFC 7162 §3.1.5), as every session does to follow a mailbox, the change log names them: nobody need look
 * at the rest of the mailbox. Null: not asked so, too many, or the log doesn't reach back so far.
 */
async function changedEmails(
  database: Database,
  account: AccountId,
  filter: SearchNode,
): Promise<readonly EmailId[] | null> {
  let from = 0;
  for (const node of conjunctsOf(filter)) if (node.op === 'modseq') from = Math.max(from, node.from);
  if (from <= 1) return null;
  const rows = await database.changes
    .find(
      { account, modseq: { $gte: from } },
      {
        sort: { modseq: 1 },
        limit: MAX_CHANGE_ROWS + 1,
        batchSize: MAX_CHANGE_ROWS + 2,
        projection: { modseq: 1, 'created.Email': 1, 'updated.Email': 1 },
      },
    )
    .toArray();
  if (rows.length > MAX_CHANGE_ROWS) return null;
  if (rows.length === 0) {
    const last = await database.accounts.findOne({ _id: account }, { projection: { modseq: 1 } });
    return last !== null && last.modseq < from ? [] : null;
  }
  if (rows[0]!.modseq !== from) return null;
  const ids = new Set<EmailId>();
  for (const row of rows) {
    for (const id of [...(row.created?.Email ?? []), ...(row.updated?.Email ?? [])]) ids.add(id as EmailId);
    if (ids.size > MAX_CHANGED) return null;
  }
  return [...ids];
}
