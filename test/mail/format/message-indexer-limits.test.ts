import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as limits from '../../../src/mail/format/limits.ts';
import { type LineEvents, LineScanner } from '../../../src/mail/format/line-scanner.ts';
import { indexMessage, MessageIndexer } from '../../../src/mail/format/message-indexer.ts';
import type { PartNode } from '../../../src/mail/format/structure.ts';
import { encodeStructure } from '../../../src/mail/format/structure-codec.ts';
import { latin1 } from './octets.ts';

function countParts(node: PartNode): number {
  let count = 1;
  for (const child of node.children) count += countParts(child);
  return node.message === null ? count : count + countParts(node.message.root);
}

function depthOf(node: PartNode): number {
  const inner = node.message === null ? node.children : [node.message.root];
  return 1 + Math.max(0, ...inner.map(depthOf));
}

const MIXED = 'Content-Type: multipart/mixed; boundary=b\r\n\r\n';

test('100,000 parts: the first are indexed, the rest is one opaque leaf to the end', () => {
  const octets = latin1(`${MIXED}${'--b\r\n\r\nx\r\n'.repeat(100_000)}--b--\r\n`);
  const index = indexMessage(octets);
  assert.equal(countParts(index.root), limits.MAX_PARTS);
  assert.ok(index.defects.includes('too-many-parts'));
  const last = index.root.children.at(-1);
  assert.equal(`${last?.type}/${last?.subtype}`, 'application/octet-stream');
  assert.equal(last?.end, octets.length);
  assert.equal(octets.toString('latin1', last?.bodyStart ?? 0, (last?.bodyStart ?? 0) + 3), '\r\nx');
});

test('exactly the allowed number of parts is no defect', () => {
  const index = indexMessage(latin1(`${MIXED}${'--b\r\n\r\nx\r\n'.repeat(limits.MAX_PARTS - 2)}--b--\r\n`));
  assert.deepEqual(index.defects, []);
  assert.equal(index.root.children.length, limits.MAX_PARTS - 2);
});

test('10,000 nested multiparts: opened to the depth limit, opaque below', () => {
  let text = '';
  for (let i = 0; i < 10_000; i += 1) text += `Content-Type: multipart/mixed; boundary=b${i}\r\n\r\n--b${i}\r\n`;
  const index = indexMessage(latin1(text));
  assert.equal(depthOf(index.root), limits.MAX_DEPTH + 1);
  assert.ok(index.defects.includes('too-deep'));
  assert.ok(encodeStructure(index.root).length < 20_000);
});

test('10,000 nested messages: opened to the depth limit, opaque below', () => {
  const index = indexMessage(latin1('Content-Type: message/rfc822\r\n\r\n'.repeat(10_000)));
  assert.equal(depthOf(index.root), limits.MAX_DEPTH + 1);
  assert.ok(index.defects.includes('too-deep'));
});

test('a header line of 2 MB is cut in the index; its body is still found', () => {
  const octets = latin1(`From: a@b\r\nSubject: ${'x'.repeat(2_000_000)}\r\nTo: c@d\r\n\r\nbody`);
  const index = indexMessage(octets);
  assert.deepEqual(index.from, [{ name: null, email: 'a@b' }]);
  assert.equal(index.subject.length, limits.MAX_TEXT_LENGTH);
  assert.deepEqual(index.to, []);
  assert.equal(octets.toString('latin1', index.bodyStart), 'body');
  assert.deepEqual(index.defects, ['header-too-large']);
});

test('headers of embedded messages share one budget; beyond it the rest is opaque', () => {
  const inner = `--b\r\nContent-Type: message/rfc822\r\n\r\nTo: ${'a@b, '.repeat(100_000)}\r\n\r\nx\r\n`;
  const index = indexMessage(latin1(MIXED + inner.repeat(20)));
  assert.ok(index.defects.includes('header-too-large'));
  assert.ok(index.root.children.length < 8);
  assert.ok(index.defects.includes('too-many-addresses'));
  assert.ok(encodeStructure(index.root).length < 2 * limits.MAX_TOTAL_HEADER_OCTETS);
});

test('a million fields: the first are indexed', () => {
  const index = indexMessage(latin1(`Subject: x\r\n${'A:\n'.repeat(300_000)}\r\nbody`));
  assert.equal(index.subject, 'x');
  assert.ok(index.defects.includes('too-many-fields'));
});

test('a boundary of 10,000 characters: the multipart is shown as text', () => {
  const boundary = 'b'.repeat(10_000);
  const index = indexMessage(
    latin1(`Content-Type: multipart/mixed; boundary=${boundary}\r\n\r\n--${boundary}\r\n\r\nx`),
  );
  assert.equal(index.root.type, 'text');
  assert.deepEqual(index.defects, ['boundary-too-long']);
});

