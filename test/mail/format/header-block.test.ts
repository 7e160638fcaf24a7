import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findField, headerText, parseHeaderBlock } from '../../../src/mail/format/header-block.ts';
import * as forms from '../../../src/mail/format/header-forms.ts';
import { crlf, latin1 } from './octets.ts';

test('RFC 5322 §2.2 gives fields in order with their exact octets', () => {
  const octets = crlf('Subject: one\n two\nX-Empty:\nsubject : three\n\nbody');
  const block = parseHeaderBlock(octets);
  assert.deepEqual(
    block.fields.map((field) => [field.name, field.key, field.value.toString()]),
    [
      ['Subject', 'subject', ' one\r\n two'],
      ['X-Empty', 'x-empty', ''],
      ['subject', 'subject', ' three'],
    ],
  );
  assert.equal(octets.toString('latin1', block.fields[0]!.start, block.fields[0]!.end), 'Subject: one\r\n two\r\n');
  assert.equal(octets.toString('latin1', block.bodyStart), 'body');
  assert.equal(block.hasBlankLine, true);
  assert.equal(findField(block.fields, 'subject')?.name, 'Subject');
  assert.equal(findField(block.fields, 'to'), null);
});

const BLOCKS: readonly (readonly [
  title: string,
  octets: Buffer,
  names: readonly string[],
  body: string,
  bad: number,
])[] = [
  ['bare line feeds', latin1('A: 1\nB: 2\n\nx'), ['A', 'B'], 'x', 0],
  ['no body', crlf('A: 1\n'), ['A'], '', 0],
  ['no line end at all', crlf('A: 1'), ['A'], '', 0],
  ['a blank line first', crlf('\nA: 1'), [], 'A: 1', 0],
  ['an mbox line', crlf('From a@b Mon Jan 1\nA: 1\n\n'), ['A'], '', 1],
  ['a line without a colon', crlf('A: 1\nrubbish\n more\nB: 2\n\n'), ['A', 'B'], '', 1],
  ['a continuation first', crlf(' x\nA: 1\n\n'), ['A'], '', 1],
  ['an empty name', crlf(': x\nA: 1\n\n'), ['A'], '', 1],
  ['a line of blanks as a continuation', crlf('A: 1\n  \nB: 2\n\n'), ['A', 'B'], '', 0],
  ['nothing', Buffer.alloc(0), [], '', 0],
];

for (const [title, octets, names, body, bad] of BLOCKS) {
  test(`RFC 5322 §2.2, §4.5 reads a block with ${title}`, () => {
    const block = parseHeaderBlock(octets);
    assert.deepEqual(
      block.fields.map((field) => field.name),
      names,
    );
    assert.equal(octets.toString('latin1', block.bodyStart), body);
    assert.equal(block.malformedLines, bad);
  });
}

test('fields beyond the limit are left out and the block still ends where it ends', () => {
  const octets = crlf(`${'A: 1\n'.repeat(20)}\nbody`);
  const block = parseHeaderBlock(octets, 5);
  assert.equal(block.fields.length, 5);
  assert.equal(block.isCut, true);
  assert.equal(octets.toString('latin1', block.bodyStart), 'body');
});

test('RFC 6532 §3.1 reads 8-bit text as UTF-8 where valid, else as windows-1252', () => {
  assert.equal(headerText(Buffer.from(' Jürgen')), 'Jürgen');
  assert.equal(headerText(latin1(' J\xfcrgen \x80')), 'Jürgen €');
});

test('RFC 5322 §2.2.3 unfolds, and no CR, LF or NUL is left', () => {
  assert.equal(headerText(latin1(' a\r\n b\n\tc\rd\0e')), 'a b\tc de');
});

test('RFC 8621 §4.1.2.1 raw form keeps folding, drops NUL, replaces what is no UTF-8', () => {
  assert.equal(forms.asRaw(latin1(' a\r\n b\0\xff')), ' a\r\n b\ufffd');
});

test('RFC 8621 §4.1.2.2 text form unfolds, decodes, drops NUL and normalises', () => {
  assert.equal(forms.asText(crlf('  =?utf-8?Q?e=CC=81?=\n x =?utf-8?Q?=00?=')), 'é x ');
  assert.equal(forms.asText(latin1(' trailing  ')), 'trailing  ');
});

test('RFC 8621 §4.1.2.3, §4.1.2.4 address forms', () => {
  const value = crlf(' Friends: =?utf-8?Q?=C3=A9?= <a@b>;,\n c@d');
  assert.deepEqual(forms.asAddresses(value), [
    { name: 'é', email: 'a@b' },
    { name: null, email: 'c@d' },
  ]);
  assert.deepEqual(forms.asGroupedAddresses(value), [
    { name: 'Friends', addresses: [{ name: 'é', email: 'a@b' }] },
    { name: null, addresses: [{ name: null, email: 'c@d' }] },
  ]);
});

test('RFC 8621 §4.1.2.5 to §4.1.2.7 give null for what can not be parsed', () => {
  assert.deepEqual(forms.asMessageIds(crlf(' <a@b>\n <c@d>')), ['a@b', 'c@d']);
  assert.equal(forms.asMessageIds(latin1(' hello')), null);
  assert.equal(forms.asDate(latin1(' Tue, 1 Jul 2003 10:52:37 +0200')), '2003-07-01T10:52:37+02:00');
  assert.equal(forms.asDate(latin1(' hello')), null);
  assert.deepEqual(forms.asUrls(latin1(' <mailto:list@host.com?subject=help> (List),\r\n <http://x/ y>')), [
    'mailto:list@host.com?subject=help',
    'http://x/y',
  ]);
  assert.equal(forms.asUrls(latin1(' NO')), null);
});
