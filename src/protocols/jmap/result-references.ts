/**
 * Arguments that point into earlier answers of the same request (RFC 8620 §3.7). Fails with MethodError invalidResultReference or
 * invalidArguments. A request can't grow without bound by references to references: what they bring in is counted.
 */
import { asText, InvalidValue, ObjectReader } from './json/object-reader.ts';
import { isObject, type Json, type JsonObject } from './json/parse-json.ts';
import { MAX_REFERENCED_OCTETS } from './limits.ts';
import { MethodError } from './method-error.ts';

export interface Answer {
  readonly name: string;
  readonly args: object;
  readonly callId: string;
}

/** What a value weighs besides its text. */
const VALUE_OCTETS = 16;

/** Counts over one request. */
export class ReferenceBudget {
  #left = MAX_REFERENCED_OCTETS;
  spend(value: Json): void {
    this.#left -= typeof value === 'string' ? VALUE_OCTETS + value.length : VALUE_OCTETS;
    if (this.#left < 0) throw new MethodError('requestTooLarge', 'The result references bring in too much.');
    if (typeof value !== 'object' || value === null) return;
    if (Array.isArray(value)) for (const item of value) this.spend(item as Json);
    else {
      for (const key of Object.keys(value)) {
        this.#left -= key.length;
        this.spend((value as JsonObject)[key]!);
      }
    }
  }
}

export function resolveReferences(args: JsonObject, answers: readonly Answer[], budget: ReferenceBudget): JsonObject {
  const names = Object.keys(args);
  if (!names.some((name) => name.startsWith('#'))) return args;
  const resolved: Record<string, Json> = Object.create(null);
  for (const name of names) {
    if (!name.startsWith('#')) {
      resolved[name] = args[name]!;
      continue;
    }
    const target = name.slice(1);
    if (Object.hasOwn(args, target)) {
      throw new MethodError('invalidArguments', `"${target}" is given twice, once as a reference.`, {
        arguments: [target],
      });
    }
    const value = resolve(args[name]!, answers);
    budget.spend(value);
    resolved[target] = value;
  }
  return resolved;
}

function resolve(reference: Json, answers: readonly Answer[]): Json {
  const { resultOf, name, path } = parseReference(reference);
  const answer = answers.find((one) => one.callId === resultOf);
  if (answer === undefined) throw invalid(`there is no earlier result "${resultOf}"`);
  if (answer.name !== name) throw invalid(`the result "${resultOf}" is of "${answer.name}", not of "${name}"`);
  if (path !== '' && !path.startsWith('/')) throw invalid('the path does not begin with "/"');
  const tokens = path === '' ? [] : path.slice(1).split('/').map(unescapeToken);
  const value = evaluate(answer.args as Json, tokens, 0);
  if (value === undefined) throw invalid(`"${path}" points at nothing`);
  return value;
}

function parseReference(reference: Json): { resultOf: string; name: string; path: string } {
  try {
    if (!isObject(reference)) throw new InvalidValue('', 'must be an object');
    const reader = new ObjectReader(reference);
    return {
      resultOf: reader.required('resultOf', asText),
      name: reader.required('name', asText),
      path: reader.required('path', asText),
    };
  } catch (error) {
    if (error instanceof InvalidValue) throw invalid('it is no ResultReference object');
    throw error;
  }
}

/** RFC 6901 §4, with `*` for every item of a list, whose lists are joined (RFC 8620 §3.7). */
function evaluate(value: Json | undefined, tokens: readonly string[], at: number): Json | undefined {
  if (at === tokens.length || value === undefined) return value;
  const token = tokens[at]!;
  if (Array.isArray(value)) {
    if (token === '*') {
      const all: Json[] = [];
      for (const item of value as readonly Json[]) {
        const result = evaluate(item, tokens, at + 1);
        if (result === undefined) return undefined;
        if (Array.isArray(result)) for (const one of result as readonly Json[]) all.push(one);
        else all.push(result);
      }
      return all;
    }
    if (!/^(?:0|[1-9]\d{0,9})$/.test(token)) return undefined;
    return evaluate((value as readonly Json[])[Number(token)], tokens, at + 1);
  }
  if (!isObject(value) || !Object.hasOwn(value, token)) return undefined;
  return evaluate(value[token], tokens, at + 1);
}

function unescapeToken(token: string): string {
  if (/~(?![01])/.test(token)) throw invalid('the path has a stray "~"');
  return token.replaceAll('~1', '/').replaceAll('~0', '~');
}

function invalid(why: string): MethodError {
  return new MethodError('invalidResultReference', `The result reference can't be followed: ${why}.`);
}
