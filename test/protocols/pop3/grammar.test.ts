import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseRequest, printRequest, type Request } from '../../../src/protocols/pop3/grammar.ts';

const number = fc.integer({ min: 0, max: 9_999_999_999 });
const printable = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 40 })
  .filter((text) => !/[\x00-\x1f\x7f\ufffd]/.test(text) && text.isWellFormed());
const request: fc.Arbitrary<Request> = fc
  .oneof(
    fc.record({ command: fc.constantFrom('CAPA', 'NOOP', 'QUIT', 'RSET', 'STAT', 'STLS', 'UTF8') }),
    fc.record({ command: fc.constantFrom('LIST', 'UIDL'), message: fc.option(number) }),
    fc.record({ command: fc.constantFrom('RETR', 'DELE'), message: number }),
    fc.record({ command: fc.constant('TOP'), message: number, lines: number }),
    fc.record({ command: fc.constant('USER'), name: printable.filter((name) => !name.endsWith(' ')) }),
    fc.record({ command: fc.constant('PASS'), password: printable }),
    fc
      .record({
        command: fc.constant('AUTH'),
        mechanism: fc.constantFrom('PLAIN', 'LOGIN', 'X-A_1'),
        initial: fc.option(fc.base64String()),
      })
      .map((auth) => ({ ...auth, initial: auth.initial === '' ? '=' : auth.initial })),
    fc.constant({ command: 'AUTH', mechanism: null, initial: null }),
  )
  .map((each) => ({ ...each })) as fc.Arbitrary<Request>;

test('RFC 1939 §3 a printed request is read back as the same', () => {
  fc.assert(fc.property(request, (each) => assert.deepEqual(parseRequest(printRequest(each)), each)));
});

test('RFC 1939 §3 a keyword may come in any case', () => {
  const mixed = fc.tuple(request, fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }));
  fc.assert(
    fc.property(mixed, ([each, cases]) => {
      const line = printRequest(each);
      for (let i = 0; i < each.command.length; i++) if (cases[i]) line[i]! |= 0x20;
      assert.deepEqual(parseRequest(line), each);
    }),
  );
});

test('any octets are a request or a fault with words, never an exception', () => {
  const keyword = fc.constantFrom('USER', 'PASS', 'TOP', 'LIST', 'AUTH', 'RETR', 'X');
  const line = fc
    .tuple(keyword, fc.uint8Array({ maxLength: 40 }))
    .map(([word, rest]) => Buffer.concat([Buffer.from(`${word} `), rest]));
  fc.assert(
    fc.property(
      fc.oneof(
        line,
        fc.uint8Array({ maxLength: 300 }).map((octets) => Buffer.from(octets)),
      ),
      (octets) => {
        const read = parseRequest(octets);
        if (read.command === null) assert.match(read.fault, /^[\x20-\x7e]+$/);
        else assert.deepEqual(parseRequest(printRequest(read)), read);
      },
    ),
  );
});

const FAULTS: readonly (readonly [string, string])[] = [
  ['an empty line', ''],
  ['a space first', ' STAT'],
  ['an unknown command', 'HELO example.org'],
  ['RFC 1939 §7 APOP, which is off', 'APOP mrose c4c9334bac560ecc979e58001b3e22fb'],
  ['arguments where none belong', 'STAT 1'],
  ['a negative number', 'RETR -1'],
  ['a hexadecimal number', 'RETR 0x1'],
  ['a number that overflows', 'DELE 99999999999999999999'],
  ['two numbers', 'LIST 1 2'],
  ['no number', 'RETR'],
  ['TOP without lines', 'TOP 1'],
  ['TOP with negative lines', 'TOP 1 -1'],
  ['two spaces between numbers', 'TOP 1  2'],
  ['USER without a name', 'USER '],
  ['NUL in a name', 'USER a\0b'],
  ['invalid UTF-8 in a name', 'USER \xff'],
  ['CR in a password', 'PASS a\rb'],
  ['a mechanism with other characters', 'AUTH PL@IN'],
  ['a second initial response', 'AUTH PLAIN AAAA BBBB'],
];
for (const [what, line] of FAULTS) {
  test(`${what} is a fault`, () => assert.equal(parseRequest(Buffer.from(line, 'latin1')).command, null));
}

test('RFC 1939 §7 spaces belong to a password, also at its ends', () => {
  assert.deepEqual(parseRequest(Buffer.from('PASS  a b  ')), { command: 'PASS', password: ' a b  ' });
});

test('a space at the end of a command is passed over', () => {
  assert.deepEqual(parseRequest(Buffer.from('LIST ')), { command: 'LIST', message: null });
  assert.deepEqual(parseRequest(Buffer.from('RETR 7 ')), { command: 'RETR', message: 7 });
});
