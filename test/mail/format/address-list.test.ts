import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addrSpec, emailAddresses, groupedAddresses, parseAddressList } from '../../../src/mail/format/address-list.ts';
import { AddressParser } from '../../../src/mail/format/address-parser.ts';

/** Text of an address field, and what a client shows: `name <email>` or `email`. */
const READ: readonly (readonly [title: string, text: string, shown: readonly string[]])[] = [
  ['a bare addr-spec', 'a@b.c', ['a@b.c']],
  ['a name-addr', 'John Doe <jdoe@machine.example>', ['John Doe <jdoe@machine.example>']],
  ['a quoted name', '"Joe Q. Public" <john.q.public@example.com>', ['Joe Q. Public <john.q.public@example.com>']],
  ['an unquoted dot in a name', 'Joe Q. Public <j@x>', ['Joe Q. Public <j@x>']],
  ['quoted pairs', '"Giant; \\"Big\\" Box" <sysservices@example.net>', ['Giant; "Big" Box <sysservices@example.net>']],
  ['a comma inside quotes', '"Doe, Jane" <j@x>, b@y', ['Doe, Jane <j@x>', 'b@y']],
  ['nested comments', 'Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>', ['Pete <pete@silly.test>']],
  ['a comment as the name', 'pete@silly.test (Pete (the) Chap)', ['Pete (the) Chap <pete@silly.test>']],
  ['an obsolete route', 'Mary <@node.test,@b.test:mary@example.net>', ['Mary <mary@example.net>']],
  ['obsolete spaces around dots', 'john . doe @ example . com', ['john.doe@example.com']],
  ['obsolete empty members', ',, a@b ,, c@d,', ['a@b', 'c@d']],
  ['semicolons between addresses', 'a@b; c@d', ['a@b', 'c@d']],
  ['a group', 'A Group:Ed Jones <joe@where.test>,joe@where.test;', ['Ed Jones <joe@where.test>', 'joe@where.test']],
  ['an empty group', 'Undisclosed recipients:(nobody(that I know))  ;', []],
  ['a group that is not closed', 'g: a@b', ['a@b']],
  ['missing brackets', 'John Doe john@x.org', ['John Doe <john@x.org>']],
  ['a missing closing bracket', 'A <a@b, C <c@d>', ['A <a@b>', 'C <c@d>']],
  ['doubled brackets', 'A <<a@b>>', ['A <a@b>']],
  ['an unclosed quote', '"John <john@x.org>', ['John <john@x.org>']],
  ['an unclosed comment', '(John <john@x.org>', ['John <john@x.org>']],
  ['a quoted local part', '"a b"@c.d', ['"a b"@c.d']],
  ['a quoted local part that needs no quotes', '"ab"@c.d', ['ab@c.d']],
  ['a domain literal', 'a@[192.0.2.1], b@[IPv6:2001:db8::1]', ['a@[192.0.2.1]', 'b@[IPv6:2001:db8::1]']],
  ['an address without a domain', 'root', ['root']],
  ['a name with an empty address', 'Nobody <>', ['Nobody <>']],
  ['nothing but an empty address', '<>', []],
  ['an internationalised address (RFC 6532)', 'Jürgen <jürgen@bücher.example>', ['Jürgen <jürgen@bücher.example>']],
  ['encoded words', '=?utf-8?Q?J=C3=BCrgen?= =?utf-8?Q?_M=2E?= <j@x>', ['Jürgen M. <j@x>']],
  ['an encoded word with specials inside', '=?utf-8?Q?Doe,_J@x?= <j@x>', ['Doe, J@x <j@x>']],
  ['an encoded word inside quotes', '"=?utf-8?B?SsO8?=" <j@x>', ['Jü <j@x>']],
  ['an at sign in the name', 'joe@work <joe@x>', ['joe@work <joe@x>']],
  ['garbage', ')]>\\:;,', []],
];

