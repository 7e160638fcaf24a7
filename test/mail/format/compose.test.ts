import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type ComposeContext, type ComposedPart, composeMessage } from '../../../src/mail/format/compose.ts';
import * as fields from '../../../src/mail/format/header-fields.ts';
import { indexMessage } from '../../../src/mail/format/message-indexer.ts';
import { decodePartText } from '../../../src/mail/format/part-text.ts';
import { fileNameOf, type PartNode } from '../../../src/mail/format/structure.ts';
import { decodeTransfer } from '../../../src/mail/format/transfer-decode.ts';
import { gather } from './octets.ts';

function context(): ComposeContext {
  let counter = 0;
  return {
    now: new Date('2026-11-25T03:21:48Z'),
    random: (octets) => {
      counter += 1;
      return Buffer.alloc(octets, counter);
    },
    domain: 'mail.example',
  };
}

function compose(body: ComposedPart, lines: readonly string[] = []): Promise<Buffer> {
  return gather(composeMessage({ fields: lines, body }, context()));
}

test('RFC 5322 §3.6 adds Date, Message-ID and MIME-Version when they are missing', async () => {
  const octets = await compose({ kind: 'leaf', mediaType: 'text/plain', body: 'Hi\n' }, ['Subject: x\r\n']);
  const id = `<${context().now.getTime().toString(36)}.${'01'.repeat(12)}@mail.example>`;
  assert.equal(
    octets.toString(),
    `Subject: x\r\nDate: Wed, 25 Nov 2026 03:21:48 +0000\r\nMessage-ID: ${id}\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nHi\r\n`,
  );
});

test('RFC 5322 §3.6 keeps Date and Message-ID that are given', async () => {
  const given = ['date: Mon, 1 Jan 2024 00:00:00 +0000\r\n', 'Message-Id: <a@b>\r\n', 'MIME-Version: 1.0\r\n'];
  const octets = await compose({ kind: 'leaf', mediaType: 'text/plain', body: 'x' }, given);
  assert.equal(octets.toString(), `${given.join('')}Content-Type: text/plain; charset=utf-8\r\n\r\nx\r\n`);
});

test('RFC 2046 §5.1 nests mixed, alternative and related, attachments streamed', async () => {
  let opened = 0;
  async function* attachment(): AsyncGenerator<Buffer> {
    opened += 1;
    for (let i = 0; i < 100; i += 1) yield Buffer.alloc(1_000, i);
  }
  const octets = await compose({
    kind: 'multipart',
    subtype: 'mixed',
    parts: [
      {
        kind: 'multipart',
        subtype: 'alternative',
        parts: [
          { kind: 'leaf', mediaType: 'text/plain', body: 'Grüße\n' },
          {
            kind: 'multipart',
            subtype: 'related',
            parts: [
              { kind: 'leaf', mediaType: 'text/html', body: '<p>Grüße</p>' },
              {
                kind: 'leaf',
                mediaType: 'image/png',
                body: Buffer.from([1, 2, 3]),
                disposition: { type: 'inline', params: [] },
                fields: [fields.rawField('Content-ID', '<i@x>')],
              },
            ],
          },
        ],
      },
      {
        kind: 'leaf',
        mediaType: 'application/pdf',
        body: attachment,
        disposition: { type: 'attachment', params: [['filename', 'Übersicht 2026 €.pdf']] },
      },
    ],
  });
  assert.equal(opened, 1);
  const index = indexMessage(octets);
  assert.deepEqual(index.defects, []);
  assert.equal(index.hasAttachment, true);
  assert.equal(index.preview, 'Grüße');
  const [alternative, pdf] = index.root.children;
  assert.equal(alternative?.subtype, 'alternative');
  assert.equal(alternative?.children[1]?.children[1]?.id, '<i@x>');
  assert.equal(fileNameOf(pdf!), 'Übersicht 2026 €.pdf');
  assert.deepEqual(
    decodeTransfer(octets.subarray(pdf!.bodyStart, pdf!.end), pdf!.encoding),
    Buffer.concat(Array.from({ length: 100 }, (_, i) => Buffer.alloc(1_000, i))),
  );
});

test('a source is opened only when its part is written, and read no further than asked', async () => {
  let read = 0;
  async function* endless(): AsyncGenerator<Buffer> {
    for (;;) {
      read += 1;
      yield Buffer.alloc(60_000);
    }
  }
  const stream = composeMessage(
    { fields: [], body: { kind: 'leaf', mediaType: 'application/octet-stream', body: endless } },
    context(),
  );
  for (let i = 0; i < 5; i += 1) await stream.next();
  assert.ok(read <= 5, `${read} pieces read`);
  await stream.return(undefined);
});

