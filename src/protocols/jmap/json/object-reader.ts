/**
 * Typed reading of what a client sent, object by object: every property is taken by name and type, and what nobody took is unknown. One parser per
 * data type of RFC 8620 §1.2-1.4; each throws InvalidValue with the path of the value. `{"$ne": null}` where a string belongs ends here.
 */
import { isObject, type Json, type JsonObject } from './parse-json.ts';

export class InvalidValue extends Error {
  override readonly name = 'InvalidValue';
  /** Of the property: `sort/0/property`. */
  readonly path: string;
  constructor(path: string, message: string) {
    super(`${path}: ${message}`);
    this.path = path;
  }
}

export type Parser<T> = (value: Json, path: string) => T;

export class ObjectReader {
  readonly #object: JsonObject;
  readonly #path: string;
  readonly #taken = new Set<string>();

  constructor(object: JsonObject, path = '') {
    this.#object = object;
    this.#path = path;
  }

  has(name: string): boolean {
    return Object.hasOwn(this.#object, name);
  }

  names(): string[] {
    return Object.keys(this.#object);
  }

  /** The value as it came; undefined when absent. */
  raw(name: string): Json | undefined {
    this.#taken.add(name);
    return this.has(name) ? this.#object[name] : undefined;
  }

  required<T>(name: string, parse: Parser<T>): T {
    const value = this.raw(name);
    if (value === undefined) throw new InvalidValue(this.#pathOf(name), 'is missing');
    return parse(value, this.#pathOf(name));
  }

  /** For types with `|null`: absent is null. */
  nullable<T>(name: string, parse: Parser<T>): T | null {
    const value = this.raw(name);
    return value === undefined || value === null ? null : parse(value, this.#pathOf(name));
  }

  /** For types with a default, which null is not. */
  withDefault<T>(name: string, parse: Parser<T>, fallback: T): T {
    const value = this.raw(name);
    return value === undefined ? fallback : parse(value, this.#pathOf(name));
  }

  /** Throws for every property that nobody asked for. */
  finish(): void {
    for (const name of Object.keys(this.#object)) {
      if (!this.#taken.has(name)) throw new InvalidValue(this.#pathOf(name), 'is unknown');
    }
  }

  #pathOf(name: string): string {
    return this.#path === '' ? name : `${this.#path}/${name}`;
  }
}

export const asText: Parser<string> = (value, path) => {
  if (typeof value !== 'string') throw new InvalidValue(path, 'must be a string');
  return value;
};

export const asBoolean: Parser<boolean> = (value, path) => {
  if (typeof value !== 'boolean') throw new InvalidValue(path, 'must be true or false');
  return value;
};

/** RFC 8620 §1.3 Int. */
export const asInt: Parser<number> = (value, path) => {
  if (!Number.isSafeInteger(value)) throw new InvalidValue(path, 'must be a whole number');
  return value as number;
};

/** RFC 8620 §1.3 UnsignedInt. */
export const asUnsigned: Parser<number> = (value, path) => {
  const number = asInt(value, path);
  if (number < 0) throw new InvalidValue(path, 'must not be negative');
  return number;
};

/** RFC 8620 §1.2 Id, or a reference '#…' to a creation. Which ids exist is another question: any string is read. */
export const asId: Parser<string> = (value, path) => {
  return asText(value, path);
};

export const asObject: Parser<JsonObject> = (value, path) => {
  if (!isObject(value)) throw new InvalidValue(path, 'must be an object');
  return value;
};

export function listOf<T>(parse: Parser<T>): Parser<T[]> {
  return (value, path) => {
    if (!Array.isArray(value)) throw new InvalidValue(path, 'must be a list');
    return value.map((item, index) => parse(item as Json, `${path}/${index}`));
  };
}

export function mapOf<T>(parse: Parser<T>): Parser<Map<string, T>> {
  return (value, path) => {
    const object = asObject(value, path);
    return new Map(Object.keys(object).map((key) => [key, parse(object[key]!, `${path}/${key}`)]));
  };
}

/** An object whose values are all true: `Id[Boolean]`, `String[Boolean]`. */
export const asKeySet: Parser<Set<string>> = (value, path) => {
  const object = asObject(value, path);
  const keys = Object.keys(object);
  for (const key of keys) if (object[key] !== true) throw new InvalidValue(`${path}/${key}`, 'must be true');
  return new Set(keys);
};

export function oneOf<const T extends string>(...choices: readonly T[]): Parser<T> {
  return (value, path) => {
    const choice = choices.find((one) => one === value);
    if (choice === undefined) throw new InvalidValue(path, `must be one of ${choices.join(', ')}`);
    return choice;
  };
}

const DATE = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(?:\.(\d*[1-9]))?(Z|[+-]\d{2}:\d{2})$/;

/** RFC 8620 §1.4 UTCDate. */
export const asUtcDate: Parser<Date> = (value, path) => {
  const text = asText(value, path);
  if (!text.endsWith('Z')) throw new InvalidValue(path, 'must be a date in UTC such as 2014-10-30T06:12:00Z');
  return asDate(value, path);
};

/** RFC 8620 §1.4 Date. */
export const asDate: Parser<Date> = (value, path) => {
  const text = asText(value, path);
  const match = DATE.exec(text);
  const time = match === null ? Number.NaN : Date.parse(text);
  if (match === null || Number.isNaN(time)) {
    throw new InvalidValue(path, 'must be a date such as 2014-10-30T14:12:00+08:00');
  }
  const days = new Date(Date.UTC(Number(match[1]), Number(match[2]), 0)).getUTCDate();
  if (Number(match[3]) > days) throw new InvalidValue(path, 'names a day that does not exist');
  return new Date(time);
};
