import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { unfold } from '../../../src/mail/format/header-block.ts';
import { parameterField } from '../../../src/mail/format/parameter-fields.ts';
import { parseDisposition, parseMediaType } from '../../../src/mail/format/parameters.ts';

type Pairs = readonly (readonly [string, string])[];

const READ: readonly (readonly [title: string, text: string, type: string, params: Pairs, raw: Pairs | null])[] = [
  ['a plain type', 'text/plain', 'text/plain', [], null],
  ['upper case', 'Text/HTML; Charset=UTF-8', 'text/html', [['charset', 'UTF-8']], null],
  ['a quoted value', 'multipart/mixed; boundary="a;b \\"c"', 'multipart/mixed', [['boundary', 'a;b "c']], null],
  ['comments', 'text/plain (x); charset=us-ascii (Plain text)', 'text/plain', [['charset', 'us-ascii']], null],
  ['spaces around the signs', 'text / plain ; charset = utf-8', 'text/plain', [['charset', 'utf-8']], null],
  ['a file name without its quotes', 'a/b; name=my file (1).pdf', 'a/b', [['name', 'my file (1).pdf']], null],
  ['stray semicolons', 'text/plain;; ;charset=x;', 'text/plain', [['charset', 'x']], null],
  ['a parameter without a value', 'text/plain; foo; charset=x', 'text/plain', [['charset', 'x']], null],
  ['an unclosed quote', 'a/b; name="x.pdf', 'a/b', [['name', 'x.pdf']], null],
  [
    'text after a quoted value',
    'a/b; name="x" y; z=1',
    'a/b',
    [
      ['name', 'x'],
      ['z', '1'],
    ],
    null,
  ],
  [
    'RFC 2231 §3 continuations, in any order',
    'message/external-body; access-type=URL; URL*1="cs.utk.edu/pub/x"; URL*0="ftp://"',
    'message/external-body',
    [
      ['access-type', 'URL'],
      ['url', 'ftp://cs.utk.edu/pub/x'],
    ],
    [
      ['access-type', 'URL'],
      ['url*1', 'cs.utk.edu/pub/x'],
      ['url*0', 'ftp://'],
    ],
  ],
  [
    'RFC 2231 §4 a charset',
    "application/x-stuff; title*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A",
    'application/x-stuff',
    [['title', 'This is ***fun***']],
    [['title*', "us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A"]],
  ],
  [
    'RFC 2231 §4.1 charset and continuations together',
    `application/x-stuff; title*0*=us-ascii'en'This%20is%20even%20more%20; title*1*=%2A%2A%2Afun%2A%2A%2A%20; title*2="isn't it!"`,
    'application/x-stuff',
    [['title', "This is even more ***fun*** isn't it!"]],
    [
      ['title*0*', "us-ascii'en'This%20is%20even%20more%20"],
      ['title*1*', '%2A%2A%2Afun%2A%2A%2A%20'],
      ['title*2', "isn't it!"],
    ],
  ],
  [
    'a character split between sections',
    "a/b; name*0*=utf-8''%E2%82; name*1*=%AC",
    'a/b',
    [['name', '€']],
    [
      ['name*0*', "utf-8''%E2%82"],
      ['name*1*', '%AC'],
    ],
  ],
  [
    'RFC 2231 §3 a missing section, which ends the value',
    'a/b; name*0=x; name*2=z',
    'a/b',
    [['name', 'x']],
    [
      ['name*0', 'x'],
      ['name*2', 'z'],
    ],
  ],
  [
    'the extended form before the plain one',
    "a/b; name=euro.txt; name*=utf-8''%E2%82%AC.txt",
    'a/b',
    [['name', '€.txt']],
    [
      ['name', 'euro.txt'],
      ['name*', "utf-8''%E2%82%AC.txt"],
    ],
  ],
  [
    'the misuse of RFC 2047 in a value',
    'a/b; name="=?utf-8?B?4oKs?=.txt"',
    'a/b',
    [['name', '€.txt']],
    [['name', '=?utf-8?B?4oKs?=.txt']],
  ],
];

for (const [title, text, type, params, raw] of READ) {
  test(`RFC 2045 §5.1 reads ${title}`, () => {
    const media = parseMediaType(text);
    assert.equal(`${media?.type}/${media?.subtype}`, type);
    assert.deepEqual(media?.params, params);
    assert.deepEqual(media?.rawParams, raw);
  });
}

for (const text of ['', 'text', 'text/', '/plain', 'text/plain/x', 'a b/c', ';charset=x']) {
  test(`RFC 2045 §5.2 refuses ${JSON.stringify(text)} as a type`, () => assert.equal(parseMediaType(text), null));
}

test('RFC 2183 §2 reads a disposition', () => {
  assert.deepEqual(parseDisposition('ATTACHMENT; filename=genome.jpeg'), {
    type: 'attachment',
    params: [['filename', 'genome.jpeg']],
    rawParams: null,
  });
  assert.equal(parseDisposition('')?.type, undefined);
  assert.equal(parseDisposition('; filename=x')?.type, 'attachment');
  assert.equal(parseDisposition('x-odd')?.type, 'x-odd');
});

test('RFC 2231 §3 written parameters read back the same, on lines of at most 78', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 300 }), (raw) => {
      const value = raw
        .replace(/[\r\n\0]/g, '')
        .toWellFormed()
        .trim();
      fc.pre(!value.includes('\ufffd'));
      const field = parameterField('Content-Type', 'a/b', [['name', value]]);
      for (const line of field.split('\r\n')) assert.ok(line.length <= 78, line);
      const media = parseMediaType(unfold(field.slice('Content-Type:'.length, -2)).trim());
      assert.deepEqual(media?.params, [['name', value]]);
    }),
  );
});

test('hostile parameter lists are bounded and read in one pass', { timeout: 10_000 }, () => {
  assert.equal(parseMediaType(`a/b${';x=1'.repeat(250_000)}`)?.params.length, 64);
  assert.equal(parseMediaType(`a/b;x=${'y'.repeat(1_000_000)}`)?.params[0]?.[1].length, 2_048);
  assert.deepEqual(parseMediaType(`a/b;${'('.repeat(1_000_000)}`)?.params, []);
  assert.equal(parseMediaType('('.repeat(1_000_000)), null);
  assert.equal(parseMediaType(`${' '.repeat(1_000_000)}a/b`)?.type, undefined);
  assert.deepEqual(parseMediaType(`a/b${';x'.repeat(500_000)}`)?.params, []);
});
