/**
 * As much of a search as MongoDB can decide by itself: a filter that every match passes. `isExact`: and nothing else passes.
 *
 * Only an exact filter may be negated; what is under a NOT or beside an OR and isn't exact widens the filter instead, and `evaluate` decides.
 * Client text only ever becomes an escaped pattern or an operand, never an operator.
 */
import type { Filter } from 'mongodb';
import { foldForSearch } from '../../mail/format/search-fold.ts';
import type { SearchNode } from '../model.ts';
import type { MessageRow } from '../mongo/documents.ts';
import type { SearchContext } from './search-context.ts';

export interface PushedDown {
  readonly filter: Filter<MessageRow>;
  readonly isExact: boolean;
}

const EVERYTHING: PushedDown = { filter: {}, isExact: true };
const ANYTHING: PushedDown = { filter: {}, isExact: false };
const NOTHING: PushedDown = { filter: { _id: { $in: [] } }, isExact: true };
/** A longer pattern costs the server more than it saves. */
const MAX_PATTERN = 500;
/** Ranges of UIDs that are worth an $or. */
const MAX_RANGES = 64;
/** Zones of Date fields are written by strangers: a day either way covers the real ones, four cover '+9959'. */
const ZONE_MARGIN_MS = 5 * 24 * 3600_000;
/** message-row.ts cuts folded addresses here; what is behind can only be found in the header. */
export const FOLD_LIMIT = 20_000;

export function pushDown(node: SearchNode, context: SearchContext): PushedDown {
  switch (node.op) {
    case 'all':
      return EVERYTHING;
    case 'none':
      return NOTHING;
    case 'and': {
      const parts = node.nodes.map((child) => pushDown(child, context));
      const filters = parts.map((part) => part.filter).filter((filter) => Object.keys(filter).length > 0);
      return { filter: joined('$and', filters), isExact: parts.every((part) => part.isExact) };
    }
    case 'or': {
      const parts = node.nodes.map((child) => pushDown(child, context));
      if (parts.length === 0) return NOTHING;
      const isExact = parts.every((part) => part.isExact);
      if (parts.some((part) => Object.keys(part.filter).length === 0)) return { filter: {}, isExact };
      return {
        filter: joined(
          '$or',
          parts.map((part) => part.filter),
        ),
        isExact,
      };
    }
    case 'not': {
      const inner = pushDown(node.node, context);
      if (!inner.isExact) return ANYTHING;
      return Object.keys(inner.filter).length === 0 ? NOTHING : exact({ $nor: [inner.filter] });
    }
    case 'inMailbox':
      return exact({ 'mailboxes.id': node.mailbox });
    case 'onlyInMailboxes':
      return exact({ mailboxes: { $not: { $elemMatch: { id: { $nin: [...node.mailboxes] } } } } });
    case 'uids':
      return uids(node, context);
    case 'ids':
      return exact({ _id: { $in: [...node.emails] } });
    case 'keyword':
      return exact({ keywords: node.keyword });
    case 'deleted':
      return context.mailbox === null
        ? exact({ 'mailboxes.deleted': true })
        : exact({ mailboxes: { $elemMatch: { id: context.mailbox, deleted: true } } });
    case 'threadKeyword':
      // Where all have it, this one has it.
      return node.quantity === 'all' ? { filter: { keywords: node.keyword }, isExact: false } : ANYTHING;
    case 'receivedAt':
      return exact({ receivedAt: between(node.from, node.to) });
    case 'savedAt': {
      const savedAt = between(node.from, node.to);
      return exact({
        mailboxes: { $elemMatch: { savedAt, ...(context.mailbox !== null && { id: context.mailbox }) } },
      });
    }
    case 'sentAt':
      return exact({ sentAt: { $ne: null, ...between(node.from, node.to) } });
    case 'sentDay':
      return {
        filter: { sentAt: { $ne: null, ...between(dayAround(node.from, -1), dayAround(node.to, 1)) } },
        isExact: false,
      };
    case 'size':
      return exact({ size: between(node.from, node.to) });
    case 'hasAttachment':
      return exact({ hasAttachment: true });
    case 'modseq':
      return exact({ modseq: { $gte: node.from } });
    case 'from':
    case 'to':
    case 'cc':
    case 'bcc':
    case 'subject':
      return pattern(node.op, foldForSearch(node.text));
    case 'header':
    case 'body':
    case 'text':
      return ANYTHING;
    default:
      return node satisfies never;
  }
}

const exact = (filter: Filter<MessageRow>): PushedDown => ({ filter, isExact: true });

function joined(operator: '$and' | '$or', filters: readonly Filter<MessageRow>[]): Filter<MessageRow> {
  if (filters.length === 0) return {};
  return filters.length === 1 ? filters[0]! : { [operator]: [...filters] };
}

/** `from <= x < to`; without either, that there is such a value. */
function between<Value extends Date | number>(
  from: Value | undefined,
  to: Value | undefined,
): { $exists?: true; $gte?: Value; $lt?: Value } {
  if (from === undefined && to === undefined) return { $exists: true };
  return { ...(from !== undefined && { $gte: from }), ...(to !== undefined && { $lt: to }) };
}

function dayAround(day: string | undefined, side: -1 | 1): Date | undefined {
  return day === undefined ? undefined : new Date(Date.parse(`${day}T00:00:00Z`) + side * ZONE_MARGIN_MS);
}

function uids(node: Extract<SearchNode, { op: 'uids' }>, { mailbox }: SearchContext): PushedDown {
  const { ranges } = node;
  if (mailbox === null || ranges.length === 0) return NOTHING;
  if (ranges.length > MAX_RANGES) {
    const $gte = ranges[0]!.from;
    const $lte = ranges.at(-1)!.to;
    return { filter: { mailboxes: { $elemMatch: { id: mailbox, uid: { $gte, $lte } } } }, isExact: false };
  }
  const one = ranges.map(({ from, to }) => ({
    mailboxes: { $elemMatch: { id: mailbox, uid: { $gte: from, $lte: to } } },
  }));
  return exact(joined('$or', one));
}

function pattern(field: 'from' | 'to' | 'cc' | 'bcc' | 'subject', folded: string): PushedDown {
  if (folded === '') return EVERYTHING;
  if (folded.length > MAX_PATTERN) return ANYTHING;
  const $regex = folded.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&');
  const filter = { [`fold.${field}`]: { $regex } } as Filter<MessageRow>;
  if (field === 'subject' || field === 'from') return exact(filter);
  // A list of recipients that was cut: the header decides.
  const isCut = { [`fold.${field}`]: { $regex: `^[\\s\\S]{${FOLD_LIMIT - 1}}` } } as Filter<MessageRow>;
  return { filter: { $or: [filter, isCut] }, isExact: false };
}
