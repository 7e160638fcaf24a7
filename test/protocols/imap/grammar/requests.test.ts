import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Cursor, SyntaxFault } from '../../../../src/protocols/imap/grammar/cursor.ts';
import { parseDateTime, parseDay, printDateTime, printDay } from '../../../../src/protocols/imap/grammar/dates.ts';
import { parseFetchItems, parseSection, printSection } from '../../../../src/protocols/imap/grammar/fetch-items.ts';
import {
  DAY_KEYS,
  FLAG_KEYS,
  parseSearchKeys,
  type SearchKey,
  TEXT_KEYS,
} from '../../../../src/protocols/imap/grammar/search-keys.ts';
import { printSequenceSet } from '../../../../src/protocols/imap/grammar/sequence-set.ts';
import { printAstring, printString } from '../../../../src/protocols/imap/grammar/strings.ts';

/** Plain objects, as the parser makes them. */
const record = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> =>
  fc.record(model, { noNullPrototype: true }) as fc.Arbitrary<T>;

const over = (text: string): Cursor => new Cursor(Buffer.from(text, 'latin1'));

const day = fc
  .date({ min: new Date('1970-01-01'), max: new Date('9999-12-30'), noInvalidDate: true })
  .map((date) => date.toISOString().slice(0, 10));

test('RFC 9051 §9 dates are read as they were printed', () => {
  fc.assert(
    fc.property(day, (text) => {
      assert.equal(parseDay(over(printDay(text))), text);
      assert.equal(parseDay(over(`"${printDay(text)}"`)), text);
      const date = new Date(`${text}T12:34:56Z`);
      assert.equal(printDateTime(date).length, 26);
      assert.deepEqual(parseDateTime(over(`"${printDateTime(date)}"`)), date);
    }),
  );
  assert.deepEqual(parseDateTime(over('"17-Jul-1996 02:44:25 -0700"')), new Date('1996-07-17T09:44:25Z'));
  assert.deepEqual(parseDateTime(over('" 1-feb-1994 21:52:25 +0130"')), new Date('1994-02-01T20:22:25Z'));
});

test('RFC 9051 §9 days that are none are refused', () => {
  for (const text of [
    '31-Feb-2024',
    '0-Jan-2024',
    '1-Foo-2024',
    '1-Jan-24',
    '2024-01-01',
    '32-Jan-2024',
    '29-Feb-2023',
  ])
    assert.throws(() => parseDay(over(text)), SyntaxFault, text);
  for (const text of [
    '"1-Feb-1994 21:52:25 +0000"',
    '" 1-Feb-1994 24:00:00 +0000"',
    '" 1-Feb-1994 21:52:25 +000"',
    '""',
  ])
    assert.throws(() => parseDateTime(over(text)), SyntaxFault, text);
});

const section = fc.oneof(
  record({
    path: fc.array(fc.integer({ min: 1, max: 99 }), { maxLength: 5 }),
    what: fc.constantFrom('all' as const, 'header' as const, 'text' as const),
    fields: fc.constant([] as string[]),
  }),
  record({
    path: fc.array(fc.integer({ min: 1, max: 99 }), { minLength: 1, maxLength: 5 }),
    what: fc.constant('mime' as const),
    fields: fc.constant([] as string[]),
  }),
  record({
    path: fc.array(fc.integer({ min: 1, max: 99 }), { maxLength: 5 }),
    what: fc.constantFrom('headerFields' as const, 'headerFieldsNot' as const),
    fields: fc.array(fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 12 }), {
      minLength: 1,
      maxLength: 4,
    }),
  }),
);

test('RFC 9051 §9 a section is read as it was printed', () => {
  fc.assert(fc.property(section, (each) => assert.deepEqual(parseSection(over(`[${printSection(each)}]`)), each)));
});

test('RFC 9051 §6.4.5 macros, single items and lists of items', () => {
  const kinds = (text: string) =>
    parseFetchItems(over(text)).map((item) => (item.kind === 'section' ? item.label : item.kind));
  assert.deepEqual(kinds('ALL'), ['FLAGS', 'INTERNALDATE', 'RFC822.SIZE', 'ENVELOPE']);
  assert.deepEqual(kinds('fast'), ['FLAGS', 'INTERNALDATE', 'RFC822.SIZE']);
  assert.deepEqual(kinds('FULL').at(-1), 'BODY');
  assert.deepEqual(kinds('(uid body[] BODY.PEEK[1.2.mime]<0.10> BODYSTRUCTURE BODY rfc822.header)'), [
    'UID',
    'BODY[]',
    'BODY[1.2.MIME]<0>',
    'BODYSTRUCTURE',
    'BODY',
    'RFC822.HEADER',
  ]);
  assert.deepEqual(kinds('BODY.PEEK[HEADER.FIELDS (From "To" {2}\r\nCC)]'), ['BODY[HEADER.FIELDS (From To CC)]']);
  for (const text of [
    '',
    '()',
    '(ALL)',
    'BODY[',
    'BODY[MIME]',
    'BODY[1.]',
    'BODY[0]',
    'BODY[]<0>',
    'BODY[]<0.0>',
    'BODY[HEADER.FIELDS ()]',
    'X',
    'UID]',
  ])
    assert.throws(
      () => {
        const cursor = over(text);
        parseFetchItems(cursor);
        cursor.expectEnd();
      },
      SyntaxFault,
      text,
    );
});

