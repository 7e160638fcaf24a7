import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CharsetDecoder, decodeCharset, isKnownCharset } from '../../../src/mail/format/charset.ts';
import { cutAt, latin1 } from './octets.ts';

const READ: readonly (readonly [charset: string | null, octets: string, text: string, isProblem: boolean])[] = [
  ['utf-8', '\xc3\xa9', 'é', false],
  ['UTF8', '\xef\xbb\xbfa', 'a', false],
  ['utf-8', 'a\xe9b', 'a\ufffdb', true],
  ['us-ascii', 'abc', 'abc', false],
  [null, 'abc', 'abc', false],
  [null, '\xc3\xa9', 'é', true],
  ['us-ascii', '\xe9', 'é', true],
  ['iso-8859-1', '\xe9\x80', 'é€', false],
  ['iso-8859-15', '\xa4', '€', false],
  ['windows-1251', '\xcf\xf0\xe8', 'При', false],
  ['koi8-r', '\xf0\xd2\xc9', 'При', false],
  ['gb2312', '\xd6\xd0', '中', false],
  ['gb18030', '\x81\x30\x81\x30', '\u0080', false],
  ['big5', '\xa4\xa4', '中', false],
  ['euc-kr', '\xc7\xd1', '한', false],
  ['ks_c_5601-1987', '\xc7\xd1', '한', false],
  ['shift_jis', '\x93\xfa', '日', false],
  ['euc-jp', '\xc6\xfc', '日', false],
  ['iso-2022-jp', '\x1b$BF|\x1b(Ba', '日a', false],
  ['iso-2022-jp', '\x1b$BF|\x1b(B\xff', '日\ufffd', true],
  ['utf-7', 'Hi Mom +Jjo-!', 'Hi Mom ☺!', false],
  ['utf-16le', 'a\0b\0', 'ab', false],
  ['x-unknown', 'abc', 'abc', false],
  ['x-unknown', 'a\xe9', 'aé', true],
  ['base64', 'YQ==', 'YQ==', false],
  ['hex', '61', '61', false],
  ['', 'a', 'a', false],
  ['x'.repeat(1_000), 'a', 'a', false],
];

for (const [charset, octets, text, isEncodingProblem] of READ) {
  test(`RFC 2045 §5.2 reads ${JSON.stringify(octets)} as ${String(charset).slice(0, 20)}`, () => {
    assert.deepEqual(decodeCharset(latin1(octets), charset), { text, isEncodingProblem });
    const decoder = new CharsetDecoder(charset);
    const inOctets = [...latin1(octets)].map((octet) => decoder.write(Buffer.from([octet]))).join('') + decoder.end();
    assert.equal(inOctets, text);
    assert.equal(decoder.isEncodingProblem, isEncodingProblem);
  });
}

test('RFC 2045 §5.2 knows which labels it knows', () => {
  assert.equal(isKnownCharset('UTF-8'), true);
  assert.equal(isKnownCharset('iso-2022-jp'), true);
  assert.equal(isKnownCharset('base64'), false);
  assert.equal(isKnownCharset('x-nonsense'), false);
});

test('any cut of a text decodes the same', () => {
  const lines = fc.array(fc.constantFrom('日本', 'abc', 'é', '\r\n', '€'), { maxLength: 30 });
  fc.assert(
    fc.property(lines, fc.array(fc.nat(200), { maxLength: 6 }), (parts, offsets) => {
      const octets = Buffer.from(parts.join(''));
      const decoder = new CharsetDecoder('utf-8');
      const text =
        cutAt(octets, offsets)
          .map((piece) => decoder.write(piece))
          .join('') + decoder.end();
      assert.equal(text, parts.join(''));
      assert.equal(decoder.isEncodingProblem, false);
    }),
  );
});
