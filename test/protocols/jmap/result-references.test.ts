/** Result references (RFC 8620 §3.7). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '../../../src/protocols/jmap/json/parse-json.ts';
import { MethodError } from '../../../src/protocols/jmap/method-error.ts';
import { type Answer, ReferenceBudget, resolveReferences } from '../../../src/protocols/jmap/result-references.ts';

const answers: Answer[] = [
  { name: 'Foo/changes', args: { created: ['f1', 'f4'], 'a/b': { 'c~d': 1 } }, callId: 't0' },
  {
    name: 'Email/get',
    args: {
      list: [
        { threadId: 't1', to: ['x', 'y'] },
        { threadId: 't2', to: [] },
        { threadId: 't1', to: ['z'] },
      ],
    },
    callId: 't1',
  },
];
const resolve = (args: unknown, budget = new ReferenceBudget()) =>
  resolveReferences(args as JsonObject, answers, budget);
const reference = (resultOf: unknown, name: unknown, path: unknown) => ({ '#ids': { resultOf, name, path } });

test('RFC 8620 §3.7 the examples of the RFC', () => {
  assert.deepEqual({ ...resolve(reference('t0', 'Foo/changes', '/created')) }, { ids: ['f1', 'f4'] });
  assert.deepEqual({ ...resolve(reference('t1', 'Email/get', '/list/*/threadId')) }, { ids: ['t1', 't2', 't1'] });
});

test('RFC 8620 §3.7 lists under * are joined, indexes and escapes are followed', () => {
  assert.deepEqual(resolve(reference('t1', 'Email/get', '/list/*/to'))['ids'], ['x', 'y', 'z']);
  assert.equal(resolve(reference('t1', 'Email/get', '/list/1/threadId'))['ids'], 't2');
  assert.equal(resolve(reference('t0', 'Foo/changes', '/a~1b/c~0d'))['ids'], 1);
});

test('RFC 8620 §3.7 a reference that points at nothing is invalidResultReference', () => {
  const table = [
    reference('t9', 'Foo/changes', '/created'),
    reference('t0', 'Bar/changes', '/created'),
    reference('t0', 'Foo/changes', '/destroyed'),
    reference('t0', 'Foo/changes', 'created'),
    reference('t0', 'Foo/changes', '/created/2'),
    reference('t0', 'Foo/changes', '/created/-'),
    reference('t0', 'Foo/changes', '/created/01'),
    reference('t0', 'Foo/changes', '/created/length'),
    reference('t0', 'Foo/changes', '/__proto__'),
    reference('t0', 'Foo/changes', '/constructor/name'),
    reference('t0', 'Foo/changes', '/*'),
    reference('t1', 'Email/get', '/list/*/nothing'),
    reference('t0', 'Foo/changes', '/a~2b'),
    reference({ $ne: null }, 'Foo/changes', '/created'),
    { '#ids': 'Foo/changes' },
    { '#ids': null },
  ];
  for (const args of table) {
    assert.throws(
      () => resolve(args),
      (error) => error instanceof MethodError && error.type === 'invalidResultReference',
      JSON.stringify(args),
    );
  }
});

test('RFC 8620 §3.7 a name given twice, once as a reference, is invalidArguments', () => {
  assert.throws(
    () => resolve({ ids: [], ...reference('t0', 'Foo/changes', '/created') }),
    (error) => error instanceof MethodError && error.type === 'invalidArguments',
  );
});

test('references to references can not grow a request without bound', () => {
  const budget = new ReferenceBudget();
  const echoes: Answer[] = [{ name: 'Core/echo', args: { a: ['x', 'x', 'x', 'x'] }, callId: 'c0' }];
  assert.throws(
    () => {
      for (let i = 0; i < 64; i++) {
        const ref = { resultOf: `c${i}`, name: 'Core/echo', path: '' };
        const args = resolveReferences({ '#a': ref, '#b': ref } as unknown as JsonObject, echoes, budget);
        echoes.push({ name: 'Core/echo', args, callId: `c${i + 1}` });
      }
    },
    (error) => error instanceof MethodError && error.type === 'requestTooLarge',
  );
  assert.ok(echoes.length > 10);
});