const text = fc
  .string({ unit: 'binary', maxLength: 12 })
  .map((each) => each.replace(/[\0\ufeff]/g, ''))
  .filter((each) => each.isWellFormed());
const set = fc.array(record({ from: fc.integer({ min: 1, max: 99 }), to: fc.integer({ min: 1, max: 99 }) }), {
  minLength: 1,
  maxLength: 4,
});
const keys = fc.letrec<{ key: SearchKey }>((tie) => ({
  key: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc
      .constantFrom(
        ...(['ALL', 'NEW', 'OLD', 'RECENT', ...FLAG_KEYS, ...FLAG_KEYS.map((name) => `UN${name}` as const)] as const),
      )
      .map((key) => ({ key }) as SearchKey),
    record({ key: fc.constantFrom(...TEXT_KEYS), text }),
    record({ key: fc.constant('HEADER' as const), name: fc.constantFrom('X-Spam', 'List Id'), text }),
    record({ key: fc.constantFrom(...DAY_KEYS), day }),
    record({ key: fc.constantFrom('LARGER' as const, 'SMALLER' as const), number: fc.nat(0xffff_ffff) }),
    record({ key: fc.constantFrom('OLDER' as const, 'YOUNGER' as const), number: fc.integer({ min: 1, max: 1e9 }) }),
    record({
      key: fc.constantFrom('KEYWORD' as const, 'UNKEYWORD' as const),
      flag: fc.constantFrom('$Forwarded', 'work'),
    }),
    record({ key: fc.constant('MODSEQ' as const), modseq: fc.nat() }),
    record({ key: fc.constantFrom('UID' as const, 'SEQUENCE' as const), set }),
    record({ key: fc.constant('NOT' as const), of: tie('key') }),
    record({ key: fc.constant('OR' as const), a: tie('key'), b: tie('key') }),
    record({ key: fc.constant('AND' as const), of: fc.array(tie('key'), { minLength: 2, maxLength: 3 }) }),
  ) as fc.Arbitrary<SearchKey>,
}));

function print(key: SearchKey): string {
  switch (key.key) {
    case 'KEYWORD':
    case 'UNKEYWORD':
      return `${key.key} ${key.flag}`;
    case 'HEADER':
      return `HEADER ${printAstring(key.name)} ${printString(key.text)}`;
    case 'LARGER':
    case 'SMALLER':
    case 'OLDER':
    case 'YOUNGER':
      return `${key.key} ${key.number}`;
    case 'MODSEQ':
      return `MODSEQ ${key.modseq}`;
    case 'EMAILID':
    case 'THREADID':
      return `${key.key} ${printAstring(key.id)}`;
    case 'UID':
      return `UID ${printSequenceSet(key.set)}`;
    case 'SEQUENCE':
      return printSequenceSet(key.set);
    case 'NOT':
      return `NOT ${print(key.of)}`;
    case 'OR':
      return `OR ${print(key.a)} ${print(key.b)}`;
    case 'AND':
      return `(${key.of.map(print).join(' ')})`;
    default:
      if ('text' in key) return `${key.key} ${printAstring(key.text)}`;
      if ('day' in key) return `${key.key} ${printDay(key.day)}`;
      return key.key;
  }
}

test('RFC 9051 §6.4.4 search keys are read as they were printed, however nested', () => {
  fc.assert(
    fc.property(keys.key, (key) => assert.deepEqual(parseSearchKeys(over(print(key)), 'UTF-8'), key)),
    { numRuns: 500 },
  );
});

test('search keys nest up to 32 deep', () => {
  assert.throws(() => parseSearchKeys(over(`${'NOT '.repeat(40)}ALL`), null), SyntaxFault);
  assert.throws(() => parseSearchKeys(over(`${'('.repeat(40)}ALL${')'.repeat(40)}`), null), SyntaxFault);
  assert.throws(() => parseSearchKeys(over(Array(1_001).fill('ALL').join(' ')), null), SyntaxFault);
});

test('RFC 9051 §6.4.4 text is read in the charset of the command', () => {
  assert.deepEqual(parseSearchKeys(new Cursor(Buffer.from('SUBJECT {4}\r\nK\xfche', 'latin1')), 'iso-8859-1'), {
    key: 'SUBJECT',
    text: 'Kühe',
  });
});
