import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseMessageIds } from '../../../src/mail/format/message-ids.ts';

const READ: readonly (readonly [text: string, ids: readonly string[]])[] = [
  ['<1234@local.machine.example>', ['1234@local.machine.example']],
  ['<a@b> <c@d>', ['a@b', 'c@d']],
  ['<a@b><c@d>', ['a@b', 'c@d']],
  ['<a@b>,\t<c@d>', ['a@b', 'c@d']],
  ['Your message of Monday <a@b> "x"', ['a@b']],
  ['<a@b> <a@b>', ['a@b']],
  ['<a @ b>', ['a@b']],
  ['a@b c@d', ['a@b', 'c@d']],
  ['<<a@b>>', ['a@b']],
  ['<a@b', []],
  ['no id here', []],
  ['<>', []],
  ['', []],
];

for (const [text, ids] of READ) {
  test(`RFC 5322 §3.6.4 reads ${JSON.stringify(text)}`, () => assert.deepEqual(parseMessageIds(text).ids, ids));
}

test('RFC 5322 §3.6.4 a long thread keeps its root and its newest ids', () => {
  const text = Array.from({ length: 250 }, (_, i) => `<${i}@x>`).join(' ');
  const { ids, isCut } = parseMessageIds(text, 100);
  assert.equal(ids.length, 100);
  assert.equal(ids[0], '0@x');
  assert.equal(ids[1], '151@x');
  assert.equal(ids[99], '249@x');
  assert.equal(isCut, true);
});

test('a megabyte of brackets is read in one pass', { timeout: 10_000 }, () => {
  assert.deepEqual(parseMessageIds('<'.repeat(1_000_000)).ids, []);
  assert.deepEqual(parseMessageIds(`${'<'.repeat(500_000)}${'>'.repeat(500_000)}`).ids, []);
  assert.deepEqual(parseMessageIds(`${'<>'.repeat(500_000)}`).ids, []);
});
