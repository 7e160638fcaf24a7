/** The rules of every /query (RFC 8620 §5.5), once: filter trees, sort lists, windows by position or anchor. */
import {
  asBoolean,
  asId,
  asInt,
  asObject,
  asText,
  asUnsigned,
  InvalidValue,
  listOf,
  ObjectReader,
  oneOf,
} from '../json/object-reader.ts';
import { isObject, type Json } from '../json/parse-json.ts';
import { MAX_FILTER_NODES, MAX_IDS_IN_ANSWER } from '../limits.ts';
import type { MethodCall } from '../method-call.ts';
import { MethodError } from '../method-error.ts';

export interface Window {
  readonly position: number;
  readonly anchor: string | null;
  readonly anchorOffset: number;
  /** At most what an answer holds. */
  readonly limit: number;
  /** RFC 8620 §5.5: the limit that we set, where it is another than the client's. */
  readonly limitByUs: number | null;
  readonly calculateTotal: boolean;
}

export function readWindow(call: MethodCall): Window {
  const { args } = call;
  const anchor = args.nullable('anchor', asId);
  const given = args.nullable('limit', asUnsigned);
  const limit = Math.min(given ?? MAX_IDS_IN_ANSWER, MAX_IDS_IN_ANSWER);
  return {
    position: args.withDefault('position', asInt, 0),
    anchor: anchor === null ? null : call.request.resolveId(anchor),
    anchorOffset: args.withDefault('anchorOffset', asInt, 0),
    limit,
    limitByUs: limit === given ? null : limit,
    calculateTotal: args.withDefault('calculateTotal', asBoolean, false),
  };
}

export type FilterTree<T> =
  | { readonly operator: 'AND' | 'OR' | 'NOT'; readonly conditions: readonly FilterTree<T>[] }
  | { readonly operator: null; readonly condition: T };

/** Null: no filter. Depth is bounded by the JSON parser, the number of nodes here. */
export function readFilter<T>(
  call: MethodCall,
  parseCondition: (reader: ObjectReader, path: string) => T,
): FilterTree<T> | null {
  let nodes = 0;
  const parse = (value: Json, path: string): FilterTree<T> => {
    nodes += 1;
    if (nodes > MAX_FILTER_NODES) throw new MethodError('unsupportedFilter', `At most ${MAX_FILTER_NODES} conditions.`);
    const reader = new ObjectReader(asObject(value, path), path);
    if (!reader.has('operator')) {
      const condition = parseCondition(reader, path);
      finishCondition(reader);
      return { operator: null, condition };
    }
    const operator = reader.required('operator', oneOf('AND', 'OR', 'NOT'));
    const conditions = reader.required('conditions', listOf(parse));
    reader.finish();
    return { operator, conditions };
  };
  return call.args.nullable('filter', parse);
}

/** RFC 8620 §5.5: a condition that is well formed but not known here. */
function finishCondition(reader: ObjectReader): void {
  try {
    reader.finish();
  } catch (error) {
    if (error instanceof InvalidValue) throw new MethodError('unsupportedFilter', error.message);
    throw error;
  }
}

export interface Comparator {
  readonly property: string;
  readonly isAscending: boolean;
  readonly keyword: string | null;
}

export const COLLATIONS = ['i;ascii-casemap', 'i;unicode-casemap', 'i;octet'] as const;
const MAX_COMPARATORS = 10;

/** `null` and an absent sort are the same. Fails with unsupportedSort for a property that is not among `properties`. */
export function readSort(call: MethodCall, properties: ReadonlySet<string>): readonly Comparator[] {
  const comparators =
    call.args.nullable(
      'sort',
      listOf((value, path) => parseComparator(value, path, properties)),
    ) ?? [];
  if (comparators.length > MAX_COMPARATORS) {
    throw new MethodError('unsupportedSort', `At most ${MAX_COMPARATORS} comparators.`);
  }
  return comparators;
}

function parseComparator(value: Json, path: string, properties: ReadonlySet<string>): Comparator {
  if (!isObject(value)) throw new InvalidValue(path, 'must be an object');
  const reader = new ObjectReader(value, path);
  const property = reader.required('property', asText);
  const isAscending = reader.withDefault('isAscending', asBoolean, true);
  const collation = reader.nullable('collation', asText);
  if (!properties.has(property)) {
    throw new MethodError('unsupportedSort', `Sorting by ${JSON.stringify(property)} is not known here.`);
  }
  if (collation !== null && !(COLLATIONS as readonly string[]).includes(collation)) {
    throw new MethodError('unsupportedSort', `The collation ${JSON.stringify(collation)} is not known here.`);
  }
  const keyword = reader.nullable('keyword', asText);
  reader.finish();
  return { property, isAscending, keyword };
}

/** The window of a list that is all at hand. MethodError anchorNotFound. */
export function cutWindow(
  ids: readonly string[],
  window: Window,
): { readonly position: number; readonly ids: readonly string[] } {
  let position = window.position < 0 ? Math.max(0, ids.length + window.position) : window.position;
  if (window.anchor !== null) {
    const at = ids.indexOf(window.anchor);
    if (at === -1) throw new MethodError('anchorNotFound', 'The anchor is not in the results.');
    position = Math.max(0, at + window.anchorOffset);
  }
  return { position, ids: ids.slice(position, position + window.limit) };
}

/** RFC 8620 §5.5: the answer, with the members that are only there when they were asked for or changed. */
export function answerQuery(
  accountId: string,
  queryState: string,
  result: { readonly position: number; readonly ids: readonly string[]; readonly total?: number },
  window: Window,
  canCalculateChanges = true,
): object {
  return {
    accountId,
    queryState,
    canCalculateChanges,
    position: result.position,
    ids: result.ids,
    ...(window.calculateTotal && result.total !== undefined ? { total: result.total } : {}),
    ...(window.limitByUs === null ? {} : { limit: window.limitByUs }),
  };
}
