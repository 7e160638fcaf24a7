/**
 * The rules of every /queryChanges (RFC 8620 §5.6), once. Differences come from the change log and the results as they are now: what may have been in the
 * old results and may have moved is removed, and what of it is in the present ones is added again at its place. A query state that is too old, not ours,
 * or that moves faster than the results can be read: cannotCalculateChanges.
 */
import type { AccountStore } from '../../../storage/mail-store.ts';
import type { ChangeRow, StateType } from '../../../storage/model.ts';
import { asBoolean, asId, asText, asUnsigned } from '../json/object-reader.ts';
import { MAX_IDS_IN_ANSWER } from '../limits.ts';
import type { MethodCall } from '../method-call.ts';
import { MethodError } from '../method-error.ts';
import { foldChanges } from './changes.ts';
import { parseState } from './state.ts';

export interface QueryChangesRequest {
  readonly sinceQueryState: string;
  readonly maxChanges: number | null;
  readonly upToId: string | null;
  readonly calculateTotal: boolean;
}

/** Takes the standard arguments; the caller takes its own and then calls `call.args.finish()`. */
export function readQueryChanges({ args, request }: MethodCall): QueryChangesRequest {
  const upToId = args.nullable('upToId', asId);
  return {
    sinceQueryState: args.required('sinceQueryState', asText),
    maxChanges: args.nullable('maxChanges', asUnsigned),
    upToId: upToId === null ? null : request.resolveId(upToId),
    calculateTotal: args.withDefault('calculateTotal', asBoolean, false),
  };
}

export interface Touched {
  readonly state: string;
  readonly created: ReadonlySet<string>;
  readonly updated: ReadonlySet<string>;
  readonly destroyed: ReadonlySet<string>;
}

/** What happened to objects of `type`; rows that `passesOver` names are of no weight for the query. */
export async function touchedSince(
  account: AccountStore,
  type: StateType,
  sinceQueryState: string,
  passesOver?: (row: ChangeRow) => boolean,
): Promise<Touched> {
  if (parseState(sinceQueryState) === null) throw cannotCalculate('That is no query state of this server.');
  const { changes } = await foldChanges(account, type, sinceQueryState, MAX_IDS_IN_ANSWER, passesOver);
  if (changes.hasMoreChanges) throw cannotCalculate('Too much has changed since: query again.');
  return {
    state: changes.newState,
    created: new Set(changes.created),
    updated: new Set(changes.updated),
    destroyed: new Set(changes.destroyed),
  };
}

/** Reads anew while the state moves under the reading. */
const MAX_READINGS = 5;

/** `read` tells the state that its results belong to; null: the state moved meanwhile. */
export async function steadily<T>(read: () => Promise<T | null>): Promise<T> {
  for (let reading = 0; reading < MAX_READINGS; reading++) {
    const steady = await read();
    if (steady !== null) return steady;
  }
  throw cannotCalculate('The results change faster than they can be read: query again.');
}

export interface QueryDifference {
  readonly newQueryState: string;
  /** May have been in the old results, and are not sure to be where they were. */
  readonly removed: readonly string[];
  /** Those of the present results that are told with their index. */
  readonly mayBeAdded: ReadonlySet<string>;
  /** All present results, in order. */
  readonly ids: readonly string[];
  readonly total: number;
  /** Filter and sort are on immutable properties alone: only then may `upToId` cut the answer. */
  readonly isImmutable: boolean;
}

export function answerQueryChanges(
  accountId: string,
  request: QueryChangesRequest,
  { newQueryState, removed, mayBeAdded, ids, total, isImmutable }: QueryDifference,
): object {
  const { sinceQueryState, maxChanges, upToId, calculateTotal } = request;
  const last = isImmutable && upToId !== null ? ids.indexOf(upToId) : -1;
  const added: { readonly id: string; readonly index: number }[] = [];
  for (const [index, id] of ids.entries()) {
    if (last !== -1 && index > last) break;
    if (mayBeAdded.has(id)) added.push({ id, index });
  }
  if (maxChanges !== null && removed.length + added.length > maxChanges) {
    throw new MethodError('tooManyChanges', `There are more than ${maxChanges} changes.`);
  }
  return {
    accountId,
    oldQueryState: sinceQueryState,
    newQueryState,
    ...(calculateTotal ? { total } : {}),
    removed,
    added,
  };
}

function cannotCalculate(why: string): MethodError {
  return new MethodError('cannotCalculateChanges', why);
}
