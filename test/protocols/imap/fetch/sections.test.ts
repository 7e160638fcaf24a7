import assert from 'node:assert/strict';
import { test } from 'node:test';
import { indexMessage } from '../../../../src/mail/format/message-indexer.ts';
import { selectFields } from '../../../../src/protocols/imap/fetch/header-fields.ts';
import { cutRange, rangeOfSection } from '../../../../src/protocols/imap/fetch/section-range.ts';
import { Cursor } from '../../../../src/protocols/imap/grammar/cursor.ts';
import { parseSection } from '../../../../src/protocols/imap/grammar/fetch-items.ts';
import { printEnvelope } from '../../../../src/protocols/imap/grammar/print-envelope.ts';
import { printStructure } from '../../../../src/protocols/imap/grammar/print-structure.ts';

const lines = (...text: string[]): Buffer => Buffer.from(text.join('\r\n'), 'utf8');

/** RFC 3501 §6.4.5: the example of a message with all kinds of part numbers. */
const nested = lines(
  'From: a@example.org',
  'Subject: outer',
  'Content-Type: multipart/mixed; boundary=A',
  '',
  'preamble',
  '--A',
  'Content-Type: text/plain',
  '',
  'part one',
  '--A',
  'Content-Type: message/rfc822',
  '',
  'From: b@example.org',
  'Subject: inner',
  'Content-Type: multipart/mixed; boundary=B',
  '',
  '--B',
  'Content-Type: text/plain; charset=utf-8',
  '',
  'inner one',
  '--B',
  'Content-Type: application/octet-stream',
  'Content-Disposition: attachment; filename=x.bin',
  '',
  'inner two',
  '--B--',
  '--A',
  'Content-Type: message/rfc822',
  '',
  'Subject: simple',
  '',
  'simple text',
  '--A--',
  '',
);

function octets(message: Buffer, section: string): string | null {
  const index = indexMessage(message);
  const range = rangeOfSection(index.root, index.size, parseSection(new Cursor(Buffer.from(`[${section}]`))));
  return range === null ? null : message.toString('utf8', range.from, range.to);
}

test('RFC 9051 §6.4.5.1 part numbers lead to the octets of their parts', () => {
  const cases: [string, string | null][] = [
    ['1', 'part one'],
    ['1.MIME', 'Content-Type: text/plain\r\n\r\n'],
    ['2.HEADER', 'From: b@example.org\r\nSubject: inner\r\nContent-Type: multipart/mixed; boundary=B\r\n\r\n'],
    ['2.1', 'inner one'],
    ['2.2', 'inner two'],
    ['2.2.MIME', 'Content-Type: application/octet-stream\r\nContent-Disposition: attachment; filename=x.bin\r\n\r\n'],
    ['3', 'Subject: simple\r\n\r\nsimple text'],
    ['3.HEADER', 'Subject: simple\r\n\r\n'],
    ['3.TEXT', 'simple text'],
    ['3.1', 'simple text'],
    ['3.1.MIME', 'Subject: simple\r\n\r\n'],
    ['4', null],
    ['1.1', null],
    ['1.HEADER', null],
    ['2.3', null],
    ['2.1.1', null],
    ['3.1.1', null],
  ];
  for (const [section, expected] of cases) assert.equal(octets(nested, section), expected, section);
  assert.equal(octets(nested, ''), nested.toString());
  assert.ok(octets(nested, 'TEXT')!.startsWith('preamble'));
  assert.equal(octets(nested, 'HEADER')! + octets(nested, 'TEXT')!, nested.toString());
  assert.equal(octets(nested, '2')!, octets(nested, '2.HEADER')! + octets(nested, '2.TEXT')!);
});

test('RFC 9051 §6.4.5.1 a message that is no multipart has one part, itself', () => {
  const message = lines('Subject: x', '', 'text');
  assert.equal(octets(message, '1'), 'text');
  assert.equal(octets(message, '1.MIME'), 'Subject: x\r\n\r\n');
  assert.equal(octets(message, '2'), null);
  assert.equal(octets(message, '1.1'), null);
});

