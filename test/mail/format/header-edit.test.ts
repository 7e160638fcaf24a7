import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseHeaderBlock } from '../../../src/mail/format/header-block.ts';
import { insertHeaderFields, removeHeaderFields, withoutHeaderFields } from '../../../src/mail/format/header-edit.ts';
import * as fields from '../../../src/mail/format/header-fields.ts';
import * as forms from '../../../src/mail/format/header-forms.ts';
import { crlf, cutAt, gather, latin1 } from './octets.ts';

const REMOVED: readonly (readonly [title: string, message: string, rest: string])[] = [
  ['a field in the middle', 'A: 1\nBcc: x\nB: 2\n\nBcc: body\n', 'A: 1\nB: 2\n\nBcc: body\n'],
  ['the first and the last field', 'Bcc: x\nA: 1\nbcc: y\n\nbody', 'A: 1\n\nbody'],
  ['a folded field', 'BCC: x,\n y,\n\tz\nA: 1\n\n', 'A: 1\n\n'],
  ['a field with a blank before the colon', 'Bcc : x\nA: 1\n\n', 'A: 1\n\n'],
  ['the name without a colon', 'Bcc x\nA: 1\n\n', 'A: 1\n\n'],
  ['no longer and no shorter name', 'Bccc: x\nBc: y\nX-Bcc: z\n\n', 'Bccc: x\nBc: y\nX-Bcc: z\n\n'],
  ['a header without a body', 'A: 1\nBcc: x', 'A: 1\n'],
  ['nothing from an empty message', '', ''],
  ['everything there is', 'Bcc: x\n\n', '\n'],
];

for (const [title, message, rest] of REMOVED) {
  for (const [ends, octetsOf] of [
    ['CRLF', crlf],
    ['LF', latin1],
  ] as const) {
    test(`RFC 5322 §3.6.3 Bcc removal takes out ${title} (${ends})`, () => {
      assert.equal(
        withoutHeaderFields(octetsOf(message), ['Bcc']).toString('latin1'),
        octetsOf(rest).toString('latin1'),
      );
    });
  }
}

test('any cut of the message gives the same result, all other octets untouched', async () => {
  const part = fc.constantFrom(
    'Bcc: x',
    'A: b',
    '\r\n',
    '\n',
    ' ',
    '\t',
    'Bcc',
    ':',
    '\r',
    'Bccc',
    'é',
    '\0',
    'Resent-Bcc: q',
  );
  const sources = fc.array(part, { maxLength: 20 }).map((parts) => Buffer.from(parts.join('')));
  await fc.assert(
    fc.asyncProperty(sources, fc.array(fc.nat(200), { maxLength: 8 }), async (octets, offsets) => {
      const names = ['Bcc', 'Resent-Bcc'];
      const whole = withoutHeaderFields(octets, names);
      assert.deepEqual(await gather(removeHeaderFields(cutAt(octets, offsets), names)), whole);
      const before = parseHeaderBlock(octets);
      const after = parseHeaderBlock(whole);
      const kept = before.fields.filter((field) => !names.some((name) => name.toLowerCase() === field.key));
      assert.deepEqual(
        after.fields.map((f) => f.value),
        kept.map((f) => f.value),
      );
      assert.deepEqual(whole.subarray(after.bodyStart), octets.subarray(before.bodyStart));
    }),
    { numRuns: 500 },
  );
});

test('RFC 5321 §4.4 a trace field goes on top, one clause a line', async () => {
  const field = fields.traceField('Received', [
    'from a (b [192.0.2.1])',
    'by c with ESMTPS id 1',
    'for <x@y>; Mon\r\nX: 1',
  ]);
  const whole = await gather(insertHeaderFields([latin1('A: 1\r\n\r\n')], [field]));
  assert.equal(
    whole.toString(),
    'Received: from a (b [192.0.2.1])\r\n\tby c with ESMTPS id 1\r\n\tfor <x@y>; Mon X: 1\r\nA: 1\r\n\r\n',
  );
});

function rawValue(field: string): Buffer {
  const block = parseHeaderBlock(Buffer.from(`${field}\r\n`));
  assert.equal(block.fields.length, 1, field);
  assert.equal(block.malformedLines, 0, field);
  return block.fields[0]!.value;
}

