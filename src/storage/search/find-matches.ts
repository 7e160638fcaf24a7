/**
 * Streams the rows that match a search: MongoDB filters as far as it can, the rest is decided here row by row, with the octets of the message where
 * nothing less will do. Order is that of the cursor. Memory: one batch of rows and at most 16 MB of small bodies.
 */
import type { Filter, Sort } from 'mongodb';
import type { Keyword } from '../../mail/flags.ts';
import { foldForSearch } from '../../mail/format/search-fold.ts';
import type { AccountId, MailboxId, ThreadId } from '../../mail/ids.ts';
import type { BodyStore } from '../bodies/body-store.ts';
import type { EmailSort, SearchNode } from '../model.ts';
import type { Database } from '../mongo/database.ts';
import type { MessageRow } from '../mongo/documents.ts';
import { orUnavailable } from '../mongo/transaction.ts';
import { evaluate } from './evaluate.ts';
import { type PushedDown, pushDown } from './push-down.ts';
import { readFacts, type Wanted } from './read-facts.ts';
import { nodesOf, type SearchContext, type SearchRow } from './search-context.ts';

/** A field of SearchRow, or one of its folded texts alone. */
export type SearchField = keyof SearchRow | 'fold.from' | 'fold.to';

export interface Search {
  readonly account: AccountId;
  /** The mailbox that is searched, or null for the account. */
  readonly mailbox: MailboxId | null;
  readonly filter: SearchNode;
  /** Fields that the caller needs beside those that the filter needs. */
  readonly fields: readonly SearchField[];
  readonly sort?: Sort;
  readonly hint?: Readonly<Record<string, 1>>;
  /** Rows that will most likely do: what is fetched at once. */
  readonly batch?: number;
}

const BATCH = 1_000;
/** Rows whose bodies are fetched together. */
const BODY_BATCH = 100;

export async function* findMatches(
  database: Pick<Database, 'messages'>,
  bodies: BodyStore,
  search: Search,
  context: SearchContext,
): AsyncGenerator<readonly SearchRow[], void, undefined> {
  const { account, mailbox, filter } = search;
  const pushed = pushDown(filter, context);
  const fields = new Set<SearchField>(search.fields);
  if (!pushed.isExact) for (const field of fieldsOf(filter)) fields.add(field);
  if (fields.has('fold')) for (const part of ['fold.from', 'fold.to'] as const) fields.delete(part);
  const cursor = database.messages.find(scope(account, mailbox, pushed), {
    projection: Object.fromEntries([...fields].map((field) => [field, 1])),
    batchSize: Math.min(search.batch ?? BATCH, BATCH),
    ...(search.sort && { sort: search.sort }),
    ...(search.hint && { hint: search.hint }),
  });
  try {
    while (await orUnavailable(() => cursor.hasNext())) {
      const rows: readonly SearchRow[] = cursor.readBufferedDocuments();
      if (pushed.isExact) yield rows;
      else yield* decided(bodies, rows, filter, context);
    }
  } finally {
    await cursor.close();
  }
}

/** The rows that MongoDB lets through. */
export function scope(account: AccountId, mailbox: MailboxId | null, pushed: PushedDown): Filter<MessageRow> {
  const base: Filter<MessageRow> = { account, ...(mailbox !== null && { mailboxes: { $elemMatch: { id: mailbox } } }) };
  return Object.keys(pushed.filter).length === 0 ? base : { $and: [base, pushed.filter] };
}

/** What the search asks of threads; read before the rows. */
export async function searchContext(
  database: Pick<Database, 'messages'>,
  account: AccountId,
  mailbox: MailboxId | null,
  filter: SearchNode,
  sort: readonly EmailSort[] = [],
): Promise<SearchContext> {
  const some = new Set<Keyword>();
  const all = new Set<Keyword>();
  for (const node of nodesOf(filter)) {
    if (node.op === 'threadKeyword') (node.quantity === 'some' ? some : all).add(node.keyword);
  }
  for (const { property, keyword } of sort) {
    if (keyword === undefined) continue;
    if (property === 'someInThreadHaveKeyword') some.add(keyword);
    if (property === 'allInThreadHaveKeyword') all.add(keyword);
  }
  const threadsWith = new Map<Keyword, ReadonlySet<ThreadId>>();
  const threadsLacking = new Map<Keyword, ReadonlySet<ThreadId>>();
  for (const keyword of some) threadsWith.set(keyword, await threadsOf(database, { account, keywords: keyword }));
  for (const keyword of all) {
    threadsLacking.set(keyword, await threadsOf(database, { account, keywords: { $ne: keyword } }));
  }
  return { mailbox, threadsWith, threadsLacking };
}

