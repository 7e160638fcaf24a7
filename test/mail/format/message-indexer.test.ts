import assert from 'node:assert/strict';
import { test } from 'node:test';
import { indexMessage } from '../../../src/mail/format/message-indexer.ts';
import { fileNameOf, type PartNode } from '../../../src/mail/format/structure.ts';
import { crlf, latin1 } from './octets.ts';

/** The tree as text: media types, and the body's octets of each leaf. */
function shape(node: PartNode, octets: Buffer): unknown {
  const type = `${node.type}/${node.subtype}`;
  if (node.message !== null) return [type, shape(node.message.root, octets)];
  if (node.children.length > 0) return [type, ...node.children.map((child) => shape(child, octets))];
  return [type, octets.toString('latin1', node.bodyStart, node.end)];
}

const MIXED = 'Content-Type: multipart/mixed; boundary=abc\n\n';

const TREES: readonly (readonly [title: string, message: string, tree: unknown, defects?: readonly string[]])[] = [
  ['RFC 2045 §5.2 a message without MIME fields', 'Subject: x\n\nHello\n', ['text/plain', 'Hello\r\n']],
  ['RFC 5322 §2.1 a header without a body', 'Subject: x\n', ['text/plain', ''], ['header-without-end']],
  ['RFC 5322 §2.1 a body without a header', '\nHello', ['text/plain', 'Hello']],
  ['RFC 5322 §2.1 nothing at all', '', ['text/plain', '']],
  ['RFC 2045 §5.2 a broken type', 'Content-Type: nonsense\n\nx', ['text/plain', 'x']],
  ['a type of its own', 'Content-Type: Application/X-Foo\n\nx', ['application/x-foo', 'x']],
  [
    'RFC 2046 §5.1.1 parts, preamble and epilogue',
    `${MIXED}preamble\n--abc\n\none\n--abc\nContent-Type: text/html\n\ntwo\n\n--abc--\nepilogue\n`,
    ['multipart/mixed', ['text/plain', 'one'], ['text/html', 'two\r\n']],
  ],
  [
    'RFC 2046 §5.1.1 blanks after a boundary',
    `${MIXED}--abc \t\n\none\n--abc--  \n`,
    ['multipart/mixed', ['text/plain', 'one']],
  ],
  [
    'RFC 2046 §5.1.1 a last boundary without a line end',
    `${MIXED}--abc\n\none\n--abc--`,
    ['multipart/mixed', ['text/plain', 'one']],
  ],
  [
    'a multipart that is never closed',
    `${MIXED}--abc\n\none\n--abc\n\ntwo`,
    ['multipart/mixed', ['text/plain', 'one'], ['text/plain', 'two']],
    ['boundary-not-closed'],
  ],
  [
    'a boundary that is the beginning of a longer one',
    `${MIXED}--abc\nContent-Type: multipart/alternative; boundary=abcd\n\n--abcd\n\none\n--abcd\n\ntwo\n--abcd--\n--abc\n\nthree\n--abcdef\n--abc-\n--abc--x\n--abc--\n`,
    [
      'multipart/mixed',
      ['multipart/alternative', ['text/plain', 'one'], ['text/plain', 'two']],
      ['text/plain', 'three\r\n--abcdef\r\n--abc-\r\n--abc--x'],
    ],
  ],
  [
    'an inner boundary that is the beginning of the outer one',
    `Content-Type: multipart/mixed; boundary=abcd\n\n--abcd\nContent-Type: multipart/alternative; boundary=abc\n\n--abc\n\none\n--abc--\n--abcd\n\ntwo\n--abcd--\n`,
    ['multipart/mixed', ['multipart/alternative', ['text/plain', 'one']], ['text/plain', 'two']],
  ],
  [
    'RFC 2046 §5.1.2 an outer boundary that ends an unclosed inner multipart',
    `${MIXED}--abc\nContent-Type: multipart/alternative; boundary=in\n\n--in\n\none\n--abc\n\ntwo\n--abc--\n`,
    ['multipart/mixed', ['multipart/alternative', ['text/plain', 'one']], ['text/plain', 'two']],
    ['boundary-not-closed'],
  ],
  [
    'the same boundary inside and outside: the inner one counts until it is closed',
    `${MIXED}--abc\nContent-Type: multipart/alternative; boundary=abc\n\n--abc\n\none\n--abc--\n--abc\n\ntwo\n--abc--\n`,
    ['multipart/mixed', ['multipart/alternative', ['text/plain', 'one']], ['text/plain', 'two']],
  ],
  [
    'a boundary again after the closing one belongs to the epilogue',
    `${MIXED}--abc\n\none\n--abc--\n--abc\n\ntwo\n--abc--\n`,
    ['multipart/mixed', ['text/plain', 'one']],
  ],
  [
    'empty parts',
    `${MIXED}--abc\n--abc\n\n--abc\n\n\n--abc\nX: y\n--abc--\n`,
    ['multipart/mixed', ['text/plain', ''], ['text/plain', ''], ['text/plain', ''], ['text/plain', '']],
    ['header-without-end'],
  ],
  [
    'RFC 2046 §5.1.1 a multipart without a boundary is shown as text',
    'Content-Type: multipart/mixed\n\n--abc\n\none\n',
    ['text/plain', '--abc\r\n\r\none\r\n'],
    ['boundary-missing'],
  ],
  [
    'RFC 2046 §5.1.1 a multipart whose boundary never comes is shown as text',
    `${MIXED}Hello\n`,
    ['text/plain', 'Hello\r\n'],
    ['boundary-not-closed', 'boundary-not-found'],
  ],
  [
    'RFC 2046 §5.1.5 parts of a digest are messages by default',
    'Content-Type: multipart/digest; boundary=d\n\n--d\n\nSubject: one\n\n1\n--d\nContent-Type: text/plain\n\n2\n--d--\n',
    ['multipart/digest', ['message/rfc822', ['text/plain', '1']], ['text/plain', '2']],
  ],
  [
    'RFC 2046 §5.2.1 a message in a multipart, with a multipart inside',
    `${MIXED}--abc\nContent-Type: message/rfc822\n\nSubject: in\nContent-Type: multipart/mixed; boundary=in\n\n--in\n\none\n--in--\n\n--abc\n\ntwo\n--abc--\n`,
    ['multipart/mixed', ['message/rfc822', ['multipart/mixed', ['text/plain', 'one']]], ['text/plain', 'two']],
  ],
  [
    'a message whose header a boundary cuts off',
    `${MIXED}--abc\nContent-Type: message/rfc822\n\nSubject: in\n--abc\n\ntwo\n--abc--\n`,
    ['multipart/mixed', ['message/rfc822', ['text/plain', '']], ['text/plain', 'two']],
    ['header-without-end'],
  ],
  [
    'an encoded message is a leaf (RFC 6532 §3.7 allows it for message/global)',
    `${MIXED}--abc\nContent-Type: message/global\nContent-Transfer-Encoding: base64\n\nU3ViamVjdDogeA==\n--abc--\n`,
    ['multipart/mixed', ['message/global', 'U3ViamVjdDogeA==']],
    ['message-encoded'],
  ],
  [
    'a quoted boundary with blanks and signs',
    'Content-Type: multipart/mixed; boundary="a b=?:(c)"\n\n--a b=?:(c)\n\none\n--a b=?:(c)--\n',
    ['multipart/mixed', ['text/plain', 'one']],
  ],
  [
    'dashes that are no boundary',
    `${MIXED}--abc\n\n-- \n--\n-\n---\n--abd\n --abc\nx--abc\n--abc--\n`,
    ['multipart/mixed', ['text/plain', '-- \r\n--\r\n-\r\n---\r\n--abd\r\n --abc\r\nx--abc']],
  ],
];

