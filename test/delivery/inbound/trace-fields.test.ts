import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { receivedField, returnPathLine, type TraceOrigin } from '../../../src/delivery/inbound/trace-fields.ts';
import { parseHeaderBlock } from '../../../src/mail/format/header-block.ts';

const at = new Date('2026-11-24T10:00:00Z');
const field = (origin: TraceOrigin, ...addresses: readonly string[]): string =>
  receivedField({
    origin,
    by: 'mx.example',
    id: 'Q1',
    recipients: addresses.map((address) => ({ address })),
    at,
  }).toString();

test('RFC 5321 §4.4 writes from, by, with, id, for and the date, folded', () => {
  assert.equal(
    field({ protocol: 'ESMTP', helo: 'client.example', remoteAddress: '192.0.2.1' }, 'a@b.example'),
    'Received: from client.example ([192.0.2.1])\r\n\tby mx.example (Waxwing) with ESMTP id Q1\r\n\tfor <a@b.example>;\r\n\tTue, 24 Nov 2026 10:00:00 +0000\r\n',
  );
});

test('RFC 5321 §7.2 names nobody when there are several recipients', () => {
  assert.doesNotMatch(field({ protocol: 'ESMTP', helo: 'x', remoteAddress: '192.0.2.1' }, 'a@b', 'c@d'), /for </);
});

test('RFC 5321 §4.1.3 writes IPv6 as a literal; RFC 8314 §4.3 adds the cipher suite', () => {
  const tls = { version: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384' };
  const text = field(
    { protocol: 'ESMTPSA', helo: '[IPv6:2001:db8::1]', remoteAddress: '2001:db8::1', tls },
    'a@b',
    'c@d',
  );
  assert.match(text, /^Received: from \[IPv6:2001:db8::1\] \(\[IPv6:2001:db8::1\]\)\r\n/);
  assert.match(text, /\r\n\ttls TLS_AES_256_GCM_SHA384 \(TLSv1\.3\);\r\n/);
});

test('a message over HTTP has no name', () => {
  assert.match(
    field({ protocol: 'HTTP', helo: null, remoteAddress: '192.0.2.1' }),
    /^Received: from \[192\.0\.2\.1\]\r\n/,
  );
  assert.match(field({ protocol: 'HTTP', helo: null, remoteAddress: null }), /^Received: from localhost\r\n/);
});

test('whatever the client calls itself, there is one field and nothing behind it', () => {
  const text = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('a\r\nX: y', '(', ')', ';', '<a@b>', '"'));
  fc.assert(
    fc.property(text, text, text, (helo, recipient, sender) => {
      const trace = Buffer.concat([
        returnPathLine(sender),
        Buffer.from(field({ protocol: 'ESMTP', helo, remoteAddress: '192.0.2.1' }, recipient)),
      ]);
      const block = parseHeaderBlock(trace);
      assert.deepEqual(
        block.fields.map(({ key }) => key),
        ['return-path', 'received'],
      );
      assert.equal(block.malformedLines, 0);
      assert.doesNotMatch(
        trace.toString('latin1').slice(0, 200).split('\r\n\tby ')[0]!,
        /from [^\r]*[();"<>][^\r]* \(\[/,
      );
    }),
  );
});
