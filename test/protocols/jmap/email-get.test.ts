/** Email/get (RFC 8621 §4.1, §4.2) on real messages. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Answer, deliver, message, openWorld } from './jmap-world.ts';

const world = await openWorld();

const RICH = `Return-Path: <carol@example.net>
Received: from a.example.net by b.example.org; Tue, 1 Jul 2014 10:00:00 +0000
Received: from client by a.example.net; Tue, 1 Jul 2014 09:59:58 +0000
From: =?utf-8?q?Car=C3=B6l?= <carol@example.net>
Sender: Desk <desk@example.net>
Reply-To: replies@example.net
To: alice@example.org, "Friends": bob@example.org, dan@example.com;
Cc: Erin <erin@example.org>
Subject: =?utf-8?q?D=C3=ADnner?= on =?iso-8859-1?q?Th=FCrsday?=
Date: Tue, 1 Jul 2014 12:00:00 +0200
Message-ID: <rich@example.net>
In-Reply-To: <first@example.org>
References: <zero@example.org>
 <first@example.org>
List-Post: <mailto:list@example.net>
X-Twice: one
X-Twice: two
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="m"

preamble
--m
Content-Type: multipart/alternative; boundary="a"

--a
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

Gr=C3=BC=C3=9Fe, =
das ist Text.
--a
Content-Type: multipart/related; boundary="r"

--r
Content-Type: text/html; charset=iso-8859-1
Content-Transfer-Encoding: 8bit

<p>Gr\xfc\xdfe</p><a href="https://example.com/x">link</a>
--r
Content-Type: image/png; name=pixel.png
Content-ID: <pixel@example.net>
Content-Disposition: inline
Content-Transfer-Encoding: base64

iVBORw0KGgo=
--r--
--a--
--m
Content-Type: application/pdf
Content-Disposition: attachment; filename*=utf-8''%E2%82%AC%20bill.pdf
Content-Language: de, en
Content-Location: https://example.net/bill
Content-Transfer-Encoding: base64

JVBERi0xLjQK
JVBERg==
--m
Content-Type: message/rfc822

From: inner@example.net
Subject: inner

inner text
--m--
`.replaceAll('\n', '\r\n');

const id = await deliver(world, Buffer.from(RICH, 'latin1'), {
  keywords: ['$seen', 'work'],
  receivedAt: new Date('2014-07-01T10:00:05Z'),
});
const get = async (args: object): Promise<Answer> => (await world.call('Email/get', { ids: [id], ...args })).list[0];

test('RFC 8621 §4.2 without properties the default ones come, and no others', async () => {
  const email = await get({});
  assert.deepEqual(Object.keys(email).sort(), [
    'attachments',
    'bcc',
    'blobId',
    'bodyValues',
    'cc',
    'from',
    'hasAttachment',
    'htmlBody',
    'id',
    'inReplyTo',
    'keywords',
    'mailboxIds',
    'messageId',
    'preview',
    'receivedAt',
    'references',
    'replyTo',
    'sender',
    'sentAt',
    'size',
    'subject',
    'textBody',
    'threadId',
    'to',
  ]);
  assert.deepEqual(email.bodyValues, {});
});

test('RFC 8621 §4.1.1 metadata', async () => {
  const inbox = (await world.call('Mailbox/query', { filter: { role: 'inbox' } })).ids[0];
  const email = await get({ properties: ['blobId', 'threadId', 'mailboxIds', 'keywords', 'size', 'receivedAt'] });
  assert.deepEqual(email.mailboxIds, { [inbox]: true });
  assert.deepEqual(email.keywords, { $seen: true, work: true });
  assert.equal(email.size, Buffer.byteLength(RICH, 'latin1'));
  assert.equal(email.receivedAt, '2014-07-01T10:00:05Z');
  assert.equal(email.id, id);
});

test('RFC 8621 §4.1.2, §4.1.3 header fields in their forms', async () => {
  const email = await get({
    properties: [
      'messageId',
      'inReplyTo',
      'references',
      'sender',
      'from',
      'to',
      'cc',
      'bcc',
      'replyTo',
      'subject',
      'sentAt',
      'header:List-POST:asURLs',
      'header:To:asGroupedAddresses',
      'header:X-Twice',
      'header:x-twice:asText:all',
      'header:Date:asDate',
      'header:References:asMessageIds',
      'header:Received:all',
      'header:X-Missing',
      'header:X-Missing:all',
      'header:Subject:asRaw',
    ],
  });
  assert.deepEqual(email.messageId, ['rich@example.net']);
  assert.deepEqual(email.inReplyTo, ['first@example.org']);
  assert.deepEqual(email.references, ['zero@example.org', 'first@example.org']);
  assert.deepEqual(email.from, [{ name: 'Caröl', email: 'carol@example.net' }]);
  assert.deepEqual(email.sender, [{ name: 'Desk', email: 'desk@example.net' }]);
  assert.deepEqual(email.replyTo, [{ name: null, email: 'replies@example.net' }]);
  assert.deepEqual(
    email.to.map((one: Answer) => one.email),
    ['alice@example.org', 'bob@example.org', 'dan@example.com'],
  );
  assert.deepEqual(email.cc, [{ name: 'Erin', email: 'erin@example.org' }]);
  assert.equal(email.bcc, null);
  assert.equal(email.subject, 'Dínner on Thürsday');
  assert.equal(email.sentAt, '2014-07-01T12:00:00+02:00');
  assert.deepEqual(email['header:List-POST:asURLs'], ['mailto:list@example.net']);
  assert.deepEqual(email['header:To:asGroupedAddresses'], [
    { name: null, addresses: [{ name: null, email: 'alice@example.org' }] },
    {
      name: 'Friends',
      addresses: [
        { name: null, email: 'bob@example.org' },
        { name: null, email: 'dan@example.com' },
      ],
    },
  ]);
  assert.equal(email['header:X-Twice'], ' two');
  assert.deepEqual(email['header:x-twice:asText:all'], ['one', 'two']);
  assert.equal(email['header:Date:asDate'], '2014-07-01T12:00:00+02:00');
  assert.equal(email['header:Received:all'].length, 2);
  assert.equal(email['header:X-Missing'], null);
  assert.deepEqual(email['header:X-Missing:all'], []);
  assert.equal(email['header:Subject:asRaw'], ' =?utf-8?q?D=C3=ADnner?= on =?iso-8859-1?q?Th=FCrsday?=');
});

test('RFC 8621 §4.1.3 headers are all fields in their order, folding kept', async () => {
  const { headers } = await get({ properties: ['headers'] });
  assert.deepEqual(headers[0], { name: 'Return-Path', value: ' <carol@example.net>' });
  assert.deepEqual(
    headers.find((one: Answer) => one.name === 'References').value,
    ' <zero@example.org>\r\n <first@example.org>',
  );
  assert.equal(headers.length, 18);
});

test('RFC 8621 §4.1.4 the lists of what to show as text, as HTML and to offer', async () => {
  const email = await get({ properties: ['textBody', 'htmlBody', 'attachments', 'hasAttachment', 'preview'] });
  assert.deepEqual(
    email.textBody.map((part: Answer) => part.type),
    ['text/plain'],
  );
  assert.deepEqual(
    email.htmlBody.map((part: Answer) => part.type),
    ['text/html'],
  );
  assert.deepEqual(
    email.attachments.map((part: Answer) => part.type),
    ['image/png', 'application/pdf', 'message/rfc822'],
  );
  assert.equal(email.hasAttachment, true);
  assert.match(email.preview, /^Grüße, das ist Text/);
  const [pixel, pdf] = email.attachments;
  assert.deepEqual(
    [pixel.name, pixel.disposition, pixel.cid, pixel.size, pixel.charset],
    ['pixel.png', 'inline', 'pixel@example.net', 8, null],
  );
  assert.deepEqual(
    [pdf.name, pdf.disposition, pdf.language, pdf.location, pdf.size],
    ['€ bill.pdf', 'attachment', ['de', 'en'], 'https://example.net/bill', 13],
  );
});

test('RFC 8621 §4.1.4 bodyStructure is the whole tree; multiparts have no partId and no blob', async () => {
  const { bodyStructure } = await get({
    properties: ['bodyStructure'],
    bodyProperties: ['partId', 'blobId', 'type', 'header:Content-Type:asText'],
  });
  const shape = (part: Answer): Answer =>
    part.subParts ? [part.type, ...part.subParts.map(shape)] : [part.type, part.partId];
  assert.deepEqual(shape(bodyStructure), [
    'multipart/mixed',
    [
      'multipart/alternative',
      ['text/plain', '1.1'],
      ['multipart/related', ['text/html', '1.2.1'], ['image/png', '1.2.2']],
    ],
    ['application/pdf', '2'],
    ['message/rfc822', '3'],
  ]);
  assert.deepEqual([bodyStructure.partId, bodyStructure.blobId], [null, null]);
  assert.equal(bodyStructure['header:Content-Type:asText'], 'multipart/mixed; boundary="m"');
  assert.equal('size' in bodyStructure, false);
});

test('RFC 8621 §4.2 body values: which parts, decoded, cut between characters and outside of tags', async () => {
  const values = async (args: object): Promise<Answer> =>
    (await get({ properties: ['bodyValues'], ...args })).bodyValues;
  assert.deepEqual(await values({ fetchTextBodyValues: true }), {
    '1.1': { value: 'Grüße, das ist Text.', isEncodingProblem: false, isTruncated: false },
  });
  const html = '<p>Grüße</p><a href="https://example.com/x">link</a>';
  assert.deepEqual((await values({ fetchHTMLBodyValues: true }))['1.2.1'].value, html);
  assert.deepEqual(Object.keys(await values({ fetchAllBodyValues: true })).sort(), ['1.1', '1.2.1']);
  assert.deepEqual((await values({ fetchTextBodyValues: true, maxBodyValueBytes: 3 }))['1.1'], {
    value: 'Gr',
    isEncodingProblem: false,
    isTruncated: true,
  });
  assert.equal((await values({ fetchHTMLBodyValues: true, maxBodyValueBytes: 25 }))['1.2.1'].value, '<p>Grüße</p>');
});

test('RFC 8621 §4.1.4 an unknown charset is an encoding problem, not an error', async () => {
  const odd = await deliver(
    world,
    'From: a@example.net\r\nContent-Type: text/plain; charset=x-klingon\r\n\r\nqapl\xe2\r\n',
  );
  const { list } = await world.call('Email/get', {
    ids: [odd],
    properties: ['bodyValues', 'textBody'],
    fetchAllBodyValues: true,
  });
  assert.equal(list[0].bodyValues['1'].isEncodingProblem, true);
  assert.equal(list[0].textBody[0].charset, 'x-klingon');
});

test('RFC 8621 §4.1 a message without header fields has nulls where the RFC says so', async () => {
  const bare = await deliver(world, '\r\nonly text\r\n');
  const [email] = (await world.call('Email/get', { ids: [bare] })).list;
  for (const name of [
    'from',
    'to',
    'cc',
    'bcc',
    'sender',
    'replyTo',
    'subject',
    'sentAt',
    'messageId',
    'inReplyTo',
    'references',
  ]) {
    assert.equal(email[name], null, name);
  }
  assert.equal(email.textBody[0].partId, '1');
  assert.equal(email.textBody[0].charset, 'us-ascii');
});

test('RFC 8621 §4.1.4 the size of a large attachment is that of the file, read from samples or in full', async () => {
  const file = Buffer.alloc(600_001, 'waxwing');
  const lines = (width: number) => file.toString('base64').replace(new RegExp(`.{${width}}`, 'g'), '$&\r\n');
  for (const [what, text] of [
    ['76', lines(76)],
    ['64', lines(64)],
    ['one line', file.toString('base64')],
    ['odd', lines(75)],
  ]) {
    const octets = `From: a@example.net\r\nContent-Type: application/x; name=f\r\nContent-Transfer-Encoding: base64\r\n\r\n${text}\r\n`;
    const large = await deliver(world, octets);
    const { list } = await world.call('Email/get', { ids: [large], properties: ['attachments'] });
    assert.equal(list[0].attachments[0].size, file.length, what);
  }
});

test('RFC 8620 §5.1 wrong properties and arguments are invalidArguments', async () => {
  for (const args of [
    { properties: ['nonsense'] },
    { properties: ['header:From:asText'] },
    { properties: ['header:'] },
    { bodyProperties: ['bodyValues'] },
    { bodyProperties: 'type' },
    { maxBodyValueBytes: -1 },
    { maxBodyValueBytes: '5' },
    { fetchAllBodyValues: null },
    { fetchEverything: true },
  ]) {
    assert.equal(
      (await world.call('Email/get', { ids: [id], ...args })).error?.type,
      'invalidArguments',
      JSON.stringify(args),
    );
  }
});

test('RFC 8620 §5.1 ids that are not ours are notFound, each once; too many are requestTooLarge', async () => {
  const { list, notFound } = await world.call('Email/get', {
    ids: ['x', id, 'x', id, '#none', '__proto__'],
    properties: ['id'],
  });
  assert.deepEqual([list, notFound], [[{ id }], ['x', '#none', '__proto__']]);
  const many = Array.from({ length: 1_001 }, (_, i) => `e${i}`);
  assert.equal((await world.call('Email/get', { ids: many })).error.type, 'requestTooLarge');
  assert.ok((await world.call('Email/get', { ids: null, properties: [] })).list.length >= 3);
});

test('RFC 8621 §3.1 a thread lists its emails, oldest first', async () => {
  const first = await deliver(world, message({ Subject: 'Talk', 'Message-ID': '<t1@example.net>' }), {
    receivedAt: new Date('2020-01-02T00:00:00Z'),
  });
  const older = await deliver(world, message({ Subject: 'Re: Talk', References: '<t1@example.net>' }), {
    receivedAt: new Date('2020-01-01T00:00:00Z'),
  });
  const [{ threadId }] = (await world.call('Email/get', { ids: [first], properties: ['threadId'] })).list;
  const { list, notFound, state } = await world.call('Thread/get', { ids: [threadId, 'x'] });
  assert.deepEqual([list, notFound], [[{ id: threadId, emailIds: [older, first] }], ['x']]);
  const changes = await world.call('Thread/changes', { sinceState: state });
  assert.deepEqual([changes.created, changes.updated, changes.destroyed], [[], [], []]);
  assert.equal(
    (await world.call('Thread/get', { ids: [threadId], properties: ['subject'] })).error.type,
    'invalidArguments',
  );
});

test('RFC 8621 §4.9 Email/parse shows an attached message with the same words', async () => {
  const [pdf, inner] = (await get({ properties: ['attachments'] })).attachments.slice(1);
  const answer = await world.call('Email/parse', { blobIds: [inner.blobId, 'nothing'], fetchAllBodyValues: true });
  const email = answer.parsed[inner.blobId];
  assert.deepEqual(
    [email.subject, email.from[0].email, email.bodyValues['1'].value],
    ['inner', 'inner@example.net', 'inner text'],
  );
  assert.deepEqual(answer.notFound, ['nothing']);
  assert.equal('threadId' in email, false);
  assert.ok(pdf.blobId);
});

test('nothing of all this was a defect', () => assert.deepEqual(world.errors, []));
