/** The rules of every /set (RFC 8620 §5.3), once: three lists, ifInState, an outcome for each object, patches by pointer. */
import type { Modseq } from '../../../mail/ids.ts';
import { Refusal } from '../../../mail/refusal.ts';
import type { AccountStore, Outcome } from '../../../storage/mail-store.ts';
import type { StateType } from '../../../storage/model.ts';
import { asId, asObject, asText, listOf, mapOf } from '../json/object-reader.ts';
import { type Json, type JsonObject, objectOf } from '../json/parse-json.ts';
import { accountOf, type MethodCall } from '../method-call.ts';
import { MethodError, type SetError, SetRefusal, setErrorOf, setErrorOfRefusal } from '../method-error.ts';
import { parseState, stateOf } from './state.ts';

export interface SetRequest {
  readonly accountId: string;
  readonly account: AccountStore;
  readonly ifInState: Modseq | undefined;
  readonly create: ReadonlyMap<string, JsonObject>;
  /** Keys as they came: creation references are resolved when the object's turn comes. */
  readonly update: ReadonlyMap<string, JsonObject>;
  readonly destroy: readonly string[];
}

/** Takes the standard arguments; the caller takes its own and then calls `call.args.finish()`. */
export async function readSet(call: MethodCall): Promise<SetRequest> {
  const { accountId, account } = await accountOf(call);
  const ifInState = readIfInState(call);
  const create = call.args.nullable('create', mapOf(asObject)) ?? new Map<string, JsonObject>();
  const update = call.args.nullable('update', mapOf(asObject)) ?? new Map<string, JsonObject>();
  const destroy = [...new Set(call.args.nullable('destroy', listOf(asId)) ?? [])];
  checkObjectsInSet(call, create.size + update.size + destroy.length);
  return { accountId, account, ifInState, create, update, destroy };
}

export function checkObjectsInSet(call: MethodCall, count: number): void {
  const max = call.request.parts.limits.maxObjectsInSet;
  if (count > max) throw new MethodError('requestTooLarge', `At most ${max} objects in one call.`);
}

/** Undefined: not asked. A text that is no state of ours mismatches at once. */
export function readIfInState(call: MethodCall): Modseq | undefined {
  const text = call.args.nullable('ifInState', asText);
  if (text === null) return undefined;
  const state = parseState(text);
  if (state === null) throw stateMismatch();
  return state;
}

export function stateMismatch(): MethodError {
  return new MethodError('stateMismatch', 'The state is another by now.');
}

/** For a call that has nothing to write: the state, checked against ifInState. */
export async function stateWithoutChange(
  account: AccountStore,
  type: StateType,
  ifInState: Modseq | undefined,
): Promise<string> {
  const { states } = await account.state();
  if (ifInState !== undefined && states[type] !== ifInState) throw stateMismatch();
  return stateOf(states, type);
}

/** Gathers the outcomes of one kind of change. */
export class Outcomes<T> {
  readonly done = new Map<string, T>();
  readonly refused = new Map<string, SetError>();

  refuse(key: string, error: SetError): void {
    this.refused.set(key, error);
  }

  /** Runs `act`; an error that is the client's becomes this object's outcome. */
  async attempt<R>(key: string, act: () => R | Promise<R>): Promise<R | null> {
    try {
      return await act();
    } catch (error) {
      const setError = error instanceof Refusal ? setErrorOfRefusal(error) : setErrorOf(error);
      if (setError === null) throw error;
      this.refused.set(key, setError);
      return null;
    }
  }

  settle<S>(key: string, outcome: Outcome<S> | undefined, show: (value: S) => T): void {
    if (outcome === undefined) return;
    if (outcome.ok) this.done.set(key, show(outcome.value));
    else this.refused.set(key, setErrorOfRefusal(outcome.refusal));
  }
}

/** RFC 8620 §5.3: empty is null. */
export function answerSet(
  accountId: string,
  states: { readonly oldState: string; readonly newState: string },
  created: Outcomes<object>,
  updated: Outcomes<object | null>,
  destroyed: Outcomes<null>,
): object {
  return {
    accountId,
    oldState: states.oldState,
    newState: states.newState,
    created: objectOrNull(created.done),
    updated: objectOrNull(updated.done),
    destroyed: destroyed.done.size === 0 ? null : [...destroyed.done.keys()],
    notCreated: objectOrNull(created.refused),
    notUpdated: objectOrNull(updated.refused),
    notDestroyed: objectOrNull(destroyed.refused),
  };
}

export function objectOrNull<T>(map: ReadonlyMap<string, T>): Record<string, T> | null {
  return map.size === 0 ? null : objectOf(map);
}

export type Pointer = readonly string[];

/**
 * RFC 8620 §5.3 PatchObject: pointers with an implicit leading slash. Refuses with invalidPatch a pointer into another one of the same patch
 * and what is no pointer at all.
 */
export function readPatch(patch: JsonObject): ReadonlyMap<Pointer, Json> {
  const entries = Object.keys(patch).map((path) => ({
    path,
    tokens: path.split('/').map(unescapeToken),
    value: patch[path]!,
  }));
  const paths = new Set(entries.map(({ path }) => path));
  for (const { path } of entries) {
    for (let slash = path.indexOf('/'); slash !== -1; slash = path.indexOf('/', slash + 1)) {
      if (paths.has(path.slice(0, slash)))
        throw invalidPatch(`"${path.slice(0, slash)}" is given as a whole and in part`);
    }
  }
  return new Map(entries.map(({ tokens, value }) => [tokens, value]));
}

function unescapeToken(token: string): string {
  if (/~(?![01])/.test(token)) throw invalidPatch('a pointer has a stray "~"');
  return token.replaceAll('~1', '/').replaceAll('~0', '~');
}

export function invalidPatch(why: string): SetRefusal {
  return new SetRefusal({ type: 'invalidPatch', description: `The patch can't be applied: ${why}.` });
}
