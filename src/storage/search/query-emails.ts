/**
 * JMAP Email/query (RFC 8621 §4.4, RFC 8620 §5.5): filter, sort, collapse, window.
 *
 * The first page of a mailbox by receivedAt, which is what clients ask for all day, follows the index and ends when the page is full; its total comes from
 * the mailbox's counters. Everything else reads the sort keys of all matches. State is taken before anything is read, so that a change meanwhile shows up in
 * queryChanges or is seen twice, never missed. Refusal 'notFound' (details ['anchor']).
 */
import type { AccountId, EmailId, ThreadId } from '../../mail/ids.ts';
import { Refusal } from '../../mail/refusal.ts';
import type { BodyStore } from '../bodies/body-store.ts';
import { readState } from '../changes/change-log.ts';
import type { EmailQuery, EmailQueryResult, EmailSort, SearchNode } from '../model.ts';
import type { Database } from '../mongo/database.ts';
import { orUnavailable } from '../mongo/transaction.ts';
import { UID_INDEX } from '../reading/uid-map.ts';
import { findMatches, type Search, searchContext } from './find-matches.ts';
import { conjunctsOf, type SearchContext } from './search-context.ts';
import { fullSort, type Sortable, sortable, sortEmails, sortFields } from './sort-emails.ts';

const RECEIVED_INDEX = { account: 1, 'mailboxes.id': 1, receivedAt: 1 } as const;
/** Not an array: each message once, in any account. */
const ACCOUNT_INDEX = { account: 1, thread: 1 } as const;

export async function queryEmails(
  database: Database,
  bodies: BodyStore,
  account: AccountId,
  query: EmailQuery,
): Promise<EmailQueryResult> {
  const state = (await readState(database, account)).states.Email;
  return orUnavailable(async () => {
    const filter = simplified(query.filter);
    const sort = fullSort(query.sort);
    const knownTotal = await totalFromCounters(database, account, filter, query);
    const context = await searchContext(database, account, null, filter, sort);
    const window = new ResultWindow(query, knownTotal);
    const results = ordered(database, bodies, { account, filter, sort, context, batch: window.guess });
    for await (const batch of results) {
      for (const email of batch) window.add(email);
      if (window.isFull) break;
    }
    return { state, ...window.result() };
  });
}

interface Ordering {
  readonly account: AccountId;
  readonly filter: SearchNode;
  readonly sort: readonly EmailSort[];
  readonly context: SearchContext;
  readonly batch: number;
}

async function* ordered(
  database: Database,
  bodies: BodyStore,
  { account, filter, sort, context, batch }: Ordering,
): AsyncGenerator<readonly Sortable[], void, undefined> {
  const ops = new Set([...conjunctsOf(filter)].map((node) => node.op));
  const fields = [...sortFields(sort)];
  const first = sort[0]!;
  if (ops.has('inMailbox') && sort.length === 1 && first.property === 'receivedAt') {
    const order = { receivedAt: first.isAscending ? (1 as const) : (-1 as const) };
    const search: Search = { account, mailbox: null, filter, fields, sort: order, hint: RECEIVED_INDEX, batch };
    return yield* byReceivedAt(database, bodies, search, sort, context);
  }
  const hint = ops.has('ids') ? null : ops.has('inMailbox') ? UID_INDEX : ACCOUNT_INDEX;
  const search: Search = { account, mailbox: null, filter, fields, ...(hint && { hint }) };
  const all = new Map<EmailId, Sortable>();
  for await (const rows of findMatches(database, bodies, search, context)) {
    for (const row of rows) all.set(row._id, sortable(row, sort, context));
  }
  yield sortEmails([...all.values()], sort);
}

