import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { completeHeader, readSubmittedHeader } from '../../../src/delivery/submission/complete-header.ts';
import { splitHeader } from '../../../src/delivery/submission/split-header.ts';
import { Refusal } from '../../../src/mail/refusal.ts';

const now = new Date('2026-11-24T10:00:00Z');
const completed = (text: string): string =>
  completeHeader(readSubmittedHeader(Buffer.from(text, 'latin1')), { now, messageId: 'new@id' }).toString('latin1');
async function* pieces(octets: Buffer, step: number, onReturn?: () => void): AsyncGenerator<Buffer> {
  try {
    for (let from = 0; from < octets.length; from += step) yield octets.subarray(from, from + step);
  } finally {
    onReturn?.();
  }
}
async function gather(octets: AsyncIterable<Buffer>): Promise<string> {
  const all: Buffer[] = [];
  for await (const piece of octets) all.push(Buffer.from(piece));
  return Buffer.concat(all).toString('latin1');
}

test('RFC 6409 §8.2 and §8.3 add Date and Message-ID where they are missing', () => {
  const added = 'Date: Tue, 24 Nov 2026 10:00:00 +0000\r\nMessage-ID: <new@id>\r\n';
  assert.equal(completed('From: a@b\r\n'), `${added}From: a@b\r\n`);
  assert.equal(completed('DATE: x\r\nmessage-id:<y>\r\n'), 'DATE: x\r\nmessage-id:<y>\r\n');
  assert.equal(completed('Date: x\r\nMessage-ID: y'), 'Date: x\r\nMessage-ID: y\r\n');
});

test('RFC 5322 §3.6.3 takes every Bcc away, folded or not, and nothing else', () => {
  const kept = 'Date: x\r\nMessage-ID: y\r\nTo: a\r\n\tb\r\n';
  assert.equal(completed(`Bcc: c@d,\r\n e@f\r\n${kept}bcc : x\r\nResent-Bcc: y\r\nReturn-Path: <z>\r\n`), kept);
  assert.equal(completed(`${kept}X-Bcc: kept\r\nBccs: kept\r\n`), `${kept}X-Bcc: kept\r\nBccs: kept\r\n`);
});

test('RFC 8621 §7 recipients are those of To, Cc and Bcc, each once, groups opened', () => {
  const header = readSubmittedHeader(
    Buffer.from('Bcc: z@x\r\nTo: A <a@x>, team: b@x, c@x;\r\nCc: a@X, d@x\r\nFrom: "q@x" <f@x>\r\nSender: s@x\r\n'),
  );
  assert.deepEqual(header.recipients, ['a@x', 'b@x', 'c@x', 'd@x', 'z@x']);
  assert.deepEqual([header.from, header.sender, header.fromFields], [['f@x'], ['s@x'], 1]);
});

test('RFC 5322 §2.1 the header ends at the first empty line, wherever the octets are cut', async () => {
  const words = fc.array(fc.constantFrom('\r\n', '\n', 'a', ':', ' ', '\r'), { maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(words, fc.integer({ min: 1, max: 6 }), async (parts, step) => {
      const text = parts.join('');
      const { header, rest } = await splitHeader(pieces(Buffer.from(text), step));
      const head = header.toString();
      assert.equal(head + (await gather(rest)), text);
      const end = /(?:^|\n)(?=\r?\n)/.exec(text);
      assert.equal(head.length, end === null ? text.length : end.index + end[0].length);
    }),
    { numRuns: 2_000 },
  );
});

test('a header of many tiny pieces costs time in proportion, and one that is too large is refused and its source closed', async () => {
  let isClosed = false;
  const octets = Buffer.alloc(1_200_000, 'a: b\r\n');
  await assert.rejects(
    splitHeader(pieces(octets, 2, () => (isClosed = true))),
    (error) => error instanceof Refusal && error.code === 'invalid',
  );
  assert.ok(isClosed);
});

test('giving the rest up closes the source', async () => {
  let isClosed = false;
  const { discard } = await splitHeader(pieces(Buffer.from('a: b\r\n\r\ntext'), 3, () => (isClosed = true)));
  await discard();
  assert.ok(isClosed);
});
