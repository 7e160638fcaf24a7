import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DotStuffedData } from '../../../src/protocols/smtp-session/dot-stuffed-data.ts';

/** All octets in the given pieces: the message, the fault, and what is left behind its end (null: no end). */
function feed(pieces: readonly Buffer[]): { text: string; fault: string | null; rest: string | null } {
  const data = new DotStuffedData();
  const out: Buffer[] = [];
  for (const [i, piece] of pieces.entries()) {
    const { pieces: views, end } = data.feed(piece);
    out.push(...views.map((view) => Buffer.from(view)));
    if (end === -1) continue;
    const rest = Buffer.concat([piece.subarray(end), ...pieces.slice(i + 1)]).toString('latin1');
    return { text: Buffer.concat(out).toString('latin1'), fault: data.fault, rest };
  }
  return { text: Buffer.concat(out).toString('latin1'), fault: data.fault, rest: null };
}

/** What RFC 5321 §4.1.1.4 and §4.5.2 say, in the plainest way. */
function reference(octets: string): { text: string; fault: boolean; rest: string | null } {
  const end = `\r\n${octets}`.indexOf('\r\n.\r\n');
  const content = end === -1 ? octets : octets.slice(0, end);
  const isFaulty = /(?<!\r)\n|\r(?!\n)/.test(content);
  const text = content.replace(/(^|\r\n)\./g, '$1');
  return { text, fault: isFaulty, rest: end === -1 ? null : octets.slice(end + 3) };
}

const octets = fc.array(fc.constantFrom('\r\n', '\r\n', '.', '.', 'a', '\r', '\n', '\r\n.\r\n', '\0'), {
  maxLength: 30,
});

test('RFC 5321 §4.1.1.4 and §4.5.2 hold for any octets in any pieces', () => {
  fc.assert(
    fc.property(octets, fc.array(fc.nat(40), { maxLength: 8 }), (words, cuts) => {
      const all = words.join('');
      const buffer = Buffer.from(all, 'latin1');
      const at = [...new Set(cuts.filter((cut) => cut < buffer.length))].sort((a, b) => a - b);
      const pieces = [0, ...at].map((from, i) => buffer.subarray(from, at[i] ?? buffer.length));
      const expected = reference(all);
      const found = feed(pieces);
      assert.equal(found.rest, expected.rest);
      if (expected.rest === null) return;
      assert.equal(found.fault !== null, expected.fault);
      if (!expected.fault) assert.equal(found.text, expected.text);
    }),
    { numRuns: 5_000 },
  );
});

test('RFC 5321 §4.5.2 any text that is stuffed comes out as it went in', () => {
  const lines = fc.array(fc.stringMatching(/^[^\r\n]{0,12}$/), { maxLength: 20 });
  fc.assert(
    fc.property(lines, fc.integer({ min: 1, max: 7 }), (texts, step) => {
      const text = texts.map((line) => `${line}\r\n`).join('');
      const wire = Buffer.from(`${text.replace(/^\./gm, '..')}.\r\nNOOP\r\n`, 'utf8');
      const pieces: Buffer[] = [];
      for (let from = 0; from < wire.length; from += step) pieces.push(wire.subarray(from, from + step));
      assert.deepEqual(feed(pieces), {
        text: Buffer.from(text, 'utf8').toString('latin1'),
        fault: null,
        rest: 'NOOP\r\n',
      });
    }),
  );
});

test('a chunk full of one octet is looked at once, not once for each of them', () => {
  for (const octet of ['\n', '\r', '.', '\r\n', '.\r']) {
    const chunk = Buffer.alloc(8 * 1024 * 1024, octet);
    const began = performance.now();
    new DotStuffedData().feed(chunk);
    assert.ok(performance.now() - began < 5_000, JSON.stringify(octet));
  }
});
