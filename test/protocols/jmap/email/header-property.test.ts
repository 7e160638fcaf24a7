/** `header:Name:asForm:all` (RFC 8621 §4.1.3). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseHeaderBlock } from '../../../../src/mail/format/header-block.ts';
import { AnswerBudget } from '../../../../src/protocols/jmap/answer-budget.ts';
import { parseHeaderProperty, valueOfHeader } from '../../../../src/protocols/jmap/email/header-property.ts';

test('RFC 8621 §4.1.2 a form suits its fields or is refused', () => {
  const good = [
    'header:Subject',
    'header:Subject:asText',
    'header:subject:asRaw:all',
    'header:From:asAddresses',
    'header:Resent-To:asGroupedAddresses:all',
    'header:References:asMessageIds',
    'header:Date:asDate',
    'header:List-Post:asURLs',
    'header:X-Own:asDate:all',
    'header:all',
    'header:List-Id:asText',
  ];
  const bad = [
    'header:',
    'header',
    'header:Subject:asAddresses',
    'header:From:asText',
    'header:Date:asMessageIds',
    'header:List-Post:asText',
    'header:Received:asText',
    'header:X Own',
    'header:X:asSomething',
    'header:X:astext',
    'header:X:all:asText',
    'header:X:asText:all:all',
    'header:X:asconstructor',
    'Header:X',
  ];
  for (const property of good) assert.notEqual(parseHeaderProperty(property), null, property);
  for (const property of bad) assert.equal(parseHeaderProperty(property), null, property);
});

test('RFC 8621 §4.1.3 the last field counts, or all in order; none is null or an empty list', () => {
  const { fields } = parseHeaderBlock(
    Buffer.from('X-A: one\r\nSubject: =?utf-8?q?h=C3=A9?=\r\nx-a: two\r\nList-Post: <mailto:l@example.org>\r\n\r\n'),
  );
  const value = (property: string) => valueOfHeader(parseHeaderProperty(property)!, fields, new AnswerBudget());
  assert.equal(value('header:X-A'), ' two');
  assert.deepEqual(value('header:X-A:asText:all'), ['one', 'two']);
  assert.equal(value('header:subject:asText'), 'hé');
  assert.deepEqual(value('header:List-POST:asURLs'), ['mailto:l@example.org']);
  assert.equal(value('header:X-None'), null);
  assert.deepEqual(value('header:X-None:all'), []);
});
