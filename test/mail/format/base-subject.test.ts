import assert from 'node:assert/strict';
import { test } from 'node:test';
import { baseSubject } from '../../../src/mail/format/base-subject.ts';

const READ: readonly (readonly [subject: string, base: string, isMarked: boolean])[] = [
  ['Hello', 'Hello', false],
  ['  Hello \t  world ', 'Hello world', false],
  ['Re: Hello', 'Hello', true],
  ['re : Hello', 'Hello', true],
  ['RE:RE: Fwd: FW: Hello', 'Hello', true],
  ['Re[2]: Hello', 'Hello', true],
  ['Re [x] : Hello', 'Hello', true],
  ['[list] Hello', 'Hello', false],
  ['[list] [other] Re: Hello', 'Hello', true],
  ['Re: [list] Re: Hello', 'Hello', true],
  ['[list]', '[list]', false],
  ['[a] [b]', '[b]', false],
  ['Re: [list]', '[list]', true],
  ['Hello (fwd)', 'Hello', true],
  ['Hello (fwd) (FWD) ', 'Hello', true],
  ['[fwd: Hello]', 'Hello', true],
  ['[FWD: [fwd: Re: Hello (fwd)]]', 'Hello', true],
  ['Re:', '', true],
  ['', '', false],
  ['Reply: Hello', 'Reply: Hello', false],
  ['Forward: Hello', 'Forward: Hello', false],
  ['Re Hello', 'Re Hello', false],
  ['[unclosed Hello', '[unclosed Hello', false],
  ['Hello [x]', 'Hello [x]', false],
];

for (const [subject, base, isReplyOrForward] of READ) {
  test(`RFC 5256 §2.1 takes ${JSON.stringify(subject)} down to ${JSON.stringify(base)}`, () => {
    assert.deepEqual(baseSubject(subject), { base, isReplyOrForward });
  });
}

test('RFC 5256 §2.1 costs linear work on hostile subjects', { timeout: 10_000 }, () => {
  const many = 200_000;
  assert.equal(baseSubject(`${'[]'.repeat(many)}x`).base, 'x');
  assert.equal(baseSubject(`${'re:'.repeat(many)}x`).base, 'x');
  assert.equal(baseSubject(`x${'(fwd)'.repeat(many)}`).base, 'x');
  assert.equal(baseSubject(`${'[fwd:'.repeat(2_000)}x${']'.repeat(2_000)}`).base, 'x');
});
