/** The filters of Email/query (RFC 8621 §4.4.1) in the store's words. */
import { type Keyword, parseKeyword } from '../../../mail/flags.ts';
import type { MailboxId } from '../../../mail/ids.ts';
import type { SearchNode } from '../../../storage/model.ts';
import {
  asBoolean,
  asId,
  asText,
  asUnsigned,
  asUtcDate,
  InvalidValue,
  listOf,
  type ObjectReader,
  type Parser,
} from '../json/object-reader.ts';
import type { MethodCall } from '../method-call.ts';
import { MethodError } from '../method-error.ts';
import { type FilterTree, readFilter } from '../standard/query.ts';

/** Takes the argument `filter`; without one everything matches. */
export function readEmailFilter(call: MethodCall): SearchNode {
  const tree = readFilter(call, (reader) => readCondition(reader, (id) => call.request.resolveId(id) as MailboxId));
  return tree === null ? { op: 'all' } : nodeOf(tree);
}

function nodeOf(tree: FilterTree<SearchNode>): SearchNode {
  if (tree.operator === null) return tree.condition;
  const nodes = tree.conditions.map(nodeOf);
  switch (tree.operator) {
    case 'AND':
      return allOf(nodes);
    case 'OR':
      return anyOf(nodes);
    // RFC 8620 §5.5: none of the conditions matches.
    case 'NOT':
      return { op: 'not', node: anyOf(nodes) };
  }
}

function allOf(nodes: readonly SearchNode[]): SearchNode {
  if (nodes.length === 0) return { op: 'all' };
  return nodes.length === 1 ? nodes[0]! : { op: 'and', nodes };
}

function anyOf(nodes: readonly SearchNode[]): SearchNode {
  if (nodes.length === 0) return { op: 'none' };
  return nodes.length === 1 ? nodes[0]! : { op: 'or', nodes };
}

const not = (node: SearchNode): SearchNode => ({ op: 'not', node });

type Condition = (reader: ObjectReader, name: string, mailbox: (id: string) => MailboxId) => SearchNode;

const text =
  (op: 'text' | 'body' | 'from' | 'to' | 'cc' | 'bcc' | 'subject'): Condition =>
  (reader, name) =>
    allOf(searchTerms(reader.required(name, asText)).map((term) => ({ op, text: term })));

const keywordNode =
  (show: (keyword: Keyword) => SearchNode): Condition =>
  (reader, name) =>
    show(reader.required(name, asKeyword));

const CONDITIONS: ReadonlyMap<string, Condition> = new Map<string, Condition>([
  ['inMailbox', (reader, name, mailbox) => ({ op: 'inMailbox', mailbox: mailbox(reader.required(name, asId)) })],
  [
    'inMailboxOtherThan',
    (reader, name, mailbox) =>
      not({ op: 'onlyInMailboxes', mailboxes: reader.required(name, listOf(asId)).map(mailbox) }),
  ],
  ['before', (reader, name) => ({ op: 'receivedAt', to: reader.required(name, asUtcDate) })],
  ['after', (reader, name) => ({ op: 'receivedAt', from: reader.required(name, asUtcDate) })],
  ['minSize', (reader, name) => ({ op: 'size', from: reader.required(name, asUnsigned) })],
  ['maxSize', (reader, name) => ({ op: 'size', to: reader.required(name, asUnsigned) })],
  ['allInThreadHaveKeyword', keywordNode((keyword) => ({ op: 'threadKeyword', quantity: 'all', keyword }))],
  ['someInThreadHaveKeyword', keywordNode((keyword) => ({ op: 'threadKeyword', quantity: 'some', keyword }))],
  ['noneInThreadHaveKeyword', keywordNode((keyword) => not({ op: 'threadKeyword', quantity: 'some', keyword }))],
  ['hasKeyword', keywordNode((keyword) => ({ op: 'keyword', keyword }))],
  ['notKeyword', keywordNode((keyword) => not({ op: 'keyword', keyword }))],
  [
    'hasAttachment',
    (reader, name) => (reader.required(name, asBoolean) ? { op: 'hasAttachment' } : not({ op: 'hasAttachment' })),
  ],
  ['text', text('text')],
  ['from', text('from')],
  ['to', text('to')],
  ['cc', text('cc')],
  ['bcc', text('bcc')],
  ['subject', text('subject')],
  ['body', text('body')],
  ['header', readHeaderCondition],
]);

function readCondition(reader: ObjectReader, mailbox: (id: string) => MailboxId): SearchNode {
  const nodes: SearchNode[] = [];
  for (const name of reader.names()) {
    const condition = CONDITIONS.get(name);
    if (condition === undefined) {
      throw new MethodError('unsupportedFilter', `The condition ${JSON.stringify(name)} is not known here.`);
    }
    nodes.push(condition(reader, name, mailbox));
  }
  return allOf(nodes);
}

/** RFC 8621 §4.4.1: a name, and maybe the text to look for in the value. */
function readHeaderCondition(reader: ObjectReader, property: string): SearchNode {
  const [name, value, ...rest] = reader.required(property, listOf(asText));
  if (name === undefined || rest.length > 0) throw new InvalidValue(property, 'must have one or two items');
  if (!/^[\x21-\x39\x3b-\x7e]{1,255}$/.test(name)) throw new InvalidValue(`${property}/0`, 'must be a header name');
  return { op: 'header', name: name.toLowerCase(), text: value === undefined || value === '' ? null : value };
}

const asKeyword: Parser<Keyword> = (value, path) => {
  const keyword = parseKeyword(asText(value, path));
  if (keyword === null) throw new InvalidValue(path, 'must be a keyword');
  return keyword;
};

/** More words than this make no search better. */
const MAX_TERMS = 32;

/**
 * RFC 8621 §4.4.1: words that must all be there; in a matched pair of quotes, a phrase with `\` before `'`, `"` and `\`. An apostrophe
 * within a word is no quote.
 */
export function searchTerms(query: string): readonly string[] {
  const terms: string[] = [];
  for (let at = 0; at < query.length && terms.length < MAX_TERMS; ) {
    const character = query[at]!;
    if (/\s/.test(character)) {
      at += 1;
      continue;
    }
    const phrase = character === '"' || character === "'" ? readPhrase(query, at) : null;
    if (phrase !== null) {
      if (phrase.text !== '') terms.push(phrase.text);
      at = phrase.end;
      continue;
    }
    let end = at;
    while (end < query.length && !/\s/.test(query[end]!)) end += 1;
    terms.push(query.slice(at, end));
    at = end;
  }
  return terms;
}

/** Null: the quote is not closed where a word ends. */
function readPhrase(query: string, start: number): { readonly text: string; readonly end: number } | null {
  const quote = query[start]!;
  let text = '';
  for (let at = start + 1; at < query.length; at += 1) {
    const character = query[at]!;
    if (character === '\\' && at + 1 < query.length) {
      at += 1;
      text += query[at]!;
    } else if (character === quote) {
      const isEnd = at + 1 === query.length || /\s/.test(query[at + 1]!);
      if (isEnd) return { text: text.trim(), end: at + 1 };
      text += character;
    } else {
      text += character;
    }
  }
  return null;
}
