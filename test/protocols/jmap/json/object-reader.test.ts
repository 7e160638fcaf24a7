/** Data types of RFC 8620 §1.2 to §1.4, as tables. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  asDate,
  asId,
  asInt,
  asKeySet,
  asText,
  asUnsigned,
  asUtcDate,
  InvalidValue,
  listOf,
  ObjectReader,
  type Parser,
} from '../../../../src/protocols/jmap/json/object-reader.ts';
import { type JsonObject, parseJson } from '../../../../src/protocols/jmap/json/parse-json.ts';

test('a value of another type is refused with its path', () => {
  const table: [Parser<unknown>, unknown][] = [
    [asText, { $ne: null }],
    [asText, 1],
    [asText, null],
    [asId, ['a']],
    [asInt, 1.5],
    [asInt, '1'],
    [asInt, 2 ** 53],
    [asUnsigned, -1],
    [listOf(asText), ['a', { $gt: '' }]],
    [asKeySet, { a: true, b: false }],
    [asKeySet, ['a']],
    [asUtcDate, '2014-10-30T14:12:00+08:00'],
    [asUtcDate, '2014-10-30'],
    [asUtcDate, '2014-13-30T06:12:00Z'],
    [asUtcDate, '2014-02-30T06:12:00Z'],
    [asUtcDate, '2014-10-30T06:12:00.000Z'],
    [asDate, 'yesterday'],
  ];
  for (const [parse, value] of table) {
    assert.throws(() => parse(value as never, 'x'), InvalidValue, JSON.stringify(value));
  }
});

test('RFC 8620 §1.4 dates are read with and without a fraction and a zone', () => {
  assert.equal(asDate('2014-10-30T14:12:00+08:00', 'x').toISOString(), '2014-10-30T06:12:00.000Z');
  assert.equal(asUtcDate('2014-10-30T06:12:00Z', 'x').toISOString(), '2014-10-30T06:12:00.000Z');
  assert.equal(asUtcDate('2014-10-30T06:12:00.125Z', 'x').toISOString(), '2014-10-30T06:12:00.125Z');
});

test('a property that nobody asked for is unknown, and inherited names are absent', () => {
  const reader = new ObjectReader(parseJson(Buffer.from('{"a":1,"toString":2}')) as JsonObject);
  assert.equal(reader.required('a', asInt), 1);
  assert.equal(reader.has('hasOwnProperty'), false);
  assert.throws(() => reader.required('valueOf', asInt), /valueOf: is missing/);
  assert.throws(() => reader.finish(), /toString: is unknown/);
});

test('null is only for types that have it', () => {
  const reader = new ObjectReader({ a: null });
  assert.equal(reader.nullable('a', asInt), null);
  assert.throws(() => reader.withDefault('a', asInt, 7), InvalidValue);
  assert.equal(reader.withDefault('b', asInt, 7), 7);
});
