/** I-JSON from strangers. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAX_JSON_DEPTH, NotJson, objectOf, parseJson } from '../../../../src/protocols/jmap/json/parse-json.ts';

const parse = (text: string) => parseJson(Buffer.from(text));

test('RFC 8620 §1.7 what is no JSON is refused', () => {
  const bad = ['', '{', '[1,]', '{"a":1}}', 'nonsense', "{'a':1}", '"\\ud800"', '{"\\udc00":1}', '[1] [2]'];
  for (const text of bad) assert.throws(() => parse(text), NotJson, text);
  assert.throws(() => parseJson(Buffer.from([0x22, 0xff, 0xfe, 0x22])), NotJson);
});

test('a key called __proto__ or constructor is a key and changes no prototype', () => {
  const value = parse('{"__proto__":{"isAdmin":true},"constructor":1}') as Record<string, unknown>;
  assert.equal(Object.getPrototypeOf(value), null);
  assert.deepEqual(Object.keys(value), ['__proto__', 'constructor']);
  assert.equal(({} as Record<string, unknown>)['isAdmin'], undefined);
});

test("an answer with a client's key __proto__ shows it and changes no prototype", () => {
  const object = objectOf([['__proto__', 1]]);
  assert.equal(JSON.stringify(object), '{"__proto__":1}');
});

test('nesting is bounded before anything is built, and brackets within strings do not count', () => {
  const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`;
  assert.doesNotThrow(() => parse(nested(MAX_JSON_DEPTH)));
  assert.throws(() => parse(nested(MAX_JSON_DEPTH + 1)), NotJson);
  assert.throws(() => parse('['.repeat(10_000_000)), NotJson);
  assert.throws(() => parse('{"a":'.repeat(1_000_000)), NotJson);
  assert.doesNotThrow(() =>
    parse(JSON.stringify({ text: '['.repeat(1_000), quote: '\\"[[[[', end: `\\\\${'{'.repeat(100)}` })),
  );
});
