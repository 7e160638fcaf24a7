/** The rules of every /get (RFC 8620 §5.1), once: ids, properties, notFound. */
import type { AccountStore } from '../../../storage/mail-store.ts';
import { asId, asText, InvalidValue, listOf, type Parser } from '../json/object-reader.ts';
import { MAX_PROPERTIES } from '../limits.ts';
import { accountOf, type MethodCall } from '../method-call.ts';
import { MethodError } from '../method-error.ts';

export interface GetRequest {
  readonly accountId: string;
  readonly account: AccountStore;
  /** Each once, creation references resolved; null: all. */
  readonly ids: readonly string[] | null;
  /** Null: those that the type has by default. Always with `id`. */
  readonly properties: ReadonlySet<string> | null;
}

/** Takes the standard arguments; the caller takes its own before `call.args.finish()`. */
export async function readGet(call: MethodCall, isProperty: (name: string) => boolean): Promise<GetRequest> {
  const { accountId, account } = await accountOf(call);
  const given = call.args.nullable('ids', listOf(asId));
  const max = call.request.parts.limits.maxObjectsInGet;
  const ids = given === null ? null : [...new Set(given.map((id) => call.request.resolveId(id)))];
  if (ids !== null && ids.length > max) throw tooManyToGet(max);
  const names = call.args.nullable('properties', asPropertyNames);
  for (const [index, name] of names?.entries() ?? []) {
    if (!isProperty(name)) throw new InvalidValue(`properties/${index}`, `${JSON.stringify(name)} is no property`);
  }
  return { accountId, account, ids, properties: names === null ? null : new Set(['id', ...names]) };
}

/** `properties`: no client needs more of them than there are. */
export const asPropertyNames: Parser<string[]> = (value, path) => {
  const names = listOf(asText)(value, path);
  if (names.length > MAX_PROPERTIES) throw new InvalidValue(path, `must have at most ${MAX_PROPERTIES} names`);
  return names;
};

export function tooManyToGet(max: number): MethodError {
  return new MethodError('requestTooLarge', `At most ${max} objects in one call.`);
}

/** For types whose objects are all at hand: picks those asked for. */
export function answerGet<T extends { readonly id: string }>(
  { accountId, ids, properties }: GetRequest,
  state: string,
  all: readonly T[],
  maxObjectsInGet: number,
): object {
  if (ids === null && all.length > maxObjectsInGet) throw tooManyToGet(maxObjectsInGet);
  const byId = new Map(all.map((one) => [one.id as string, one]));
  const list: object[] = [];
  const notFound: string[] = [];
  for (const id of ids ?? byId.keys()) {
    const one = byId.get(id);
    if (one === undefined) notFound.push(id);
    else list.push(pick(one, properties));
  }
  return { accountId, state, list, notFound };
}

/** `id` always comes, what was not asked for never. */
export function pick(object: object, properties: ReadonlySet<string> | null): object {
  if (properties === null) return object;
  const picked: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(object)) if (properties.has(name)) picked[name] = value;
  return picked;
}
