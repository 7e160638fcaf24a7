import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { indexMessage, MessageIndexer } from '../../../src/mail/format/message-indexer.ts';
import type { PartNode } from '../../../src/mail/format/structure.ts';
import {
  decodeEnvelope,
  decodeStructure,
  encodeEnvelope,
  encodeStructure,
} from '../../../src/mail/format/structure-codec.ts';
import { crlf, cutAt } from './octets.ts';

/** Pieces of which real and hostile messages are made. */
const PIECES = [
  'Subject: =?utf-8?Q?=C3=A9?= x',
  'From: "A, B" <a@b>, c@d (e)',
  'To: g: x@y;',
  'Content-Type: multipart/mixed; boundary=b',
  'Content-Type: multipart/alternative; boundary=bb',
  'Content-Type: multipart/digest; boundary="b"',
  'Content-Type: message/rfc822',
  'Content-Type: text/html; charset=utf-8',
  'Content-Transfer-Encoding: base64',
  'Content-Disposition: attachment; filename="x y"',
  '--b',
  '--b--',
  '--bb',
  '--bb--',
  '--b ',
  '--bbb',
  '--',
  '-',
  ' folded',
  '\0',
  'text é',
  '',
  '',
] as const;

const message = fc
  .array(fc.tuple(fc.constantFrom(...PIECES), fc.constantFrom('\r\n', '\r\n', '\r\n', '\n', '\r', '')), {
    maxLength: 40,
  })
  .map((lines) => Buffer.from(lines.map(([line, end]) => line + end).join('')));

test('any cut of any message gives the same index', () => {
  fc.assert(
    fc.property(message, fc.array(fc.nat(2_000), { maxLength: 12 }), (octets, offsets) => {
      const indexer = new MessageIndexer();
      for (const piece of cutAt(octets, offsets)) indexer.push(piece);
      assert.deepEqual(indexer.finish(), indexMessage(octets));
    }),
    { numRuns: 2_000 },
  );
});

test('octet by octet gives the same index', () => {
  fc.assert(
    fc.property(message, (octets) => {
      const indexer = new MessageIndexer();
      for (const octet of octets) indexer.push(Buffer.from([octet]));
      assert.deepEqual(indexer.finish(), indexMessage(octets));
    }),
    { numRuns: 300 },
  );
});

function checkRanges(node: PartNode, octets: Buffer, outer: { start: number; end: number }): void {
  assert.ok(outer.start <= node.headerStart && node.headerStart <= node.bodyStart, 'header inside of the outer part');
  assert.ok(node.bodyStart <= node.end && node.end <= outer.end, 'body inside of the outer part');
  let from = node.bodyStart;
  for (const child of node.children) {
    assert.ok(child.headerStart >= from, 'parts in order, without overlap');
    checkRanges(child, octets, { start: from, end: node.end });
    from = child.end;
  }
  if (node.message !== null) {
    assert.equal(node.message.root.headerStart, node.bodyStart);
    assert.equal(node.message.root.end, node.end);
    checkRanges(node.message.root, octets, { start: node.bodyStart, end: node.end });
  }
  assert.equal(node.type === 'multipart', node.children.length > 0, 'a multipart has parts, nothing else has');
  if (node.type === 'text') {
    const lineEnds = octets.subarray(node.bodyStart, node.end).filter((octet) => octet === 10).length;
    assert.equal(node.lines, lineEnds);
  }
}

test('ranges nest, never overlap, and count their lines', () => {
  fc.assert(
    fc.property(message, (octets) => {
      const index = indexMessage(octets);
      assert.equal(index.size, octets.length);
      assert.equal(index.lines, octets.filter((octet) => octet === 10).length);
      assert.equal(index.root.headerStart, 0);
      assert.equal(index.root.end, octets.length);
      checkRanges(index.root, octets, { start: 0, end: octets.length });
    }),
    { numRuns: 2_000 },
  );
});

test('structure and envelope survive their stored form', () => {
  fc.assert(
    fc.property(message, (octets) => {
      const { root, envelope } = indexMessage(octets);
      assert.deepEqual(decodeStructure(encodeStructure(root)), root);
      assert.deepEqual(decodeEnvelope(encodeEnvelope(envelope)), envelope);
    }),
    { numRuns: 1_000 },
  );
});

test('the stored form of an ordinary message is small', () => {
  const { root } = indexMessage(
    crlf(
      'Content-Type: multipart/alternative; boundary="----=_Part_1_2.3"\n\n------=_Part_1_2.3\nContent-Type: text/plain; charset=utf-8\n\n' +
        'x\n------=_Part_1_2.3\nContent-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\nx\n------=_Part_1_2.3--\n',
    ),
  );
  assert.equal(root.children.length, 2);
  assert.ok(encodeStructure(root).length < 220, encodeStructure(root));
});

/** A tree of parts, written with plain text, and what the index must give back. */
type Tree = string | { readonly parts: readonly Tree[] } | { readonly inner: Tree };

const tree = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    fc
      .array(fc.constantFrom('line', '--', '--b', '-- x', 'é', ''), { maxLength: 4 })
      .map((lines) => lines.join('\r\n')),
    fc.array(tie('tree'), { minLength: 1, maxLength: 4 }).map((parts) => ({ parts })),
    tie('tree').map((inner) => ({ inner })),
  ),
})).tree;

function write(node: Tree, path: string): string {
  if (typeof node === 'string') return `Content-Type: text/plain\r\n\r\n${node}`;
  if ('inner' in node) return `Content-Type: message/rfc822\r\n\r\nSubject: s\r\n${write(node.inner, `${path}i`)}`;
  const boundary = `=_${path}`;
  const parts = node.parts.map((part, i) => `--${boundary}\r\n${write(part, `${path}${i}`)}\r\n`).join('');
  return `Content-Type: multipart/mixed; boundary="${boundary}"\r\n\r\n${parts}--${boundary}--`;
}

function read(node: PartNode, octets: Buffer): Tree {
  if (node.message !== null) return { inner: read(node.message.root, octets) };
  if (node.type === 'multipart') return { parts: node.children.map((child) => read(child, octets)) };
  return octets.toString('utf8', node.bodyStart, node.end);
}

test('the octets in a range are exactly the part that was written', () => {
  fc.assert(
    fc.property(tree, (written) => {
      const octets = Buffer.from(write(written, 'r'));
      const index = indexMessage(octets);
      assert.deepEqual(read(index.root, octets), written);
      assert.deepEqual(
        index.defects.filter((defect) => defect !== 'bare-line-feed'),
        [],
      );
    }),
    { numRuns: 1_000 },
  );
});
