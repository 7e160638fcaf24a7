import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Cursor, SyntaxFault } from '../../../../src/protocols/imap/grammar/cursor.ts';
import {
  isInRanges,
  parseSequenceSet,
  printNumbers,
  printSequenceSet,
  rangesOf,
  resolveSequenceNumbers,
  resolveUids,
} from '../../../../src/protocols/imap/grammar/sequence-set.ts';

/** Plain objects, as the parser makes them. */
const record = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> =>
  fc.record(model, { noNullPrototype: true }) as fc.Arbitrary<T>;

const parse = (text: string) => {
  const cursor = new Cursor(Buffer.from(text));
  const set = parseSequenceSet(cursor);
  cursor.expectEnd();
  return set;
};
const number = fc.oneof(fc.constant('*' as const), fc.integer({ min: 1, max: 0xffff_ffff }));
const sets = fc.array(record({ from: number, to: number }), { minLength: 1, maxLength: 20 });

test('RFC 9051 §9 a sequence set is read as it was printed', () => {
  fc.assert(fc.property(sets, (set) => assert.deepEqual(parse(printSequenceSet(set)), set)));
});

test('RFC 9051 §9 faulty sequence sets are refused', () => {
  for (const text of ['', '0', '1,', ',1', '1:', ':1', '1::2', '4294967296', 'a', '1;2', '**', '-1', '1:0'])
    assert.throws(() => parse(text), SyntaxFault, text);
});

test('a sequence set of more than 10,000 elements is refused', () => {
  assert.equal(parse(Array(10_000).fill('7').join(',')).length, 10_000);
  assert.throws(() => parse(Array(10_001).fill('7').join(',')), /Too many elements/);
});

test('RFC 9051 §9 ranges may be written either way and overlap', () => {
  assert.deepEqual(resolveSequenceNumbers(parse('5:3,4,2,9:*'), 10), [
    { from: 2, to: 5 },
    { from: 9, to: 10 },
  ]);
  assert.deepEqual(resolveSequenceNumbers(parse('*'), 3), [{ from: 3, to: 3 }]);
  assert.deepEqual(resolveSequenceNumbers(parse('1:*'), 0), []);
  // '12:*' with ten messages is 10:12 of which 10 exists.
  assert.deepEqual(resolveSequenceNumbers(parse('12:*'), 10), [{ from: 10, to: 10 }]);
});

test('RFC 9051 §9 a sequence number beyond the last is a fault of the client', () => {
  assert.throws(() => resolveSequenceNumbers(parse('4'), 3), SyntaxFault);
  assert.throws(() => resolveSequenceNumbers(parse('1:4'), 3), SyntaxFault);
});

test('RFC 9051 §6.4.9 a UID range with a star holds at least the last message', () => {
  assert.deepEqual(resolveUids(parse('100:*'), 42), [{ from: 42, to: 100 }]);
  assert.deepEqual(resolveUids(parse('1:*'), 0), []);
});

test('sets of numbers survive printing in their shortest form', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer({ min: 1, max: 300 })), (numbers) => {
      const ascending = numbers.toSorted((a, b) => a - b);
      const text = printNumbers(ascending);
      if (ascending.length === 0) return assert.equal(text, '');
      const ranges = resolveUids(parse(text), 1_000);
      assert.deepEqual(ranges, rangesOf(ascending));
      for (let n = 1; n <= 300; n++) assert.equal(isInRanges(ranges, n), ascending.includes(n));
    }),
  );
});