test('a boundary of the greatest allowed length is found', () => {
  const boundary = 'b'.repeat(limits.MAX_BOUNDARY_LENGTH);
  const text = `Content-Type: multipart/mixed; boundary=${boundary}\r\n\r\n--${boundary}\r\n\r\nx\r\n--${boundary}--\r\n`;
  assert.deepEqual(indexMessage(latin1(text)).defects, []);
});

test('too many references, addresses and parameters are cut and named', () => {
  const index = indexMessage(
    latin1(
      `References: ${'<a@b>'.repeat(3)} ${Array.from({ length: 200 }, (_, i) => `<${i}@x>`).join('')}\r\n` +
        `To: ${'a@b,'.repeat(limits.MAX_ADDRESSES + 1)}\r\nContent-Type: a/b${';x=y'.repeat(100)}\r\n\r\n`,
    ),
  );
  assert.equal(index.references.length, limits.MAX_MESSAGE_IDS);
  assert.equal(index.to.length, limits.MAX_ADDRESSES);
  assert.deepEqual(index.defects, ['too-many-addresses', 'too-many-message-ids', 'too-many-parameters']);
});

/** Counts what the scanner hands out. */
class Counter implements LineEvents {
  readonly isHeader = false;
  dashLines = 0;
  runs = 0;
  given = 0;
  mayBeBoundary(third: number): boolean {
    return third === 98;
  }
  octets(run: Buffer): void {
    this.runs += 1;
    this.given += run.length;
  }
  blankLine(): void {
    assert.fail('no header is read here');
  }
  dashLine(): boolean {
    this.dashLines += 1;
    return false;
  }
}

test('the scanner looks at possible boundary lines once and gives every octet once', () => {
  for (const unit of ['--b\n', '--', '-\n', '\n', '--bbbbbbbb', '\r', '--x\n']) {
    const octets = latin1(unit.repeat(100_000));
    const counter = new Counter();
    const scanner = new LineScanner(counter);
    for (let at = 0; at < octets.length; at += 1_000) scanner.push(octets.subarray(at, at + 1_000));
    scanner.finish();
    assert.equal(counter.given, octets.length);
    assert.equal(counter.dashLines, unit === '--b\n' ? 100_000 : 0);
    assert.ok(counter.runs <= 2 * 100_000 + octets.length / 1_000, `${counter.runs} runs`);
  }
});

test('50 MB stream by in constant memory', () => {
  const chunk = latin1(`${'A'.repeat(76)}\r\n`.repeat(800));
  const indexer = new MessageIndexer();
  indexer.push(latin1(`${MIXED}--b\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n`));
  const before = process.memoryUsage().arrayBuffers;
  let most = 0;
  let size = 0;
  for (; size < 50_000_000; size += chunk.length) {
    indexer.push(chunk);
    most = Math.max(most, process.memoryUsage().arrayBuffers - before);
  }
  indexer.push(latin1('\r\n--b--\r\n'));
  const index = indexer.finish();
  assert.ok(most < 1_000_000, `${most} octets held`);
  const part = index.root.children[0];
  assert.equal((part?.end ?? 0) - (part?.bodyStart ?? 0), size);
});

test('a header that comes octet by octet costs memory for its octets only', () => {
  const indexer = new MessageIndexer();
  const octet = latin1('x');
  indexer.push(latin1('Subject: '));
  const before = process.memoryUsage();
  for (let i = 0; i < limits.MAX_HEADER_OCTETS; i += 1) indexer.push(octet);
  const after = process.memoryUsage();
  assert.ok(
    after.arrayBuffers - before.arrayBuffers < 8_000_000,
    `${after.arrayBuffers - before.arrayBuffers} octets held`,
  );
  assert.equal(indexer.finish().size, limits.MAX_HEADER_OCTETS + 'Subject: '.length);
});

test('the chunk is not kept: a caller may reuse its buffer', () => {
  const text = `Subject: one\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nhello\r\n--b--\r\n`;
  const whole = indexMessage(latin1(text));
  const indexer = new MessageIndexer();
  const buffer = Buffer.alloc(7);
  for (let at = 0; at < text.length; at += buffer.length) {
    const length = buffer.write(text.slice(at, at + buffer.length), 'latin1');
    indexer.push(buffer.subarray(0, length));
    buffer.fill(0x2d);
  }
  assert.deepEqual(indexer.finish(), whole);
});
