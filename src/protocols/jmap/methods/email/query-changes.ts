/**
 * Email/queryChanges (RFC 8621 §4.5). Every filter and sort of Email/query can be followed: an email that was changed is looked at anew, and with it the
 * others of its thread where the query asks about threads or collapses them.
 */
import type { EmailId, ThreadId } from '../../../../mail/ids.ts';
import type { AccountStore } from '../../../../storage/mail-store.ts';
import type { EmailSort, SearchNode } from '../../../../storage/model.ts';
import { accountOf, type Method } from '../../method-call.ts';
import {
  answerQueryChanges,
  readQueryChanges,
  steadily,
  type Touched,
  touchedSince,
} from '../../standard/query-changes.ts';
import { type EmailSelection, readEmailQuery } from './query.ts';

export const emailQueryChanges: Method = async (call) => {
  const { accountId, account } = await accountOf(call);
  const selection = readEmailQuery(call);
  const request = readQueryChanges(call);
  call.args.finish();
  const isImmutable = isFilterImmutable(selection.filter) && selection.sort.every(isSortImmutable);
  const difference = await steadily(async () => {
    const touched = await touchedSince(account, 'Email', request.sinceQueryState);
    const mayBeAdded = await candidates(account, selection, touched, request.sinceQueryState, isImmutable);
    const removed = [...touched.destroyed, ...[...mayBeAdded].filter((id) => !touched.created.has(id))];
    const needsResults = mayBeAdded.size > 0 || request.calculateTotal;
    const ids = needsResults ? await allResults(account, selection) : [];
    const { states } = await account.state();
    if (String(states.Email) !== touched.state) return null;
    return { newQueryState: touched.state, removed, mayBeAdded, ids, total: ids.length, isImmutable };
  });
  return answerQueryChanges(accountId, request, difference);
};

/** Those that came, and those of which the place in the results may be another now. */
async function candidates(
  account: AccountStore,
  { filter, sort, collapseThreads }: EmailSelection,
  touched: Touched,
  sinceQueryState: string,
  isImmutable: boolean,
): Promise<ReadonlySet<string>> {
  const changed = isImmutable ? [] : [...touched.updated];
  const found = new Set([...touched.created, ...changed]);
  if (!collapseThreads && !asksOfThreads(filter) && !sort.some(({ property }) => property.includes('InThread'))) {
    return found;
  }
  const grown = await touchedSince(account, 'Thread', sinceQueryState);
  const threads = new Set([...grown.created, ...grown.updated]);
  const messages = changed.length === 0 ? [] : await account.messages(changed as EmailId[]);
  for (const { thread } of messages) threads.add(thread);
  if (threads.size === 0) return found;
  for (const { emails } of await account.threads([...threads] as ThreadId[])) {
    for (const email of emails) found.add(email);
  }
  return found;
}

async function allResults(account: AccountStore, selection: EmailSelection): Promise<readonly string[]> {
  const limit = Number.MAX_SAFE_INTEGER;
  return (await account.queryEmails({ ...selection, position: 0, limit, calculateTotal: false })).ids;
}

/** RFC 8621 §4.1.1: mailboxes and keywords are what may change of an email. */
function isFilterImmutable(node: SearchNode): boolean {
  switch (node.op) {
    case 'and':
    case 'or':
      return node.nodes.every(isFilterImmutable);
    case 'not':
      return isFilterImmutable(node.node);
    case 'inMailbox':
    case 'onlyInMailboxes':
    case 'keyword':
    case 'threadKeyword':
    case 'deleted':
    case 'uids':
    case 'savedAt':
    case 'modseq':
      return false;
    default:
      return true;
  }
}

function isSortImmutable({ property }: EmailSort): boolean {
  return property !== 'keyword' && !property.includes('InThread');
}

function asksOfThreads(node: SearchNode): boolean {
  if (node.op === 'and' || node.op === 'or') return node.nodes.some(asksOfThreads);
  return node.op === 'not' ? asksOfThreads(node.node) : node.op === 'threadKeyword';
}