test('RFC 2046 §5.2.1 embeds a message octet by octet and widens the multipart (RFC 2045 §6.4)', async () => {
  const inner = Buffer.from('Subject: Ü\r\n\r\n--x\r\nbody\r\n');
  const octets = await compose({
    kind: 'multipart',
    subtype: 'report',
    params: [['report-type', 'delivery-status']],
    parts: [
      { kind: 'leaf', mediaType: 'text/plain', body: 'It failed.\n' },
      { kind: 'leaf', mediaType: 'message/delivery-status', body: 'Reporting-MTA: dns; x\n\nAction: failed\n' },
      { kind: 'leaf', mediaType: 'message/rfc822', body: inner },
    ],
  });
  const { root, defects } = indexMessage(octets);
  assert.deepEqual(defects, ['eight-bit-header']);
  assert.equal(root.encoding, '8bit');
  assert.deepEqual(root.params[0], ['report-type', 'delivery-status']);
  assert.equal(root.children[1]?.encoding, '7bit');
  assert.deepEqual(octets.subarray(root.children[2]!.bodyStart, root.children[2]!.end), inner);
});

test('RFC 2045 §6 text goes 7bit where it can and is always decodable', async () => {
  const cases: readonly (readonly [string, string])[] = [
    ['plain\n', '7bit'],
    ['Viele größere Grüße\n', 'quoted-printable'],
    ['日本語\n', 'base64'],
    ['x'.repeat(2_000), 'quoted-printable'],
    ['', '7bit'],
  ];
  for (const [body, encoding] of cases) {
    const octets = await compose({ kind: 'leaf', mediaType: 'text/plain', body });
    const { root } = indexMessage(octets);
    assert.equal(root.encoding, encoding);
    assert.ok(octets.every((octet) => octet < 128));
    assert.equal(decodePartText(root, octets.subarray(root.bodyStart, root.end)).text, body);
  }
});

test('RFC 2046 §5.1.1 an empty multipart is written with one empty part', async () => {
  const { root, defects } = indexMessage(await compose({ kind: 'multipart', subtype: 'mixed', parts: [] }));
  assert.equal(root.children.length, 1);
  assert.deepEqual(defects, []);
});

/** What a part is, apart from how it is written. */
type Plain = { type: string; text: string; name: string | null } | { type: string; parts: Plain[] };

function read(node: PartNode, octets: Buffer): Plain {
  const type = `${node.type}/${node.subtype}`;
  if (node.type === 'multipart') return { type, parts: node.children.map((child) => read(child, octets)) };
  const body = octets.subarray(node.bodyStart, node.end);
  const text =
    node.type === 'text' ? decodePartText(node, body).text : decodeTransfer(body, node.encoding).toString('latin1');
  return { type, text, name: fileNameOf(node) };
}

const cleanText = fc
  .array(fc.constantFrom('a', ' ', '\n', 'é', '.', '--', '\t', 'From ', '日本', '=', 'x'.repeat(100)), {
    maxLength: 40,
  })
  .map((parts) => parts.join(''));
const fileName = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 80 }).map((text) => {
  const clean = text
    .toWellFormed()
    .replace(/[\0-\x1f\x7f\ufffd]/g, '')
    .trim();
  return clean === '' ? 'x' : clean;
});

interface Pair {
  readonly part: ComposedPart;
  readonly plain: Plain;
}

const pairs = fc.letrec<{ pair: Pair; leaf: Pair }>((tie) => ({
  leaf: fc.oneof(
    cleanText.map(
      (text): Pair => ({
        part: { kind: 'leaf', mediaType: 'text/plain', body: text },
        plain: { type: 'text/plain', text, name: null },
      }),
    ),
    fc.tuple(fc.uint8Array({ maxLength: 300 }), fileName).map(
      ([array, name]): Pair => ({
        part: {
          kind: 'leaf',
          mediaType: 'application/x-data',
          body: Buffer.from(array),
          disposition: { type: 'attachment', params: [['filename', name]] },
        },
        plain: { type: 'application/x-data', text: Buffer.from(array).toString('latin1'), name },
      }),
    ),
  ),
  pair: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    tie('leaf'),
    fc.array(tie('pair'), { minLength: 1, maxLength: 4 }).map(
      (list): Pair => ({
        part: { kind: 'multipart', subtype: 'mixed', parts: list.map((item) => item.part) },
        plain: { type: 'multipart/mixed', parts: list.map((item) => item.plain) },
      }),
    ),
  ),
}));

test('composing and indexing gives back the same parts; the wire has CRLF only and short lines', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(pairs.pair, { minLength: 1, maxLength: 3 }), async (list) => {
      const octets = await compose({ kind: 'multipart', subtype: 'mixed', parts: list.map((item) => item.part) });
      const index = indexMessage(octets);
      assert.deepEqual(index.defects, []);
      assert.deepEqual(read(index.root, octets), { type: 'multipart/mixed', parts: list.map((item) => item.plain) });
      const text = octets.toString('latin1');
      assert.doesNotMatch(text, /[^\r]\n|\r[^\n]/);
      for (const line of text.split('\r\n')) assert.ok(line.length <= 998, line);
    }),
    { numRuns: 300 },
  );
});