const anyText = fc.string({ unit: 'grapheme', maxLength: 300 }).map((text) => text.toWellFormed());

test('RFC 5322 §2.2.3 a written text field is one field of short lines and reads back the same', () => {
  fc.assert(
    fc.property(anyText, (raw) => {
      const text = raw.replace(/[\0\r\n]/g, '').normalize('NFC');
      const field = fields.textField('Subject', text);
      for (const line of field.split('\r\n')) assert.ok(Buffer.byteLength(line) <= 278, line);
      assert.equal(forms.asText(rawValue(field)), text);
    }),
    { numRuns: 500 },
  );
});

test('RFC 5322 §2.1.1 spaces give lines of at most 78 characters', () => {
  const field = fields.textField('Subject', 'word '.repeat(60).trim());
  assert.ok(field.split('\r\n').length > 4);
  for (const line of field.split('\r\n')) assert.ok(line.length <= 78, line);
});

test('RFC 5322 §2.2 no value can smuggle in a field', () => {
  const evil = 'x\r\nBcc: victim@x\r\n\r\nbody';
  assert.equal(parseHeaderBlock(Buffer.from(fields.textField('Subject', evil))).fields.length, 1);
  assert.equal(parseHeaderBlock(Buffer.from(fields.rawField('X', evil))).fields.length, 1);
  assert.equal(parseHeaderBlock(Buffer.from(fields.rawField('X', 'a\r\n \r\n\r\n b\n c'))).fields.length, 1);
  assert.equal(parseHeaderBlock(Buffer.from(fields.messageIdField('X', [evil]))).fields.length, 1);
  assert.equal(parseHeaderBlock(Buffer.from(fields.urlField('X', [evil]))).fields.length, 1);
  assert.equal(parseHeaderBlock(Buffer.from(fields.addressField('X', [{ name: evil, email: evil }]))).fields.length, 1);
  assert.equal(parseHeaderBlock(Buffer.from(fields.textField('X\r\nBcc: y', 'z'))).fields.length, 1);
});

test('RFC 5322 §3.4 written addresses read back the same', () => {
  const name = fc.option(
    anyText.map((text) => text.replace(/[\0-\x1f\x7f]/g, '').trim()),
    { nil: null },
  );
  const local = fc
    .string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 20 })
    .filter((text) => text.trim() === text);
  const list = fc.array(fc.record({ name, local }), { maxLength: 6 });
  fc.assert(
    fc.property(list, (items) => {
      const addresses = items.map((item) => ({
        name: item.name === null || item.name === '' ? null : item.name,
        email: /^[a-z]+$/.test(item.local) ? `${item.local}@x.org` : `"${item.local.replace(/["\\]/g, '\\$&')}"@x.org`,
      }));
      fc.pre(addresses.every(({ email }) => /^"(?![a-zA-Z0-9!#$%&'*+/=?^_`{|}~.-]+")|^[a-z]+@/.test(email)));
      const read = forms.asAddresses(rawValue(fields.addressField('To', addresses)));
      assert.deepEqual(
        read.map((a) => a.email),
        addresses.map((a) => a.email),
      );
      for (const [index, address] of addresses.entries()) {
        // White space in a name is folding white space (RFC 5322 §3.2.2): it may be collapsed.
        const flat = (text: string | null): string | null => text?.replace(/\s+/g, ' ') ?? null;
        assert.equal(flat(read[index]!.name), flat(address.name));
      }
    }),
  );
});

test('RFC 5322 §3.4 written groups read back the same', () => {
  const groups = [
    { name: null, addresses: [{ name: 'A, B', email: 'a@b' }] },
    { name: 'Undisclosed recipients', addresses: [] },
    {
      name: 'Frïends',
      addresses: [
        { name: null, email: 'c@d' },
        { name: 'E', email: 'e@f' },
      ],
    },
  ];
  assert.deepEqual(forms.asGroupedAddresses(rawValue(fields.groupedAddressField('To', groups))), groups);
});

test('RFC 5322 §3.6.4 many message ids are folded and read back', () => {
  const ids = Array.from({ length: 30 }, (_, i) => `${i}.abcdef@example.org`);
  const field = fields.messageIdField('References', ids);
  for (const line of field.split('\r\n')) assert.ok(line.length <= 78, line);
  assert.deepEqual(forms.asMessageIds(rawValue(field)), ids);
});
