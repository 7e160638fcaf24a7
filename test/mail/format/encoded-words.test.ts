import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeWords, encodeWords, needsWords } from '../../../src/mail/format/encoded-words.ts';

const READ: readonly (readonly [title: string, text: string, decoded: string])[] = [
  ['a Q word', '=?ISO-8859-1?Q?Andr=E9?= Pirard', 'André Pirard'],
  ['a B word', '=?utf-8?B?w6k=?=', 'é'],
  ['a B word without padding', '=?utf-8?B?w6k?=', 'é'],
  ['lower-case encodings', '=?utf-8?q?=c3=a9?=', 'é'],
  ['underscores as spaces', '=?US-ASCII?Q?a_b?=', 'a b'],
  ['adjacent words without the space between (RFC 2047 §8)', '(=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=)', '(ab)'],
  ['adjacent words over several lines', '=?ISO-8859-1?Q?a?=  \r\n  =?ISO-8859-1?Q?b?=', 'ab'],
  ['a word beside text with the space kept', '=?ISO-8859-1?Q?a?= b', 'a b'],
  ['a character split over two words', '=?utf-8?B?w6?= =?utf-8?Q?=A9?=', 'é'],
  ['a character split over two Q words', '=?utf-8?Q?=E2=82?= =?utf-8?Q?=AC?=', '€'],
  ['adjacent words of different charsets', '=?utf-8?Q?=C3=A9?= =?iso-8859-1?Q?=E9?=', 'éé'],
  ['words glued together', '=?utf-8?Q?a?==?utf-8?Q?b?=', 'ab'],
  ['words glued to text', 'x=?utf-8?Q?a?=y', 'xay'],
  ['a language suffix (RFC 2231 §5)', '=?US-ASCII*EN?Q?Keith_Moore?=', 'Keith Moore'],
  ['iso-2022-jp', '=?ISO-2022-JP?B?GyRCRnxLXBsoQg==?=', '日本'],
  ['shift_jis', '=?Shift_JIS?B?k/qWew==?=', '日本'],
  ['gb2312', '=?gb2312?B?1tDOxA==?=', '中文'],
  ['koi8-r', '=?koi8-r?B?8NLJ18XU?=', 'Привет'],
  ['an unknown charset as its ASCII', '=?x-nonsense?Q?abc?=', 'abc'],
  ['an encoded line end as a space, never as a line end', '=?utf-8?Q?a=0D=0ABcc:_x?=', 'a Bcc: x'],
  ['an encoded NUL as nothing', '=?utf-8?Q?a=00b?=', 'ab'],
];

for (const [title, text, decoded] of READ) {
  test(`RFC 2047 §4 reads ${title}`, () => assert.equal(decodeWords(text), decoded));
}

const LEFT_ALONE = [
  '=?utf-8?X?abc?=',
  '=?utf-8?Q?a b?=',
  '=?utf-8?Q?abc',
  '=?utf-8?Q?abc?',
  '=?utf-8?Q',
  '=?utf-8',
  '=?',
  '=??Q?abc?=',
  'a =?= b',
  `=?${'x'.repeat(100)}?Q?abc?=`,
];

for (const text of LEFT_ALONE) {
  test(`RFC 2047 §6.3 leaves alone ${text.slice(0, 20)}`, () => assert.equal(decodeWords(text), text));
}

test('RFC 2047 §2 writes words of at most 75 characters that give the text back', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), fc.boolean(), (raw, isPhrase) => {
      const text = raw.replace(/[\0\r\n]/g, '').toWellFormed();
      const encoded = encodeWords(text, isPhrase);
      for (const word of encoded.split(' ')) {
        assert.ok(word.length <= 75, word);
        // RFC 2047 §5 (3): each word stands for whole characters.
        assert.ok(!decodeWords(word).includes('\ufffd') || text.includes('\ufffd'), word);
        if (isPhrase) assert.match(word, /^(?:=\?utf-8\?[QB]\?[A-Za-z0-9!*+/=_-]*\?=)?$/);
      }
      assert.equal(decodeWords(encoded), text);
    }),
  );
});

test('RFC 2047 §1 text that would be read as a word is encoded as well', () => {
  assert.equal(needsWords('plain'), false);
  assert.equal(needsWords('a =?b'), true);
  assert.equal(needsWords('é'), true);
  assert.equal(needsWords('a\u0007'), true);
});

test('decoding never throws and leaves text without "=?" as it is', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom('=?', '?=', '?', 'utf-8', 'Q', 'B', '=C3', ' ', 'a', '*', 'é')), (parts) => {
      const text = parts.join('');
      const decoded = decodeWords(text);
      if (!text.includes('=?')) assert.equal(decoded, text);
    }),
  );
});

test('a megabyte of broken words is read in one pass', { timeout: 10_000 }, () => {
  for (const unit of ['=?', '=?a?q?', '=?a?q?b', '=?a*', '=?a?b?=']) {
    const text = unit.repeat(1_000_000 / unit.length);
    assert.equal(decodeWords(text), text);
  }
});
