import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import fc from 'fast-check';
import { announcesMessage } from '../../../../src/protocols/imap/commands/append.ts';
import { type Framed, readCommand, tagOf } from '../../../../src/protocols/imap/session/command-reader.ts';
import { ByteReader } from '../../../../src/protocols/stream/byte-reader.ts';
import type { Connection } from '../../../../src/protocols/stream/connection.ts';
import { OctetWriter } from '../../../../src/protocols/stream/octet-writer.ts';

function connection(octets: Buffer, lengths: readonly number[] = []): { connection: Connection; sent: PassThrough } {
  const source = new PassThrough();
  let at = 0;
  for (const length of lengths) {
    source.write(octets.subarray(at, at + length));
    at += length;
  }
  source.end(octets.subarray(at));
  const sent = new PassThrough();
  const parts = { reader: new ByteReader(source), writer: new OctetWriter(sent, 1_000) };
  return { connection: parts as unknown as Connection, sent };
}

const options = { maxOctets: 1_000, discardOctets: 5_000, isStreamed: announcesMessage };

const argument = fc.oneof(
  fc.string({ unit: fc.constantFrom(...'abc}'), minLength: 1, maxLength: 6 }),
  fc.uint8Array({ maxLength: 20 }).map((octets) => `{${octets.length}+}\r\n${Buffer.from(octets).toString('latin1')}`),
  fc.uint8Array({ maxLength: 20 }).map((octets) => `{${octets.length}}\r\n${Buffer.from(octets).toString('latin1')}`),
);
const commands = fc.array(
  fc.array(argument, { maxLength: 4 }).map((args) => ['a1', 'NOOP', ...args].join(' ')),
  { minLength: 1, maxLength: 5 },
);

test('RFC 9051 §2.2.1 commands are framed the same however their octets are cut', async () => {
  await fc.assert(
    fc.asyncProperty(
      commands,
      fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 60 }),
      async (expected, lengths) => {
        const octets = Buffer.from(expected.map((command) => `${command}\r\n`).join(''), 'latin1');
        const { connection: peer } = connection(octets, lengths);
        for (const command of expected) {
          const framed = await readCommand(peer, options);
          assert.equal(framed.kind, 'command');
          assert.equal(framed.octets.toString('latin1'), command);
        }
      },
    ),
  );
});

async function frame(text: string): Promise<{ framed: Framed; sent: string; next: string }> {
  const { connection: peer, sent } = connection(Buffer.from(text, 'latin1'));
  const framed = await readCommand(peer, options);
  const next = await peer.reader.readLine(100).then(
    (line) => line.toString(),
    () => '',
  );
  return { framed, sent: (sent.read() as Buffer | null)?.toString() ?? '', next };
}

test('RFC 9051 §4.3 a literal is asked for, one sent unasked is not', async () => {
  assert.equal((await frame('a LOGIN {1}\r\nx {1}\r\ny\r\n')).sent, '+ OK\r\n+ OK\r\n');
  assert.equal((await frame('a LOGIN {1+}\r\nx {1+}\r\ny\r\n')).sent, '');
});

test('RFC 9051 §4.3 a literal beyond the budget is refused before it is read', async () => {
  const { framed, sent, next } = await frame('a LOGIN {2000}\r\nb NOOP\r\n');
  assert.equal(framed.kind, 'literalTooLarge');
  assert.equal(tagOf(framed.octets), 'a');
  assert.equal(sent, '');
  assert.equal(next, 'b NOOP');
});

test('RFC 7888 §4 a refused literal that was sent unasked is read away, with the rest of its command', async () => {
  const { framed, next } = await frame(`a LOGIN {2000+}\r\n${'x'.repeat(2_000)} {3+}\r\nabc\r\nb NOOP\r\n`);
  assert.equal(framed.kind, 'literalTooLarge');
  assert.equal(next, 'b NOOP');
});

test('RFC 7888 §4 a literal too large to be read away ends the connection', async () => {
  assert.equal((await frame('a LOGIN {99999999999+}\r\n')).framed.kind, 'hopeless');
  assert.equal((await frame(`a X ${'{900+}\r\n'.padEnd(908, 'x').repeat(9)}\r\n`)).framed.kind, 'hopeless');
});

test('a line that is too long is skipped, and the literal at its end with it', async () => {
  const { framed, next } = await frame(`a NOOP ${'x'.repeat(2_000)}{5+}\r\nb X\r\n\r\nc NOOP\r\n`);
  assert.equal(framed.kind, 'lineTooLong');
  assert.equal(tagOf(framed.octets), 'a');
  assert.equal(next, 'c NOOP');
});

test('RFC 9051 §6.3.12 the literal of a message is not gathered, the one of its mailbox is', async () => {
  const { framed } = await frame('a APPEND {5+}\r\nINBOX (\\Seen) {123456}\r\n');
  assert.ok(framed.kind === 'command' && framed.literal !== null);
  assert.equal(framed.literal.octets, 123_456);
  assert.equal(framed.literal.isComing, false);
});

test('a command of garbage has no tag that could be answered', () => {
  for (const [octets, tag] of [
    ['a1 NOOP', 'a1'],
    ['(', '*'],
    ['\x16\x03\x01 ', '*'],
    [`${'a'.repeat(200)} X`, '*'],
    ['+ x', '*'],
  ] as const)
    assert.equal(tagOf(Buffer.from(octets, 'latin1')), tag);
});
