import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeXtext, parseMailCommand, parseRcptCommand } from '../../../src/protocols/smtp-session/smtp-path.ts';

const MX = { hasAuth: false };
const mail = (line: string, rules = MX) => {
  const command = parseMailCommand(line, rules);
  return command.kind === 'bad' ? command.reply.code : { ...command.sender, size: command.size };
};
const rcpt = (line: string, isInternationalised = false) => {
  const command = parseRcptCommand(line, isInternationalised);
  return command.kind === 'bad' ? command.reply.code : command.recipient;
};

const MAILS: readonly (readonly [string, unknown])[] = [
  ['MAIL FROM:<>', { address: '', size: null }],
  ['mail from:<A.b@Example.ORG>', { address: 'A.b@example.org', size: null }],
  ['MAIL FROM:<"a b>c"@example.org> SIZE=12', { address: '"a b>c"@example.org', size: 12 }],
  ['MAIL FROM:<a@b.example>  BODY=7bit  RET=full', { address: 'a@b.example', body: '7bit', ret: 'full', size: null }],
  ['MAIL FROM:<a@[127.0.0.1]>', { address: 'a@[127.0.0.1]', size: null }],
  ['MAIL FROM:<@hop.example:a@b.example>', { address: 'a@b.example', size: null }],
  ['MAIL FROM:a@b.example', 501],
  ['MAIL FROM:<a@b.example', 501],
  ['MAIL FROM:<a@b.example>> SIZE=1', 501],
  ['MAIL FROM:<a>', 501],
  ['MAIL FROM:<a@b.example\u0000>', 501],
  ['MAIL TO:<a@b.example>', 501],
  ['MAIL FROM:<a@b.example> SIZE', 501],
  ['MAIL FROM:<a@b.example> SIZE=1=2', 501],
  ['MAIL FROM:<a@b.example> ENVID=+0D+0A', 501],
  [`MAIL FROM:<a@b.example> ENVID=${'x'.repeat(101)}`, 501],
  ['MAIL FROM:<a@b.example> SMTPUTF8=yes', 501],
  ['MAIL FROM:<a@b.example> REQUIRETLS', 555],
  [`MAIL FROM:<${'a'.repeat(65)}@b.example>`, 501],
];
for (const [line, expected] of MAILS) {
  test(`RFC 5321 §4.1.1.2: ${JSON.stringify(line.slice(0, 60))}`, () => assert.deepEqual(mail(line), expected));
}

const RCPTS: readonly (readonly [string, unknown])[] = [
  ['RCPT TO:<Postmaster>', { address: 'Postmaster' }],
  ['RCPT TO:<>', 501],
  ['RCPT TO:<a@b.example> NOTIFY=success,SUCCESS,failure', { address: 'a@b.example', notify: ['success', 'failure'] }],
  ['RCPT TO:<a@b.example> NOTIFY=', 501],
  ['RCPT TO:<a@b.example> NOTIFY=OFTEN', 501],
  ['RCPT TO:<a@b.example> ORCPT=rfc822;x+2By@z', { address: 'a@b.example', orcpt: 'rfc822;x+y@z' }],
  ['RCPT TO:<a@b.example> ORCPT=rfc822', 501],
  ['RCPT TO:<a@b.example> ORCPT=rfc822;x+0Ay', 501],
  ['RCPT TO:<a@b.example> ORCPT=rfc822;a+zz', 501],
];
for (const [line, expected] of RCPTS) {
  test(`RFC 5321 §4.1.1.3 and RFC 3461 §4: ${JSON.stringify(line)}`, () => assert.deepEqual(rcpt(line), expected));
}

test('RFC 4954 §5 AUTH= is known where AUTH is, and not trusted', () => {
  assert.deepEqual(mail('MAIL FROM:<a@b.example> AUTH=<>', { hasAuth: true }), { address: 'a@b.example', size: null });
  assert.equal(mail('MAIL FROM:<a@b.example> AUTH=<>'), 555);
});

test('RFC 6533 §3 an ORCPT of type utf-8 may hold UTF-8', () => {
  assert.deepEqual(rcpt('RCPT TO:<zoë@b.example> ORCPT=utf-8;zoë@b.example', true), {
    address: 'zoë@b.example',
    orcpt: 'utf-8;zoë@b.example',
  });
});

test('RFC 3461 §4 xtext comes out as it went in', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[\x20-\x7e]{1,40}$/), (text) => {
      const encoded = text.replace(
        /[^!-*,-<>-~]/g,
        (c) => `+${c.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
      );
      assert.equal(decodeXtext(encoded), text);
    }),
  );
});

test('no line whatever makes the parser throw or pass a control character on', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (noise) => {
      for (const found of [
        mail(`MAIL FROM:${noise}`),
        rcpt(`RCPT TO:<a@b.example>${noise}`),
        rcpt(`RCPT TO:<${noise}`),
      ]) {
        assert.ok(!/[\r\n\0]/.test(JSON.stringify(found)));
      }
    }),
    { numRuns: 3_000 },
  );
});
