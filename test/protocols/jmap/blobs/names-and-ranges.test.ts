/** Small grammars of the download: byte ranges and file names. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { contentDisposition } from '../../../../src/protocols/jmap/blobs/content-disposition.ts';
import { parseRange } from '../../../../src/protocols/jmap/blobs/parse-range.ts';

test('RFC 9110 §14.1.2 byte ranges of 100 octets', () => {
  const table: [string, unknown][] = [
    ['bytes=0-9', { from: 0, to: 10 }],
    ['bytes=90-', { from: 90, to: 100 }],
    ['bytes=-10', { from: 90, to: 100 }],
    ['bytes=-1000', { from: 0, to: 100 }],
    ['bytes=0-999', { from: 0, to: 100 }],
    ['bytes=100-', 'unsatisfiable'],
    ['bytes=-0', 'unsatisfiable'],
    ['bytes=9-0', null],
    ['bytes=-', null],
    ['bytes=0-1,5-6', null],
    ['lines=0-9', null],
    ['bytes=99999999999999999999-', null],
    ['', null],
  ];
  for (const [header, expected] of table) assert.deepEqual(parseRange(header, 100), expected, header);
});

test('RFC 6266 §4.3 a file name is plain where it can be and RFC 8187 where it must, and never a header of its own', () => {
  assert.equal(contentDisposition('a b.txt'), 'attachment; filename="a b.txt"');
  assert.equal(
    contentDisposition('Grüße (1).pdf'),
    'attachment; filename="Gr__e (1).pdf"; filename*=UTF-8\'\'Gr%C3%BC%C3%9Fe%20%281%29.pdf',
  );
  for (const name of ['a"b\\c', 'x\r\nSet-Cookie: a=b', '%41', '\ud800', '💌', 'n'.repeat(1_000)]) {
    const value = contentDisposition(name);
    assert.match(value, /^attachment; filename="[^"\\%\r\n]*"(?:; filename\*=UTF-8''[A-Za-z0-9%!#$&+.^_`|~-]*)?$/);
    assert.ok(value.length < 3_500);
  }
});