/** As the index has them; equal times are held back until the last of them is there, and put in order of their ids. */
async function* byReceivedAt(
  database: Database,
  bodies: BodyStore,
  search: Search,
  sort: readonly EmailSort[],
  context: SearchContext,
): AsyncGenerator<readonly Sortable[], void, undefined> {
  let held: Sortable[] = [];
  for await (const rows of findMatches(database, bodies, search, context)) {
    const ready: Sortable[] = [];
    for (const row of rows) {
      const email = sortable(row, sort, context);
      if (held.length > 0 && held[0]!.keys[0] !== email.keys[0]) {
        ready.push(...sortEmails(held, sort));
        held = [];
      }
      held.push(email);
    }
    if (ready.length > 0) yield ready;
  }
  yield sortEmails(held, sort);
}

/** Collects results until the page that was asked for is known. */
class ResultWindow {
  readonly #query: EmailQuery;
  readonly #knownTotal: number | null;
  readonly #needsAll: boolean;
  readonly #ids: EmailId[] = [];
  readonly #seen = new Set<EmailId | ThreadId>();
  #anchor = -1;

  constructor(query: EmailQuery, knownTotal: number | null) {
    this.#query = query;
    this.#knownTotal = knownTotal;
    const isFromEnd = query.anchor === undefined && query.position < 0;
    this.#needsAll = knownTotal === null && (query.calculateTotal || isFromEnd);
  }

  add(email: Sortable): void {
    // RFC 8621 §4.4.3: of a thread only the first in the sort order.
    const key = this.#query.collapseThreads ? email.thread : email.id;
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    if (email.id === this.#query.anchor) this.#anchor = this.#ids.length;
    this.#ids.push(email.id);
  }

  /** How many messages will most likely do: a page, and some more for those that collapse. */
  get guess(): number {
    if (this.#needsAll || this.#query.anchor !== undefined) return Number.POSITIVE_INFINITY;
    return Math.max(20, Math.ceil((this.#start() + this.#query.limit) * 1.5));
  }

  get isFull(): boolean {
    if (this.#needsAll || (this.#query.anchor !== undefined && this.#anchor === -1)) return false;
    return this.#ids.length >= this.#start() + this.#query.limit;
  }

  result(): Omit<EmailQueryResult, 'state'> {
    const { anchor, limit, calculateTotal } = this.#query;
    if (anchor !== undefined && this.#anchor === -1) {
      throw new Refusal('notFound', 'the anchor is not among the results', { details: ['anchor'] });
    }
    const position = this.#start();
    return {
      ids: this.#ids.slice(position, position + limit),
      position,
      ...(calculateTotal && { total: this.#total() }),
    };
  }

  #total(): number {
    return this.#knownTotal ?? this.#ids.length;
  }

  /** RFC 8620 §5.5: before the first is the first. */
  #start(): number {
    const { anchor, anchorOffset, position } = this.#query;
    if (anchor !== undefined) return Math.max(0, this.#anchor + (anchorOffset ?? 0));
    return position >= 0 ? position : Math.max(0, this.#total() + position);
  }
}

/** The number of results where a counter has it; null where only counting helps. */
async function totalFromCounters(
  database: Database,
  account: AccountId,
  filter: SearchNode,
  query: EmailQuery,
): Promise<number | null> {
  if (!query.calculateTotal && (query.anchor !== undefined || query.position >= 0)) return null;
  if (filter.op === 'inMailbox') {
    const row = await database.mailboxes.findOne({ account, _id: filter.mailbox });
    return row === null ? 0 : query.collapseThreads ? row.totalThreads : row.total;
  }
  if (filter.op === 'all' && !query.collapseThreads) {
    const row = await database.accounts.findOne({ _id: account }, { projection: { usedMessages: 1 } });
    return row?.usedMessages ?? 0;
  }
  return null;
}

/** An AND or OR of one is that one. */
function simplified(node: SearchNode): SearchNode {
  let at = node;
  while ((at.op === 'and' || at.op === 'or') && at.nodes.length === 1) at = at.nodes[0]!;
  return at.op === 'and' && at.nodes.length === 0 ? { op: 'all' } : at;
}
