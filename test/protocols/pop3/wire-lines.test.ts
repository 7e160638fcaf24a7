import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { indexMessage, MessageIndexer } from '../../../src/mail/format/message-indexer.ts';
import { WireLines } from '../../../src/protocols/pop3/wire-lines.ts';

/** The reply for octets that come cut at the given lengths. */
function reply(message: Buffer, lengths: readonly number[], bodyLines: number | null = null): string {
  const lines = new WireLines(bodyLines);
  let out = '';
  let at = 0;
  for (const length of [...lengths, message.length]) {
    if (lines.isDone || at >= message.length) break;
    out += lines.push(message.subarray(at, at + length)).toString('latin1');
    at += length;
  }
  return out + lines.finish();
}

/** The same by the letter of the rule, for octets that are all there. */
function plainly(message: string, bodyLines: number | null = null): string {
  const lines = message.split('\n').map((line) => line.replace(/\r$/, ''));
  // A CR before the end of the message ends no line.
  if (message.endsWith('\r')) lines[lines.length - 1] += '\r';
  if (lines.at(-1) === '') lines.pop();
  const blank = lines.indexOf('');
  const wanted = bodyLines === null || blank === -1 ? lines : lines.slice(0, blank + 1 + bodyLines);
  return [...wanted.map((line) => (line.startsWith('.') ? `.${line}` : line)), '.', ''].join('\r\n');
}

const message = fc.string({
  unit: fc.constantFrom('\r\n', '\n', '\r', '.', 'a', '\0', '\xff', '\r\n.\r\n', '\n.'),
  maxLength: 24,
});
const cuts = fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 40 });

test('RFC 1939 §3 stuffs dots and ends lines the same however the octets are cut', () => {
  fc.assert(
    fc.property(message, cuts, (text, lengths) => {
      assert.equal(reply(Buffer.from(text, 'latin1'), lengths), plainly(text));
    }),
    { numRuns: 2_000 },
  );
});

test('RFC 1939 §7 TOP ends after the asked lines however the octets are cut', () => {
  fc.assert(
    fc.property(message, cuts, fc.integer({ min: 0, max: 4 }), (text, lengths, bodyLines) => {
      assert.equal(reply(Buffer.from(text, 'latin1'), lengths, bodyLines), plainly(text, bodyLines));
    }),
    { numRuns: 2_000 },
  );
});

test('RFC 1939 §11 the indexed size is the count of the octets that are sent', () => {
  fc.assert(
    fc.property(message, cuts, (text, lengths) => {
      const octets = Buffer.from(text, 'latin1');
      const indexer = new MessageIndexer();
      let at = 0;
      for (const length of [...lengths, octets.length]) {
        indexer.push(octets.subarray(at, at + length));
        at += length;
      }
      const index = indexer.finish();
      const lines = new WireLines();
      lines.push(octets);
      assert.equal(index.crlfSize, lines.octets);
      assert.equal(index.crlfSize, indexMessage(octets).crlfSize);
      assert.equal(index.size, octets.length);
    }),
    { numRuns: 2_000 },
  );
});

test('what needs no change is passed on without a copy', () => {
  const octets = Buffer.from('a: b\r\n\r\ntext\r\n');
  assert.equal(new WireLines().push(octets), octets);
});

test('a stored LF . LF does not end the reply for a client that takes LF for a line end', () => {
  const out = reply(Buffer.from('a: b\n\nx\n.\n+OK from the sender\n'), []);
  assert.deepEqual(
    out.split('\n').filter((line) => line === '.' || line === '.\r'),
    ['.\r'],
  );
  assert.ok(!/[^\r]\n/.test(out));
});