async function threadsOf(
  database: Pick<Database, 'messages'>,
  filter: Filter<MessageRow>,
): Promise<ReadonlySet<ThreadId>> {
  const rows = database.messages.aggregate<{ readonly _id: ThreadId }>(
    [{ $match: filter }, { $group: { _id: '$thread' } }],
    { allowDiskUse: true, batchSize: BATCH },
  );
  const found = new Set<ThreadId>();
  await orUnavailable(async () => {
    for await (const { _id } of rows) found.add(_id);
  });
  return found;
}

/** In the order of `rows`. */
async function* decided(
  bodies: BodyStore,
  rows: readonly SearchRow[],
  filter: SearchNode,
  context: SearchContext,
): AsyncGenerator<readonly SearchRow[], void, undefined> {
  const wanted = wantedOf(filter);
  const answers = rows.map((row) => evaluate(filter, row, context, null));
  const open = [...answers.keys()].filter((i) => answers[i] === null);
  let at = 0;
  for (let begin = 0; begin < open.length; begin += BODY_BATCH) {
    const batch = open.slice(begin, begin + BODY_BATCH);
    const whole = await bodies.readWhole(batch.map((i) => rows[i]!.body));
    for (const i of batch) {
      const row = rows[i]!;
      const facts = await readFacts(bodies, row, wanted, whole.get(row.body.id));
      answers[i] = evaluate(filter, row, context, facts);
    }
    // Up to the last that was read all is decided: who has enough needn't wait for the rest.
    const until = batch.at(-1)! + 1;
    const matched = rows.slice(at, until).filter((_, n) => answers[at + n] === true);
    at = until;
    if (matched.length > 0) yield matched;
  }
  const rest = rows.slice(at).filter((_, n) => answers[at + n] === true);
  if (rest.length > 0) yield rest;
}

function wantedOf(filter: SearchNode): Wanted {
  const needles = new Set<string>();
  let header = false;
  for (const node of nodesOf(filter)) {
    if (node.op === 'body' || node.op === 'text') needles.add(foldForSearch(node.text));
    // Address lists that were cut are looked up in the header as well.
    if (HEADER_OPS.has(node.op)) header = true;
  }
  needles.delete('');
  return { header, needles };
}

const HEADER_OPS: ReadonlySet<SearchNode['op']> = new Set(['text', 'header', 'from', 'to', 'cc', 'bcc', 'subject']);

/** Fields of the row that `evaluate` looks at. */
function fieldsOf(filter: SearchNode): Set<keyof SearchRow> {
  const fields = new Set<keyof SearchRow>();
  for (const node of nodesOf(filter)) for (const field of FIELDS[node.op]) fields.add(field);
  return fields;
}

const OCTETS = ['fold', 'body', 'structure'] as const;
const FIELDS: Readonly<Record<SearchNode['op'], readonly (keyof SearchRow)[]>> = {
  all: [],
  none: [],
  and: [],
  or: [],
  not: [],
  inMailbox: ['mailboxes'],
  onlyInMailboxes: ['mailboxes'],
  uids: ['mailboxes'],
  ids: [],
  keyword: ['keywords'],
  deleted: ['mailboxes'],
  threadKeyword: ['thread'],
  receivedAt: ['receivedAt'],
  savedAt: ['mailboxes'],
  sentAt: ['sentAt'],
  sentDay: ['sentAt', 'sentAtOffset'],
  size: ['size'],
  hasAttachment: ['hasAttachment'],
  modseq: ['modseq'],
  from: OCTETS,
  to: OCTETS,
  cc: OCTETS,
  bcc: OCTETS,
  subject: OCTETS,
  header: OCTETS,
  body: OCTETS,
  text: OCTETS,
};
