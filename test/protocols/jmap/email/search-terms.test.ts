/** Words and phrases of a text search (RFC 8621 §4.4.1). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { searchTerms } from '../../../../src/protocols/jmap/email/filter.ts';

test('RFC 8621 §4.4.1 words are apart, phrases in matched quotes are together', () => {
  const table: [string, string[]][] = [
    ['hello world', ['hello', 'world']],
    ['  spaced \t out ', ['spaced', 'out']],
    ['"hello world" again', ['hello world', 'again']],
    ["'one two' three", ['one two', 'three']],
    ["don't panic", ["don't", 'panic']],
    ['"say \\"hi\\" \\\\ now"', ['say "hi" \\ now']],
    ['"open', ['"open']],
    ['a "" b', ['a', 'b']],
    ['', []],
  ];
  for (const [query, terms] of table) assert.deepEqual(searchTerms(query), terms, query);
  assert.equal(searchTerms('w '.repeat(10_000)).length, 32);
});