for (const [title, message, tree, defects = []] of TREES) {
  test(title, () => {
    const octets = crlf(message);
    const index = indexMessage(octets);
    assert.deepEqual(shape(index.root, octets), tree);
    assert.deepEqual(index.defects, defects);
  });

  test(`${title} (bare line feeds, as imported mail has them)`, () => {
    const octets = latin1(message);
    const index = indexMessage(octets);
    assert.deepEqual(
      JSON.parse(JSON.stringify(shape(index.root, octets)).replaceAll('\\r\\n', '\\n')),
      lineFeeds(tree),
    );
    assert.deepEqual(index.defects, message.includes('\n') ? ['bare-line-feed', ...defects].sort() : defects);
  });
}

function lineFeeds(tree: unknown): unknown {
  return JSON.parse(JSON.stringify(tree).replaceAll('\\r\\n', '\\n'));
}

test('RFC 9051 §7.5.2 gives every value that a body structure shows', () => {
  const octets = crlf(
    'Content-Type: text/plain; charset=UTF-8; format=flowed\nContent-ID: <a@b>\nContent-Description: =?utf-8?Q?=C3=A9?=\n' +
      "Content-Transfer-Encoding: Quoted-Printable (x)\nContent-Disposition: attachment; filename*=utf-8''%C3%A9.txt\n" +
      'Content-Language: en, de-CH\nContent-Location: http://x/y\nContent-MD5: Q2hlY2s=\n\none\ntwo\nthree',
  );
  const { root } = indexMessage(octets);
  assert.deepEqual(root, {
    type: 'text',
    subtype: 'plain',
    params: [
      ['charset', 'UTF-8'],
      ['format', 'flowed'],
    ],
    rawParams: null,
    id: '<a@b>',
    description: '=?utf-8?Q?=C3=A9?=',
    encoding: 'quoted-printable',
    disposition: {
      type: 'attachment',
      params: [['filename', 'é.txt']],
      rawParams: [['filename*', "utf-8''%C3%A9.txt"]],
    },
    language: ['en', 'de-CH'],
    location: 'http://x/y',
    md5: 'Q2hlY2s=',
    headerStart: 0,
    bodyStart: octets.indexOf('one'),
    end: octets.length,
    lines: 2,
    children: [],
    message: null,
  });
  assert.equal(fileNameOf(root), 'é.txt');
});

