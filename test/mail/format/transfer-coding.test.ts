import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  createTransferDecoder,
  decodeTransfer,
  type TransferDecoder,
} from '../../../src/mail/format/transfer-decode.ts';
import {
  Base64Encoder,
  chooseTextEncoding,
  encodeTransfer,
  LineEndEncoder,
  QuotedPrintableEncoder,
  type TransferEncoder,
} from '../../../src/mail/format/transfer-encode.ts';
import { cutAt, latin1 } from './octets.ts';

const READ: readonly (readonly [title: string, encoding: string, text: string, decoded: string])[] = [
  ['plain base64', 'base64', 'SGVsbG8=', 'Hello'],
  ['base64 over lines', 'base64', 'SGV\r\nsbG\r\n8=\r\n', 'Hello'],
  ['base64 with foreign characters', 'base64', 'S-G V*s\0bG8=', 'Hello'],
  ['base64 without padding', 'base64', 'SGVsbG8', 'Hello'],
  ['base64 that goes on after padding', 'base64', 'SGVsbG8=\r\nSGVsbG8=', 'HelloHello'],
  ['base64 with too much padding', 'base64', 'SGVsbG8=====', 'Hello'],
  ['nothing as base64', 'base64', '====', ''],
  ['quoted-printable', 'quoted-printable', 'caf=C3=A9 =3D', 'caf\xc3\xa9 ='],
  ['lower-case escapes', 'quoted-printable', '=c3=a9', '\xc3\xa9'],
  ['a soft line break', 'quoted-printable', 'a=\r\nb', 'ab'],
  ['a soft line break with blanks after it', 'quoted-printable', 'a= \t\r\nb', 'ab'],
  ['a soft line break of a bare line feed', 'quoted-printable', 'a=\nb', 'ab'],
  ['a soft line break at the end', 'quoted-printable', 'a=', 'a'],
  ['blanks at the end of a line', 'quoted-printable', 'a \t\r\nb  \n', 'a\r\nb\n'],
  ['blanks inside a line', 'quoted-printable', 'a \t b', 'a \t b'],
  ['an escaped blank at the end of a line', 'quoted-printable', 'a=20\r\nb', 'a \r\nb'],
  ['a lone equals sign', 'quoted-printable', 'a=b =', 'a=b '],
  ['a broken escape', 'quoted-printable', '=4=XY=', '=4=XY'],
  ['8-bit octets', 'quoted-printable', '\xe9', '\xe9'],
  ['a lone carriage return', 'quoted-printable', 'a\rb', 'a\rb'],
  ['7bit', '7bit', 'a=20', 'a=20'],
  ['an unknown encoding', 'x-uuencode', 'a=20', 'a=20'],
];

for (const [title, encoding, text, decoded] of READ) {
  test(`RFC 2045 §6 decodes ${title}, however it is cut`, () => {
    assert.equal(decodeTransfer(latin1(text), encoding).toString('latin1'), decoded);
    assert.equal(
      inPieces(
        createTransferDecoder(encoding),
        [...latin1(text)].map((o) => Buffer.from([o])),
      ),
      decoded,
    );
  });
}

function inPieces(coder: TransferDecoder | TransferEncoder, pieces: readonly Buffer[]): string {
  return Buffer.concat([...pieces.map((piece) => coder.write(piece)), coder.end()]).toString('latin1');
}

const octets = fc.uint8Array({ maxLength: 500 }).map((array) => Buffer.from(array));
const wireText = fc
  .array(
    fc.constantFrom(
      '=',
      '=\r\n',
      '= \r\n',
      ' ',
      '\t',
      '\r\n',
      '\n',
      '\r',
      '=C3',
      'a',
      'zz',
      '\xff',
      '=4',
      'QUJD',
      '==',
    ),
  )
  .map((parts) => latin1(parts.join('')));
const cuts = fc.array(fc.nat(600), { maxLength: 8 });

for (const encoding of ['base64', 'quoted-printable']) {
  test(`RFC 2045 §6 any cut of ${encoding} decodes the same`, () => {
    fc.assert(
      fc.property(wireText, cuts, (text, offsets) => {
        const whole = decodeTransfer(text, encoding).toString('latin1');
        assert.equal(inPieces(createTransferDecoder(encoding), cutAt(text, offsets)), whole);
      }),
      { numRuns: 500 },
    );
  });
}

const ENCODERS: readonly (readonly [name: string, encoding: string, make: () => TransferEncoder])[] = [
  ['base64', 'base64', () => new Base64Encoder()],
  ['binary quoted-printable', 'quoted-printable', () => new QuotedPrintableEncoder(false)],
];

for (const [name, encoding, make] of ENCODERS) {
  test(`RFC 2045 §6 ${name} of any octets decodes to the same octets, on lines of at most 76`, () => {
    fc.assert(
      fc.property(octets, cuts, (data, offsets) => {
        const encoded = inPieces(make(), cutAt(data, offsets));
        assert.equal(encoded, encodeTransfer(data, make()).toString('latin1'));
        for (const line of encoded.split('\r\n')) {
          assert.ok(line.length <= 76, line);
          assert.match(line, /^[\x20-\x7e\t]*$/);
          assert.doesNotMatch(line, /[ \t]$/);
        }
        assert.deepEqual(decodeTransfer(latin1(encoded), encoding), data);
      }),
    );
  });
}

test('RFC 2045 §6.7 textual quoted-printable keeps lines and unifies line ends', () => {
  const encoder = new QuotedPrintableEncoder(true);
  const encoded = encodeTransfer(Buffer.from('a \nFrom é\r\n.\r-- x\n\n'), encoder).toString('latin1');
  assert.equal(encoded, 'a=20\r\n=46rom =C3=A9\r\n=2E\r\n=2D- x\r\n\r\n');
  assert.equal(decodeTransfer(latin1(encoded), 'quoted-printable').toString(), 'a \r\nFrom é\r\n.\r\n-- x\r\n\r\n');
});

test('RFC 2046 §4.1.1 line ends of text become CRLF, across cuts as well', () => {
  const encoder = new LineEndEncoder();
  assert.equal(inPieces(encoder, ['a\r', '\nb\n', '\rc', '\r\n'].map(latin1)), 'a\r\nb\r\n\r\nc\r\n');
});

test('RFC 2045 §6 the plainest safe encoding is chosen', () => {
  assert.equal(chooseTextEncoding(latin1('short\r\nlines\r\n')), '7bit');
  assert.equal(chooseTextEncoding(Buffer.from('mostly ascii é')), 'quoted-printable');
  assert.equal(chooseTextEncoding(latin1('x'.repeat(1_000))), 'quoted-printable');
  assert.equal(chooseTextEncoding(Buffer.from('日本語日本語')), 'base64');
  assert.equal(chooseTextEncoding(latin1('a\0b')), 'quoted-printable');
});

test('a megabyte of blanks or equals signs is decoded in one pass', { timeout: 20_000 }, () => {
  for (const unit of [' ', '=', '= ', '=\r', '\r', '=4']) {
    const text = latin1(unit.repeat(1_000_000 / unit.length));
    assert.ok(
      inPieces(createTransferDecoder('quoted-printable'), cutAt(text, [10, 1_000, 65_536, 500_000])).length > 0,
    );
  }
});
