/** Patch objects (RFC 8620 §5.3). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '../../../../src/protocols/jmap/json/parse-json.ts';
import { SetRefusal } from '../../../../src/protocols/jmap/method-error.ts';
import { readPatch } from '../../../../src/protocols/jmap/standard/set.ts';

test('RFC 8620 §5.3 pointers have an implicit slash and the escapes of RFC 6901', () => {
  const patch = readPatch({ 'keywords/$seen': true, 'keywords/a~1b~0c': null, subject: 'x' } as JsonObject);
  assert.deepEqual([...patch.keys()], [['keywords', '$seen'], ['keywords', 'a/b~c'], ['subject']]);
});

test('RFC 8620 §5.3 a pointer into another of the same patch and a stray ~ are invalidPatch', () => {
  for (const patch of [{ keywords: {}, 'keywords/$seen': true }, { 'a/b/c': 1, a: 1 }, { 'a~2': 1 }, { 'a~': 1 }]) {
    assert.throws(
      () => readPatch(patch as JsonObject),
      (error) => error instanceof SetRefusal && error.error.type === 'invalidPatch',
    );
  }
  assert.doesNotThrow(() => readPatch({ keywords: {}, 'keywords2/a': true } as JsonObject));
});
