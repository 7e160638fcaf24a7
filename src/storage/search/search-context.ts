/**
 * What a search is about, and the rows it works on. `mailbox`: where UIDs, \Deleted and the save date are looked up; null in a search of the whole account.
 */
import type { Keyword } from '../../mail/flags.ts';
import type { MailboxId, ThreadId } from '../../mail/ids.ts';
import type { SearchNode } from '../model.ts';
import type { MessageRow } from '../mongo/documents.ts';

export interface SearchContext {
  readonly mailbox: MailboxId | null;
  /** Threads in which some email has the keyword, by keyword. */
  readonly threadsWith: ReadonlyMap<Keyword, ReadonlySet<ThreadId>>;
  /** Threads in which some email lacks the keyword, by keyword. */
  readonly threadsLacking: ReadonlyMap<Keyword, ReadonlySet<ThreadId>>;
}

/** The fields that a filter or a sort can ask for. */
export type SearchRow = Pick<
  MessageRow,
  | '_id'
  | 'thread'
  | 'body'
  | 'size'
  | 'receivedAt'
  | 'sentAt'
  | 'sentAtOffset'
  | 'keywords'
  | 'mailboxes'
  | 'modseq'
  | 'hasAttachment'
  | 'fold'
  | 'baseSubject'
  | 'structure'
>;

/** Every node of the tree, itself first. */
export function* nodesOf(node: SearchNode): Generator<SearchNode> {
  yield node;
  if (node.op === 'and' || node.op === 'or') for (const child of node.nodes) yield* nodesOf(child);
  else if (node.op === 'not') yield* nodesOf(node.node);
}

/** The nodes that must all hold: the root, or what stands in its ANDs. */
export function* conjunctsOf(node: SearchNode): Generator<SearchNode> {
  if (node.op === 'and') for (const child of node.nodes) yield* conjunctsOf(child);
  else yield node;
}
