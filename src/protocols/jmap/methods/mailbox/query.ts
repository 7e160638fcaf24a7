/** Mailbox/query (RFC 8621 §2.3): filter and sort over the account's mailboxes, all of which fit in memory. */
import type { AccountStore } from '../../../../storage/mail-store.ts';
import type { Mailbox } from '../../../../storage/model.ts';
import { asBoolean, asId, asText, type ObjectReader } from '../../json/object-reader.ts';
import { accountOf, type Method, type MethodCall } from '../../method-call.ts';
import { answerQuery, type Comparator, cutWindow, readFilter, readSort, readWindow } from '../../standard/query.ts';
import { stateOf } from '../../standard/state.ts';
import { type Test, testOf } from '../../standard/test-of-filter.ts';

const SORT_PROPERTIES: ReadonlySet<string> = new Set(['sortOrder', 'name', 'parentId']);

/** What a query asks of the mailboxes, without the window. */
export interface MailboxQuery {
  /** Where a mailbox stands depends on its ancestors too. */
  readonly isTree: boolean;
  /** All results, in order. */
  idsOf(mailboxes: readonly Mailbox[]): readonly string[];
}

/** Takes the arguments that Mailbox/query and Mailbox/queryChanges share. */
export function readMailboxQuery(call: MethodCall): MailboxQuery {
  const filter = readFilter(call, readCondition);
  const order = comparatorOf(readSort(call, SORT_PROPERTIES));
  const sortAsTree = call.args.withDefault('sortAsTree', asBoolean, false);
  const filterAsTree = call.args.withDefault('filterAsTree', asBoolean, false);
  const test = filter === null ? () => true : testOf(filter);
  return {
    isTree: sortAsTree || filterAsTree,
    idsOf: (mailboxes) => {
      let found = mailboxes.filter(test);
      if (filterAsTree) found = withAncestors(found, mailboxes);
      const sorted = sortAsTree ? treeOrder(mailboxes, order, new Set(found)) : found.toSorted(order);
      return sorted.map(({ id }) => id);
    },
  };
}

/** The rows with the state that they were read at, or null when it moved meanwhile. */
export async function steadyMailboxes(
  account: AccountStore,
): Promise<{ readonly state: string; readonly mailboxes: readonly Mailbox[] } | null> {
  const { state, mailboxes } = await account.mailboxes();
  const after = await account.state();
  return after.states.Mailbox === state.states.Mailbox ? { state: stateOf(state.states, 'Mailbox'), mailboxes } : null;
}

export const mailboxQuery: Method = async (call) => {
  const { accountId, account } = await accountOf(call);
  const query = readMailboxQuery(call);
  const window = readWindow(call);
  call.args.finish();
  const steady = await steadyMailboxes(account);
  const { state, mailboxes } = steady ?? (await unsteady(account));
  const ids = query.idsOf(mailboxes);
  const result = { ...cutWindow(ids, window), total: ids.length };
  return answerQuery(accountId, state, result, window, steady !== null);
};

async function unsteady(account: AccountStore): Promise<{ state: string; mailboxes: readonly Mailbox[] }> {
  const { state, mailboxes } = await account.mailboxes();
  return { state: stateOf(state.states, 'Mailbox'), mailboxes };
}

function readCondition(reader: ObjectReader): Test<Mailbox> {
  const tests: Test<Mailbox>[] = [];
  if (reader.has('parentId')) {
    const parent = reader.nullable('parentId', asId);
    tests.push((mailbox) => mailbox.parent === parent);
  }
  if (reader.has('name')) {
    const name = fold(reader.required('name', asText));
    tests.push((mailbox) => fold(mailbox.name).includes(name));
  }
  if (reader.has('role')) {
    const role = reader.nullable('role', asText);
    tests.push((mailbox) => mailbox.role === role);
  }
  if (reader.has('hasAnyRole')) {
    const hasAnyRole = reader.required('hasAnyRole', asBoolean);
    tests.push((mailbox) => (mailbox.role !== null) === hasAnyRole);
  }
  if (reader.has('isSubscribed')) {
    const isSubscribed = reader.required('isSubscribed', asBoolean);
    tests.push((mailbox) => mailbox.subscribed === isSubscribed);
  }
  return (mailbox) => tests.every((test) => test(mailbox));
}

const fold = (text: string): string => text.normalize('NFKC').toLowerCase();
const collator = new Intl.Collator('en', { sensitivity: 'base', numeric: true });

/** Ties end in the id: a sort is always the same. */
function comparatorOf(sort: readonly Comparator[]): (a: Mailbox, b: Mailbox) => number {
  return (a, b) => {
    for (const { property, isAscending } of sort) {
      const order = compare(a, b, property);
      if (order !== 0) return isAscending ? order : -order;
    }
    return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
  };
}

function compare(a: Mailbox, b: Mailbox, property: string): number {
  switch (property) {
    case 'sortOrder':
      return a.sortOrder - b.sortOrder;
    case 'name':
      return collator.compare(a.name, b.name);
    default:
      return (a.parent ?? '') < (b.parent ?? '') ? -1 : (a.parent ?? '') > (b.parent ?? '') ? 1 : 0;
  }
}

/** RFC 8621 §2.3 filterAsTree: a mailbox is only in the results if its ancestors are. */
function withAncestors(found: readonly Mailbox[], all: readonly Mailbox[]): Mailbox[] {
  const byId = new Map(all.map((mailbox) => [mailbox.id, mailbox]));
  const ids = new Set(found.map(({ id }) => id));
  return found.filter((mailbox) => {
    const seen = new Set<string>();
    for (let parent = mailbox.parent; parent !== null && !seen.has(parent); parent = byId.get(parent)?.parent ?? null) {
      if (!ids.has(parent)) return false;
      seen.add(parent);
    }
    return true;
  });
}

/** RFC 8621 §2.3 sortAsTree: parents before children, siblings by the sort. */
function treeOrder(
  all: readonly Mailbox[],
  order: (a: Mailbox, b: Mailbox) => number,
  wanted: ReadonlySet<Mailbox>,
): Mailbox[] {
  const children = new Map<string | null, Mailbox[]>();
  for (const mailbox of all) children.set(mailbox.parent, [...(children.get(mailbox.parent) ?? []), mailbox]);
  const sorted: Mailbox[] = [];
  const visit = (parent: string | null): void => {
    const siblings = children.get(parent) ?? [];
    children.delete(parent);
    for (const mailbox of siblings.sort(order)) {
      if (wanted.has(mailbox)) sorted.push(mailbox);
      visit(mailbox.id);
    }
  };
  visit(null);
  return sorted;
}
