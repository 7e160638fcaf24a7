// Another parser, written by others, must see the same in messages that we compose and in messages that we only read.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { simpleParser } from 'mailparser';
import { bodyParts } from '../../../src/mail/format/body-parts.ts';
import { composeMessage } from '../../../src/mail/format/compose.ts';
import * as fields from '../../../src/mail/format/header-fields.ts';
import { indexMessage } from '../../../src/mail/format/message-indexer.ts';
import { decodePartText } from '../../../src/mail/format/part-text.ts';
import { fileNameOf, mediaTypeOf } from '../../../src/mail/format/structure.ts';
import { decodeTransfer } from '../../../src/mail/format/transfer-decode.ts';
import { crlf, gather } from './octets.ts';

async function compareBothReadings(octets: Buffer): Promise<void> {
  const theirs = await simpleParser(octets, { skipHtmlToText: true, skipTextToHtml: true, skipImageLinks: true });
  const ours = indexMessage(octets);
  assert.equal(ours.subject, theirs.subject ?? '');
  assert.deepEqual(
    ours.from.map(({ name, email }) => ({ address: email, name: name ?? '' })),
    theirs.from?.value ?? [],
  );
  const to = theirs.to === undefined ? [] : [theirs.to].flat().flatMap((list) => list.value);
  assert.deepEqual(
    ours.to.map(({ name, email }) => ({ address: email, name: name ?? '' })),
    to,
  );
  assert.equal(ours.sentAt?.date.getTime(), theirs.date?.getTime());
  assert.deepEqual(ours.messageIds, theirs.messageId === undefined ? [] : [theirs.messageId.slice(1, -1)]);
  const { textBody, attachments } = bodyParts(ours.root);
  const texts = textBody
    .filter((part) => mediaTypeOf(part) === 'text/plain')
    .map((part) => decodePartText(part, octets.subarray(part.bodyStart, part.end)).text);
  assert.equal(texts.join('\n').trimEnd(), (theirs.text ?? '').trimEnd());
  assert.deepEqual(
    attachments.map((part) => ({
      name: fileNameOf(part) ?? undefined,
      type: mediaTypeOf(part),
      content: decodeTransfer(octets.subarray(part.bodyStart, part.end), part.encoding),
    })),
    theirs.attachments.map(({ filename, contentType, content }) => ({
      name: filename,
      type: contentType,
      content: Buffer.from(content),
    })),
  );
}

const word = fc.constantFrom('Hello', 'Grüße', '日本語', 'a,b', '"q"', 'x@y', 'Ω', 'long'.repeat(12), '😀', 'Re:');
const phrase = fc.array(word, { minLength: 1, maxLength: 8 }).map((words) => words.join(' '));
const address = fc.record({
  name: fc.option(phrase, { nil: null }),
  email: fc.constantFrom('a@example.org', 'b.c+d@example.net', 'e@[192.0.2.1]'),
});
const line = fc.constantFrom(
  'Hello',
  'Grüße',
  '',
  ' indented',
  'trailing ',
  '.',
  '--',
  'From me',
  'x'.repeat(300),
  '=3D',
);

test('composed messages read the same in mailparser', async () => {
  await fc.assert(
    fc.asyncProperty(
      phrase,
      address,
      fc.array(address, { minLength: 1, maxLength: 5 }),
      fc.array(line, { minLength: 1, maxLength: 12 }),
      fc.array(fc.tuple(phrase, fc.uint8Array({ minLength: 1, maxLength: 500 })), { maxLength: 3 }),
      async (subject, from, to, lines, files) => {
        const octets = await gather(
          composeMessage(
            {
              fields: [
                fields.addressField('From', [from]),
                fields.addressField('To', to),
                fields.textField('Subject', subject),
              ],
              body: {
                kind: 'multipart',
                subtype: 'mixed',
                parts: [
                  { kind: 'leaf', mediaType: 'text/plain', body: `${lines.join('\n')}\n` },
                  ...files.map(([name, array]) => ({
                    kind: 'leaf' as const,
                    mediaType: 'application/x-data',
                    body: Buffer.from(array),
                    disposition: { type: 'attachment', params: [['filename', name] as const] },
                  })),
                ],
              },
            },
            { now: new Date('2026-11-25T03:21:48Z'), random: (n) => Buffer.alloc(n, 7), domain: 'mail.example' },
          ),
        );
        await compareBothReadings(octets);
      },
    ),
    { numRuns: 60 },
  );
});

const WRITTEN_BY_OTHERS: readonly (readonly [title: string, message: string])[] = [
  [
    'a folded subject of B words in two charsets',
    'From: =?iso-8859-1?Q?J=FCrgen?= <j@x.org>\nTo: "Doe, J." <a@b.c>, d@e.f\nSubject: =?utf-8?B?R3LDvMOfZQ==?=\n =?iso-8859-1?Q?_=FC?= end\n' +
      'Date: Fri, 21 Nov 1997 09:55:06 -0600\nMessage-ID: <a@b>\nContent-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\nGr=FC=DFe=\n!\n',
  ],
  [
    'iso-2022-jp',
    'From: a@b.c\nSubject: =?ISO-2022-JP?B?GyRCRnxLXBsoQg==?=\nContent-Type: text/plain; charset=ISO-2022-JP\n\n\x1b$BF|K\\\x1b(B\n',
  ],
  [
    'RFC 2231 file names and an RFC 2047 file name',
    'From: a@b.c\nContent-Type: multipart/mixed; boundary=x\n\n--x\n\ntext\n--x\nContent-Type: application/x-a\nContent-Disposition: attachment;\n filename*0*=utf-8\'\'%C3%9C;\n filename*1="ber.a"\nContent-Transfer-Encoding: base64\n\nAAEC\n--x\n' +
      'Content-Type: application/x-b; name="=?utf-8?B?w5xiZXIuYg==?="\nContent-Disposition: attachment\n\nabc\n--x--\n',
  ],
  [
    'nested multiparts with prefix boundaries',
    'From: a@b.c\nContent-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: multipart/alternative; boundary=xy\n\n--xy\n\nplain\n--xy\nContent-Type: text/html\n\n<p>html</p>\n--xy--\n--x\nContent-Type: application/x-a; name=q.a\nContent-Disposition: attachment\n\nabc\n--x--\n',
  ],
];

for (const [title, message] of WRITTEN_BY_OTHERS) {
  test(`mailparser reads the same in ${title}`, () => compareBothReadings(crlf(message)));
}