test('RFC 9051 §6.4.5 a partial range is cut at the end, and empty beyond it', () => {
  const range = { from: 100, to: 110 };
  assert.deepEqual(cutRange(range, { offset: 2, length: 3 }), { from: 102, to: 105 });
  assert.deepEqual(cutRange(range, { offset: 8, length: 100 }), { from: 108, to: 110 });
  assert.deepEqual(cutRange(range, { offset: 4_294_967_295, length: 1 }), { from: 110, to: 110 });
});

test('RFC 9051 §6.4.5.1 header fields come as they stand, in the order of the header, with a blank line', () => {
  const header = lines('Received: a', 'SUBJECT: one', ' folded', 'From: x', 'Subject: two', '', '');
  assert.equal(
    selectFields(header, ['subject', 'X'], false).toString(),
    'SUBJECT: one\r\n folded\r\nSubject: two\r\n\r\n',
  );
  assert.equal(selectFields(header, ['Subject'], true).toString(), 'Received: a\r\nFrom: x\r\n\r\n');
  assert.equal(selectFields(Buffer.from('Subject: no end'), ['Subject'], false).toString(), 'Subject: no end\r\n\r\n');
});

test('RFC 9051 §7.5.2 BODYSTRUCTURE of nested messages, BODY without the extension data', () => {
  const { root } = indexMessage(nested);
  assert.equal(
    printStructure(root, true),
    '(("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 8 0 NIL NIL NIL NIL)' +
      '("message" "rfc822" NIL NIL NIL "7bit" 253 (NIL "inner" ((NIL NIL "b" "example.org")) ((NIL NIL "b" "example.org")) ((NIL NIL "b" "example.org")) NIL NIL NIL NIL NIL) ' +
      '(("text" "plain" ("charset" "utf-8") NIL NIL "7bit" 9 0 NIL NIL NIL NIL)("application" "octet-stream" NIL NIL NIL "7bit" 9 NIL ("attachment" ("filename" "x.bin")) NIL NIL) "mixed" ("boundary" "B") NIL NIL NIL) 13 NIL NIL NIL NIL)' +
      '("message" "rfc822" NIL NIL NIL "7bit" 30 (NIL "simple" NIL NIL NIL NIL NIL NIL NIL NIL) ("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 11 0 NIL NIL NIL NIL) 2 NIL NIL NIL NIL)' +
      ' "mixed" ("boundary" "A") NIL NIL NIL)',
  );
  assert.equal(octets(nested, '2')!.length, 253);
  assert.ok(!printStructure(root, false).includes('boundary'));
});

test('RFC 9051 §7.5.2 a message part that is encoded is shown without structure', () => {
  const { root } = indexMessage(
    lines('Content-Type: message/rfc822', 'Content-Transfer-Encoding: base64', '', 'U3ViamVjdDogeA==', ''),
  );
  assert.match(printStructure(root, true), /^\("application" "octet-stream" NIL NIL NIL "base64" 18 /);
});

test('RFC 9051 §7.5.2 ENVELOPE: sender and reply-to stand in, groups open and close', () => {
  const { envelope } = indexMessage(
    lines(
      'From: "A, \\"B\\"" <a@x.org>',
      'To: Team: one@x.org, two@x.org;',
      'Date: Tue, 24 Nov 2026 10:00:00 +0100',
      'Message-ID: <1@x>',
      'In-Reply-To: <0@x>',
      '',
      '',
    ),
  );
  const a = '(("A, \\"B\\"" NIL "a" "x.org"))';
  assert.equal(
    printEnvelope(envelope),
    `("Tue, 24 Nov 2026 10:00:00 +0100" NIL ${a} ${a} ${a} ((NIL NIL "Team" NIL)(NIL NIL "one" "x.org")(NIL NIL "two" "x.org")(NIL NIL NIL NIL)) NIL NIL "<0@x>" "<1@x>")`,
  );
});

test('RFC 2047 8-bit text of headers is shown as encoded words, those that were written stay', () => {
  const { envelope } = indexMessage(lines('Subject: Größe', 'From: =?utf-8?q?J=C3=B6rg?= <j@x.org>', '', ''));
  const text = printEnvelope(envelope);
  assert.match(text, /"=\?utf-8\?B\?R3LDtsOfZQ==\?="/);
  assert.match(text, /"=\?utf-8\?q\?J=C3=B6rg\?="/);
  assert.ok(/^[\x20-\x7e]*$/.test(text));
});
