import assert from 'node:assert/strict';
import { once } from 'node:events';
import { PassThrough, Writable } from 'node:stream';
import { test } from 'node:test';
import { ConnectionClosed } from '../../../src/protocols/stream/byte-reader.ts';
import { OctetWriter } from '../../../src/protocols/stream/octet-writer.ts';

test('text and octets go out in the order they came', async () => {
  const sink = new PassThrough();
  const writer = new OctetWriter(sink, 1_000);
  writer.text('* 1 FETCH (BODY[] {3}\r\n');
  writer.octets(Buffer.from([0, 255, 10]));
  writer.text(')\r\n');
  await writer.flush();
  assert.deepEqual(sink.read(), Buffer.from('* 1 FETCH (BODY[] {3}\r\n\0\xff\n)\r\n', 'latin1'));
});

test('a batch waits until the peer has taken it', async () => {
  const sink = new PassThrough({ highWaterMark: 10 });
  const writer = new OctetWriter(sink, 10_000);
  writer.text('x'.repeat(100));
  let isDone = false;
  const flushed = writer.flush().then(() => {
    isDone = true;
  });
  await once(sink, 'readable');
  assert.equal(isDone, false);
  sink.resume();
  await flushed;
});

test('a peer that reads nothing is cut off', async () => {
  const sink = new Writable({ highWaterMark: 10, write: () => undefined });
  const writer = new OctetWriter(sink, 20);
  writer.text('x'.repeat(100));
  // Nothing else keeps the process alive while the writer waits.
  const alive = setInterval(() => undefined, 1_000);
  await assert.rejects(writer.flush(), ConnectionClosed).finally(() => clearInterval(alive));
  assert.equal(sink.destroyed, true);
});

test('a peer that is gone ends the wait', async () => {
  const sink = new Writable({ highWaterMark: 10, write: () => undefined });
  const writer = new OctetWriter(sink, 60_000);
  writer.text('x'.repeat(100));
  const flushed = writer.flush();
  sink.destroy();
  await assert.rejects(flushed, ConnectionClosed);
  writer.text('more');
  await assert.rejects(writer.flush(), ConnectionClosed);
});
