import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import fc from 'fast-check';
import { ByteReader, ConnectionClosed, LineTooLong } from '../../../src/protocols/stream/byte-reader.ts';
import { DeadlinePassed } from '../../../src/protocols/stream/deadline.ts';

/** The octets in pieces of the given lengths, one by one, then the end. */
function cut(octets: Buffer, lengths: readonly number[]): PassThrough {
  const source = new PassThrough();
  let at = 0;
  for (const length of lengths) {
    source.write(octets.subarray(at, at + length));
    at += length;
  }
  source.end(octets.subarray(at));
  return source;
}

test('lines and exact amounts come out the same however the octets are cut', async () => {
  const lines = fc.array(fc.string({ unit: fc.constantFrom(...'ab {}'), maxLength: 8 }), {
    minLength: 1,
    maxLength: 8,
  });
  await fc.assert(
    fc.asyncProperty(lines, fc.array(fc.integer({ min: 1, max: 6 })), async (expected, lengths) => {
      const octets = Buffer.from(expected.map((line, i) => (i % 2 === 0 ? `${line}\r\n` : `${line}\n12345`)).join(''));
      const reader = new ByteReader(cut(octets, lengths));
      for (const [i, line] of expected.entries()) {
        assert.equal((await reader.readLine(100)).toString(), line);
        if (i % 2 === 1) assert.equal((await reader.readExactly(5)).toString(), '12345');
      }
      await assert.rejects(reader.readLine(100), ConnectionClosed);
    }),
  );
});

test('a line beyond the limit is refused and can be skipped to its end', async () => {
  const reader = new ByteReader(cut(Buffer.from(`${'x'.repeat(500)}{7+}\r\nnext\r\n`), [3, 100, 100]));
  await assert.rejects(reader.readLine(50), LineTooLong);
  assert.match((await reader.skipLine(10_000))!.toString(), /x\{7\+\}$/);
  assert.equal((await reader.readLine(50)).toString(), 'next');
});

test('skipping gives up where no line end comes', async () => {
  const reader = new ByteReader(cut(Buffer.alloc(5_000, 120), []));
  assert.equal(await reader.skipLine(1_000), null);
});

test('a line whose end comes just after the limit is too long, one at the limit is not', async () => {
  const reader = new ByteReader(cut(Buffer.from('12345\n123456\n'), []));
  assert.equal((await reader.readLine(5)).toString(), '12345');
  await assert.rejects(reader.readLine(5), LineTooLong);
});

test('nobody asking, nothing is taken from the peer', async () => {
  const source = new PassThrough({ highWaterMark: 1_000 });
  const reader = new ByteReader(source);
  while (source.write(Buffer.alloc(100, 65)));
  assert.ok(reader.pendingOctets <= 2_100, `${reader.pendingOctets}`);
});

test('a deadline ends a wait that is under way', async () => {
  const reader = new ByteReader(new PassThrough());
  const waiting = reader.readLine(100);
  reader.fail(new DeadlinePassed('command'));
  await assert.rejects(waiting, DeadlinePassed);
});