test('RFC 9051 §7.5.2 counts the lines of text and of messages', () => {
  const { root } = indexMessage(
    crlf(
      `${MIXED}--abc\n\none\ntwo\n\n--abc\nContent-Type: message/rfc822\n\nA: b\n\nx\n--abc\nContent-Type: a/b\n\n\n\n--abc--\n`,
    ),
  );
  assert.deepEqual(
    root.children.map((child) => child.lines),
    [2, 2, null],
  );
});

test('RFC 9051 §7.5.2 keeps the envelope of the message and of each embedded one', () => {
  const octets = crlf(
    'Date: Mon, 1 Jan 2024 00:00:00 +0000\nSubject: =?utf-8?Q?=C3=A9?=\n more\nFrom: A <a@b>\nReply-To: r@s\nTo: t@u\nTo: v@w\n' +
      'Cc: c@d\nBcc: e@f\nIn-Reply-To: <x@y>\nMessage-ID: <m@n>\nContent-Type: message/rfc822\n\nSubject: inner\n\n',
  );
  const index = indexMessage(octets);
  const address = (mailbox: string, host: string, name: string | null = null) => ({ name, route: null, mailbox, host });
  assert.deepEqual(index.envelope, {
    date: 'Mon, 1 Jan 2024 00:00:00 +0000',
    subject: '=?utf-8?Q?=C3=A9?= more',
    from: [address('a', 'b', 'A')],
    sender: [],
    replyTo: [address('r', 's')],
    to: [address('t', 'u'), address('v', 'w')],
    cc: [address('c', 'd')],
    bcc: [address('e', 'f')],
    inReplyTo: '<x@y>',
    messageId: '<m@n>',
  });
  assert.equal(index.root.message?.envelope.subject, 'inner');
  assert.equal(index.subject, 'é more');
});

test('the index holds what storage needs of the header', () => {
  const index = indexMessage(
    crlf(
      'Received: a\nReceived: b\nX: y\nReceived: c\nSubject: Re: [list] Hello\nMessage-ID: <m@n>\nIn-Reply-To: <p@q>\n' +
        'References: <o@o>\n <p@q>\nDate: Mon, 1 Jan 2024 01:00:00 +0100\nAuto-Submitted: Auto-Replied; x=y\nPrecedence: Bulk\n' +
        'List-Id: My list <My.List.example.org>\nFrom: a@b\n\nbody\n',
    ),
  );
  assert.equal(index.receivedCount, 3);
  assert.equal(index.baseSubject, 'Hello');
  assert.equal(index.isReplyOrForward, true);
  assert.deepEqual(index.messageIds, ['m@n']);
  assert.deepEqual(index.inReplyTo, ['p@q']);
  assert.deepEqual(index.references, ['o@o', 'p@q']);
  assert.deepEqual(index.sentAt, { date: new Date('2024-01-01T00:00:00Z'), zoneMinutes: 60 });
  assert.equal(index.autoSubmitted, 'auto-replied');
  assert.equal(index.precedence, 'bulk');
  assert.equal(index.listId, 'my.list.example.org');
  assert.deepEqual(index.from, [{ name: null, email: 'a@b' }]);
  assert.equal(index.lines, 16);
});

test('NUL and unlabelled 8-bit octets are named and change nothing', () => {
  const octets = latin1('Subject: J\xfcrgen\0\r\nFrom: "J\xfcrgen" <a@b>\r\n\r\na\0b\xff\r\n');
  const index = indexMessage(octets);
  assert.deepEqual(index.defects, ['eight-bit-header', 'nul-octet']);
  assert.equal(index.subject, 'Jürgen');
  assert.equal(index.from[0]?.name, 'Jürgen');
  assert.equal(octets.toString('latin1', index.root.bodyStart, index.root.end), 'a\0b\xff\r\n');
});