for (const [title, text, shown] of READ) {
  test(`RFC 5322 §3.4 reads ${title}`, () => {
    const { addresses } = parseAddressList(text);
    const list = emailAddresses(addresses).map(({ name, email }) => (name === null ? email : `${name} <${email}>`));
    assert.deepEqual(list, shown);
  });
}

test('RFC 9051 §7.5.2 marks the start and the end of a group', () => {
  assert.deepEqual(parseAddressList('x@y, Team: a@b; z@w').addresses, [
    { name: null, route: null, mailbox: 'x', host: 'y' },
    { name: null, route: null, mailbox: 'Team', host: null },
    { name: null, route: null, mailbox: 'a', host: 'b' },
    { name: null, route: null, mailbox: null, host: null },
    { name: null, route: null, mailbox: 'z', host: 'w' },
  ]);
});

test('RFC 9051 §7.5.2 keeps the source route and leaves encoded words encoded', () => {
  assert.deepEqual(parseAddressList('=?utf-8?Q?=C3=A9?= <@a.b,@c.d:x@y>').addresses, [
    { name: '=?utf-8?Q?=C3=A9?=', route: '@a.b,@c.d', mailbox: 'x', host: 'y' },
  ]);
});

test('RFC 8621 §4.1.2.4 gathers addresses by group', () => {
  const text =
    '"  James Smythe" <james@example.com>, Friends: jane@example.com, =?UTF-8?Q?John_Sm=C3=AEth?= <john@example.com>; z@z';
  assert.deepEqual(groupedAddresses(parseAddressList(text).addresses), [
    { name: null, addresses: [{ name: 'James Smythe', email: 'james@example.com' }] },
    {
      name: 'Friends',
      addresses: [
        { name: null, email: 'jane@example.com' },
        { name: 'John Smîth', email: 'john@example.com' },
      ],
    },
    { name: null, addresses: [{ name: null, email: 'z@z' }] },
  ]);
});

test('RFC 5322 §3.4.1 quotes a local part that is no dot-atom', () => {
  assert.equal(addrSpec('a.b', 'c'), 'a.b@c');
  assert.equal(addrSpec('a..b', 'c'), '"a..b"@c');
  assert.equal(addrSpec('a"\\b', 'c'), '"a\\"\\\\b"@c');
  assert.equal(addrSpec('', 'c'), '""@c');
});

test('a list beyond the limit is cut and says so', () => {
  const list = parseAddressList('a@b,'.repeat(10), 4);
  assert.equal(list.addresses.length, 4);
  assert.equal(list.isCut, true);
  assert.equal(parseAddressList('a@b,'.repeat(4), 4).isCut, false);
});

const MEGABYTE = 1_000_000;
const HOSTILE: readonly (readonly [title: string, text: string])[] = [
  ['open parentheses', '('.repeat(MEGABYTE)],
  ['open parentheses with backslashes', '(\\'.repeat(MEGABYTE / 2)],
  ['quotes', `${'"'.repeat(MEGABYTE + 1)}`],
  ['escaped quotes', `"${'\\"'.repeat(MEGABYTE / 2)}`],
  ['brackets', '<'.repeat(MEGABYTE)],
  ['literals', '['.repeat(MEGABYTE)],
  ['encoded word starts', '=?a?q?'.repeat(MEGABYTE / 6)],
  ['at signs', '@'.repeat(MEGABYTE)],
  ['one word', 'a'.repeat(MEGABYTE)],
  ['words', 'a '.repeat(MEGABYTE / 2)],
  ['routes', '<@a,'.repeat(MEGABYTE / 4)],
  ['empty members', ','.repeat(MEGABYTE)],
  ['groups', 'a:'.repeat(MEGABYTE / 2)],
  ['comments', '()'.repeat(MEGABYTE / 2)],
];

for (const [title, text] of HOSTILE) {
  test(`a megabyte of ${title} costs linear work`, () => {
    const parser = new AddressParser(text, 5_000);
    parser.parse();
    assert.ok(parser.work > 0);
    assert.ok(parser.work <= 4 * text.length, `${parser.work} characters looked at`);
  });
}
