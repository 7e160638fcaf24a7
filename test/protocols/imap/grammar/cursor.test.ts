import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Cursor, SyntaxFault } from '../../../../src/protocols/imap/grammar/cursor.ts';
import { printAstring, printString } from '../../../../src/protocols/imap/grammar/strings.ts';

const over = (text: string): Cursor => new Cursor(Buffer.from(text, 'latin1'));

test('RFC 9051 §4.3 a string is read as it was printed, quoted or literal', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (text) => {
      if (!text.isWellFormed()) return;
      const expected = text.replaceAll('\0', '');
      assert.equal(over(printString(text)).string().toString('utf8'), expected);
      assert.equal(over(printAstring(text)).astring().toString('utf8'), expected);
    }),
  );
});

test('a literal in place may hold anything, line ends and brackets too', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), fc.boolean(), fc.boolean(), (octets, isUnasked, isBinary) => {
      const head = `${isBinary ? '~' : ''}{${octets.length}${isUnasked ? '+' : ''}}\r\n`;
      const cursor = new Cursor(Buffer.concat([Buffer.from(head), octets, Buffer.from(' x')]));
      assert.deepEqual(new Uint8Array(cursor.astring()), octets);
      cursor.space();
      assert.equal(cursor.atom(), 'x');
    }),
  );
});

test('RFC 9051 §9 faulty strings are refused', () => {
  for (const text of [
    '"',
    '"abc',
    '"a\\b"',
    '"a\r\n"',
    '"\0"',
    '{3}\r\nab',
    '{3}',
    '{a}\r\n',
    '{3',
    '(',
    '',
    '{99999999999999999999}\r\n',
  ])
    assert.throws(() => over(text).astring(), SyntaxFault, JSON.stringify(text));
});

test('RFC 9051 §9 a tag has no plus, an atom no bracket that opens', () => {
  assert.equal(over('a]1 x').tag(), 'a]1');
  for (const tag of ['+', 'a+b ', '(', '*', '']) assert.throws(() => over(tag).tag(), SyntaxFault, tag);
  assert.equal(over('INBOX]{').astring().toString(), 'INBOX]');
});

test('parentheses nest up to 32 deep', () => {
  const nest = (cursor: Cursor): number => cursor.nested(() => (cursor.isAtList ? 1 + nest(cursor) : 1));
  assert.equal(nest(over('('.repeat(32) + ')'.repeat(32))), 32);
  assert.throws(() => nest(over('('.repeat(33) + ')'.repeat(33))), /nested/);
});

test('a number beyond its limit is refused, a mod-sequence beyond 2^53 stands for the largest', () => {
  assert.equal(over('4294967295').number(), 0xffff_ffff);
  assert.throws(() => over('4294967296').number(), SyntaxFault);
  assert.equal(over('9223372036854775807').modseq(), Number.MAX_SAFE_INTEGER);
  assert.throws(() => over('99999999999999999999999').modseq(), SyntaxFault);
});

test('no octets make the reading of tokens fail in any way but a fault of grammar', () => {
  const readers = [
    (c: Cursor) => c.astring(),
    (c: Cursor) => c.list(() => c.astring()),
    (c: Cursor) => c.nstring(),
    (c: Cursor) => c.flag(),
    (c: Cursor) => c.number(),
    (c: Cursor) => c.tag(),
    (c: Cursor) => c.listMailbox(),
  ];
  const octet = fc.oneof(fc.constantFrom(...Buffer.from('(){}"\\%* \r\n~+[]01aZ')), fc.nat(255));
  fc.assert(
    fc.property(fc.array(octet, { maxLength: 30 }), fc.constantFrom(...readers), (octets, read) => {
      try {
        read(new Cursor(Buffer.from(octets)));
      } catch (error) {
        assert.ok(error instanceof SyntaxFault, String(error));
      }
    }),
    { numRuns: 2_000 },
  );
});
