/** Email/set and Email/import (RFC 8621 §4.6, §4.8). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Answer, deliver, message, openWorld } from './jmap-world.ts';

const world = await openWorld();
const role = async (name: string): Promise<string> =>
  (await world.call('Mailbox/query', { filter: { role: name } })).ids[0];
const [inbox, drafts, trash] = [await role('inbox'), await role('drafts'), await role('trash')];
const upload = async (octets: string | Buffer, type: string): Promise<Answer> =>
  (
    await world.fetch(`/jmap/upload/${world.alice.id}/`, {
      method: 'POST',
      headers: { 'Content-Type': type },
      body: octets,
    })
  ).json();
const raw = async (blobId: string): Promise<string> =>
  (await world.fetch(`/jmap/download/${world.alice.id}/${blobId}/m.eml?accept=message/rfc822`)).text();
const create = async (email: object): Promise<Answer> => world.call('Email/set', { create: { k: email } });
const draft = (more: object): object => ({
  mailboxIds: { [drafts]: true },
  keywords: { $draft: true, $seen: true },
  ...more,
});

test('RFC 8621 §4.6 a draft is written with all its fields, and read back the same', async () => {
  const before = (await world.call('Email/get', { ids: [] })).state;
  const email = draft({
    from: [{ name: 'Jöe Blöggs', email: 'alice@example.org' }],
    to: [
      { name: 'Jane "JD" Doe', email: 'jane@example.com' },
      { name: null, email: 'list@example.com' },
    ],
    subject: 'Wörld domination',
    messageId: ['draft-1@example.org'],
    inReplyTo: ['earlier@example.com'],
    references: ['first@example.com', 'earlier@example.com'],
    sentAt: '2026-02-03T04:05:06+01:00',
    receivedAt: '2026-02-03T03:05:07Z',
    'header:X-Mailer:asText': 'Tëst',
    'header:X-Many:asRaw:all': [' one', ' two'],
    'header:List-Unsubscribe:asURLs': ['https://example.org/u', 'mailto:u@example.org'],
    'header:Resent-To:asGroupedAddresses': [{ name: 'Group', addresses: [{ name: null, email: 'g@example.org' }] }],
    bodyValues: { t: { value: 'I have the most brilliant plan. Grüße' }, h: { value: '<p>plan</p>' } },
    textBody: [{ partId: 't', type: 'text/plain' }],
    htmlBody: [{ partId: 'h', type: 'text/html' }],
  });
  const { created, oldState, newState, notCreated } = await create(email);
  assert.equal(notCreated, null);
  assert.equal(oldState, before);
  assert.deepEqual(Object.keys(created.k).sort(), ['blobId', 'id', 'size', 'threadId']);
  const got = await world.call('Email/get', {
    ids: [created.k.id],
    properties: [
      'mailboxIds',
      'keywords',
      'receivedAt',
      'from',
      'to',
      'subject',
      'messageId',
      'inReplyTo',
      'references',
      'sentAt',
      'size',
      'header:X-Mailer:asText',
      'header:X-Many:asText:all',
      'header:List-Unsubscribe:asURLs',
      'header:Resent-To:asGroupedAddresses',
      'bodyStructure',
      'bodyValues',
    ],
    bodyProperties: ['type', 'charset'],
    fetchAllBodyValues: true,
  });
  assert.equal(got.state, newState);
  const [{ id: _id, bodyStructure, bodyValues, size, ...shown }] = got.list;
  const {
    bodyValues: _values,
    textBody: _text,
    htmlBody: _html,
    'header:X-Many:asRaw:all': _many,
    ...sent
  } = email as Answer;
  assert.deepEqual(shown, { ...sent, 'header:X-Many:asText:all': ['one', 'two'] });
  assert.equal(size, created.k.size);
  assert.deepEqual(bodyStructure, {
    type: 'multipart/alternative',
    charset: null,
    subParts: [
      { type: 'text/plain', charset: 'utf-8' },
      { type: 'text/html', charset: 'utf-8' },
    ],
  });
  assert.deepEqual(
    Object.values(bodyValues).map((value: Answer) => value.value),
    ['I have the most brilliant plan. Grüße', '<p>plan</p>'],
  );
});

test('RFC 8621 §4.6 Date, Message-ID and MIME-Version are added when the client left them out', async () => {
  const { created } = await create(draft({ bodyValues: { t: { value: 'x' } }, textBody: [{ partId: 't' }] }));
  const [email] = (
    await world.call('Email/get', { ids: [created.k.id], properties: ['messageId', 'sentAt', 'headers'] })
  ).list;
  assert.match(email.messageId[0], /@example\.org$/);
  assert.ok(Date.now() - Date.parse(email.sentAt) < 60_000);
  assert.equal(email.headers.filter((field: Answer) => field.name === 'MIME-Version').length, 1);
  const text = await raw(created.k.blobId);
  assert.equal(Buffer.byteLength(text), created.k.size);
  assert.doesNotMatch(text, /(?<!\r)\n/);
});

test('RFC 8621 §4.6 attachments come from blobs, octet for octet, pictures next to their HTML', async () => {
  const file = Buffer.from(Array.from({ length: 100_000 }, (_, i) => (i * 7) % 256));
  const [pdf, png, eml] = [
    await upload(file, 'application/pdf'),
    await upload(Buffer.from([137, 80, 78, 71]), 'image/png'),
    await upload('From: x@example.net\r\nSubject: inner\r\n\r\ninner\r\n', 'message/rfc822'),
  ];
  const { created } = await create(
    draft({
      bodyValues: { h: { value: '<img src="cid:pic">' } },
      htmlBody: [{ partId: 'h', type: 'text/html' }],
      attachments: [
        { blobId: pdf.blobId, type: 'application/pdf', name: 'Übersicht.pdf', disposition: 'attachment' },
        { blobId: png.blobId, cid: 'pic', disposition: 'inline' },
        { blobId: eml.blobId, type: 'message/rfc822' },
      ],
    }),
  );
  const [email] = (
    await world.call('Email/get', {
      ids: [created.k.id],
      properties: ['attachments', 'bodyStructure', 'hasAttachment'],
      bodyProperties: ['type', 'name', 'size', 'cid', 'disposition', 'blobId'],
    })
  ).list;
  const shape = (part: Answer): Answer => (part.subParts ? [part.type, ...part.subParts.map(shape)] : part.type);
  assert.deepEqual(shape(email.bodyStructure), [
    'multipart/mixed',
    ['multipart/related', 'text/html', 'image/png'],
    'application/pdf',
    'message/rfc822',
  ]);
  const [picture, bill] = email.attachments;
  assert.deepEqual([picture.cid, picture.size], ['pic', 4]);
  assert.deepEqual([bill.name, bill.size, bill.disposition], ['Übersicht.pdf', file.length, 'attachment']);
  const octets = await (await world.fetch(`/jmap/download/${world.alice.id}/${bill.blobId}/x`)).arrayBuffer();
  assert.ok(file.equals(Buffer.from(octets)));
});

test('RFC 8621 §4.6 a bodyStructure is written as it is given', async () => {
  const { created, notCreated } = await create(
    draft({
      subject: 'Structured',
      bodyValues: { a: { value: 'one' }, b: { value: 'two' } },
      bodyStructure: {
        type: 'multipart/mixed',
        subParts: [
          { partId: 'a', type: 'text/plain', language: ['en'], 'header:X-Part:asText': 'first' },
          {
            type: 'multipart/alternative',
            subParts: [{ partId: 'b', type: 'text/html', disposition: 'inline', name: 'b.html' }],
          },
        ],
      },
    }),
  );
  assert.equal(notCreated, null);
  const [{ bodyStructure }] = (
    await world.call('Email/get', {
      ids: [created.k.id],
      properties: ['bodyStructure'],
      bodyProperties: ['type', 'name', 'language', 'header:X-Part:asText'],
    })
  ).list;
  assert.deepEqual(bodyStructure.subParts[0], {
    type: 'text/plain',
    name: null,
    language: ['en'],
    'header:X-Part:asText': 'first',
  });
  assert.deepEqual(bodyStructure.subParts[1].subParts[0].name, 'b.html');
});

test('RFC 8621 §4.6 what may not be created is refused by property, and nothing is stored', async () => {
  const { state } = await world.call('Email/get', { ids: [] });
  const text = { bodyValues: { t: { value: 'x' } }, textBody: [{ partId: 't' }] };
  const table: [object, string][] = [
    [{}, 'mailboxIds'],
    [{ mailboxIds: {} }, 'mailboxIds'],
    [{ mailboxIds: { nothing: true } }, 'mailboxIds'],
    [{ mailboxIds: { [drafts]: false } }, 'mailboxIds'],
    [{ mailboxIds: [drafts] }, 'mailboxIds'],
    [draft({ keywords: { 'a b': true } }), 'keywords'],
    [draft({ keywords: { $seen: { $ne: null } } }), 'keywords'],
    [draft({ receivedAt: 'now' }), 'receivedAt'],
    [draft({ id: 'x' }), 'id'],
    [draft({ size: 5 }), 'size'],
    [draft({ preview: 'x' }), 'preview'],
    [draft({ headers: [{ name: 'X', value: 'y' }] }), 'headers'],
    [draft({ from: 'alice@example.org' }), 'from'],
    [draft({ from: [{ name: 'x' }] }), 'from'],
    [draft({ from: [{ email: 'a@b\r\nBcc: c@d' }] }), 'from'],
    [draft({ subject: ['x'] }), 'subject'],
    [draft({ messageId: ['<a@b>'] }), 'messageId'],
    [draft({ subject: 'a', 'header:Subject:asText': 'b' }), 'header:Subject:asText'],
    [draft({ 'header:From:asText': 'b' }), 'header:From:asText'],
    [draft({ 'header:Content-Type': 'text/html' }), 'header:Content-Type'],
    [draft({ 'header:Content-Language:asText': 'de' }), 'header:Content-Language:asText'],
    [draft({ 'header:MIME-Version': '2.0' }), 'header:MIME-Version'],
    [draft({ ...text, bodyStructure: { partId: 't' } }), 'bodyStructure'],
    [draft({ textBody: [{ partId: 't' }] }), 'bodyValues'],
    [draft({ ...text, textBody: [] }), 'textBody'],
    [draft({ ...text, textBody: [{ partId: 't' }, { partId: 't' }] }), 'textBody'],
    [draft({ ...text, textBody: [{ partId: 't', type: 'text/html' }] }), 'textBody'],
    [draft({ ...text, textBody: [{ partId: 't', charset: 'utf-8' }] }), 'textBody'],
    [draft({ ...text, textBody: [{ partId: 't', blobId: 'u' }] }), 'textBody'],
    [
      draft({ ...text, textBody: [{ partId: 't', 'header:Content-Transfer-Encoding': '8bit' }] }),
      'header:Content-Transfer-Encoding',
    ],
    [draft({ bodyValues: { t: { value: 'x', isTruncated: true } } }), 'bodyValues'],
    [draft({ bodyValues: { t: 'x' } }), 'bodyValues'],
    [
      draft({
        subject: 'a',
        bodyValues: { t: { value: 'x' } },
        bodyStructure: { partId: 't', 'header:Subject:asText': 'b' },
      }),
      'header:Subject:asText',
    ],
    [draft({ bodyStructure: { type: 'multipart/mixed', subParts: [] } }), 'bodyStructure'],
    [draft({ bodyStructure: { type: 'text/plain', subParts: [{ partId: 't' }] } }), 'bodyStructure'],
    [draft({ nonsense: 1 }), 'nonsense'],
    [draft({ __proto: 1 }), '__proto'],
  ];
  for (const [email, property] of table) {
    const { created, notCreated } = await create(email);
    assert.equal(created, null, JSON.stringify(email));
    assert.equal(notCreated.k.type, 'invalidProperties', JSON.stringify([email, notCreated]));
    assert.ok(notCreated.k.properties.includes(property), JSON.stringify([email, notCreated]));
  }
  const missing = await create(draft({ attachments: [{ blobId: 'u1' }, { blobId: 'u2' }, { blobId: 'u1' }] }));
  assert.deepEqual([missing.notCreated.k.type, missing.notCreated.k.notFound], ['blobNotFound', ['u1', 'u2']]);
  assert.equal((await world.call('Email/get', { ids: [] })).state, state);
});

test('RFC 8621 §4.6 a value can not open a field of its own', async () => {
  const evil = 'x\r\nBcc: evil@example.net\r\n\r\nbody';
  const { created } = await create(
    draft({
      subject: evil,
      from: [{ name: evil, email: 'alice@example.org' }],
      'header:X-Raw': ` ${evil}`,
      bodyValues: { t: { value: 'x' } },
      bodyStructure: {
        partId: 't',
        name: evil,
        location: evil,
        disposition: 'attachment',
        'header:X-Part:asText': evil,
      },
    }),
  );
  const [email] = (
    await world.call('Email/get', { ids: [created.k.id], properties: ['bcc', 'headers', 'header:Bcc:all'] })
  ).list;
  assert.equal(email.bcc, null);
  assert.deepEqual(email['header:Bcc:all'], []);
});

test('RFC 8621 §4.6 keywords and mailboxes change as a whole or by pointer', async () => {
  const id = await deliver(world, message({}), { keywords: ['$seen'] });
  const update = async (patch: object): Promise<Answer> => world.call('Email/set', { update: { [id]: patch } });
  const now = async (): Promise<Answer> => {
    const { list } = await world.call('Email/get', { ids: [id], properties: ['keywords', 'mailboxIds'] });
    return [Object.keys(list[0].keywords).sort(), Object.keys(list[0].mailboxIds).sort()];
  };
  const steps: [object, string[], string[]][] = [
    [{ 'keywords/$flagged': true }, ['$flagged', '$seen'], [inbox]],
    [{ 'keywords/$SEEN': null, 'keywords/$Forwarded': true }, ['$flagged', '$forwarded'], [inbox]],
    [{ keywords: { Custom: true } }, ['custom'], [inbox]],
    [{ [`mailboxIds/${trash}`]: true }, ['custom'], [inbox, trash].sort()],
    [{ [`mailboxIds/${inbox}`]: null, 'keywords/custom': null }, [], [trash]],
    [{ mailboxIds: { [inbox]: true }, keywords: {} }, [], [inbox]],
    [{ [`mailboxIds/${drafts}`]: null, 'keywords/none': null }, [], [inbox]],
  ];
  for (const [patch, keywords, mailboxes] of steps) {
    assert.deepEqual((await update(patch)).updated, { [id]: null }, JSON.stringify(patch));
    assert.deepEqual(await now(), [keywords, mailboxes], JSON.stringify(patch));
  }
  const refused: [object, string][] = [
    [{ mailboxIds: {} }, 'invalidProperties'],
    [{ [`mailboxIds/${inbox}`]: null }, 'invalidProperties'],
    [{ 'mailboxIds/nothing': true }, 'invalidProperties'],
    [{ 'keywords/a b': true }, 'invalidProperties'],
    [{ 'keywords/$seen': false }, 'invalidProperties'],
    [{ 'keywords/$seen': { $ne: 1 } }, 'invalidProperties'],
    [{ subject: 'new' }, 'invalidProperties'],
    [{ threadId: 'x' }, 'invalidProperties'],
    [{ 'keywords/$seen/x': true }, 'invalidPatch'],
    [{ keywords: {}, 'keywords/$seen': true }, 'invalidPatch'],
    [{ 'keywords/~2': true }, 'invalidPatch'],
  ];
  const { state } = await world.call('Email/get', { ids: [] });
  for (const [patch, type] of refused) {
    const { notUpdated } = await update(patch);
    assert.equal(notUpdated[id].type, type, JSON.stringify(patch));
  }
  assert.equal((await world.call('Email/get', { ids: [] })).state, state);
  assert.deepEqual(await now(), [[], [inbox]]);
});

test('RFC 8620 §5.3 one call creates, changes and removes in one state, each object with its own outcome', async () => {
  const [kept, gone] = [await deliver(world, message({})), await deliver(world, message({}))];
  const before = (await world.call('Email/get', { ids: [] })).state;
  const answer = await world.call('Email/set', {
    ifInState: before,
    create: { good: draft({ subject: 'good' }), bad: { subject: 'bad' } },
    update: { [kept]: { 'keywords/$seen': true }, absent: { keywords: {} }, [gone]: { keywords: {} } },
    destroy: [gone, 'nothing'],
  });
  assert.deepEqual(Object.keys(answer.created), ['good']);
  assert.deepEqual(Object.keys(answer.notCreated), ['bad']);
  assert.deepEqual(answer.updated, { [kept]: null });
  assert.deepEqual([answer.notUpdated.absent.type, answer.notUpdated[gone].type], ['notFound', 'willDestroy']);
  assert.deepEqual([answer.destroyed, answer.notDestroyed.nothing.type], [[gone], 'notFound']);
  assert.equal(answer.oldState, before);
  const changes = await world.call('Email/changes', { sinceState: before });
  assert.deepEqual(changes.created, [answer.created.good.id]);
  assert.deepEqual([changes.updated, changes.destroyed], [[kept], [gone]]);
  assert.equal(changes.newState, answer.newState);
  assert.equal((await world.call('Email/set', { ifInState: before, destroy: [kept] })).error.type, 'stateMismatch');
  assert.deepEqual((await world.call('Email/get', { ids: [kept], properties: [] })).notFound, []);
});

test('RFC 8620 §5.3 a creation of the same call can be changed by its reference', async () => {
  const { created, updated } = await world.call('Email/set', {
    create: { k: draft({ subject: 'x', keywords: {} }) },
    update: { '#k': { 'keywords/$flagged': true } },
  });
  assert.deepEqual(updated, { '#k': null });
  const [{ keywords }] = (await world.call('Email/get', { ids: [created.k.id], properties: ['keywords'] })).list;
  assert.deepEqual(keywords, { $flagged: true });
});

test('RFC 8621 §4.8 Email/import keeps the octets, and refuses each blob for itself', async () => {
  const octets = 'Subject: import\nX:  odd   \n\nbare line feeds stay\n';
  const { blobId } = await upload(octets, 'message/rfc822');
  const { created, notCreated, oldState, newState } = await world.call('Email/import', {
    emails: {
      a: { blobId, mailboxIds: { [inbox]: true }, keywords: { $seen: true }, receivedAt: '2020-01-01T00:00:00Z' },
      b: { blobId: 'nothing', mailboxIds: { [inbox]: true } },
      c: { blobId, mailboxIds: {} },
      d: { blobId, mailboxIds: { [inbox]: true }, subject: 'x' },
    },
  });
  assert.notEqual(oldState, newState);
  assert.equal(await raw(created.a.blobId), octets);
  assert.deepEqual(
    ['b', 'c', 'd'].map((key) => notCreated[key].type),
    ['blobNotFound', 'invalidProperties', 'invalidProperties'],
  );
  const [email] = (
    await world.call('Email/get', { ids: [created.a.id], properties: ['receivedAt', 'keywords', 'subject'] })
  ).list;
  assert.deepEqual(
    [email.receivedAt, email.keywords, email.subject],
    ['2020-01-01T00:00:00Z', { $seen: true }, 'import'],
  );
});

test('RFC 8620 §5.3 more objects than announced are requestTooLarge', async () => {
  const destroy = Array.from({ length: 1_001 }, (_, i) => `e${i}`);
  assert.equal((await world.call('Email/set', { destroy })).error.type, 'requestTooLarge');
});

test('RFC 8621 §4.7 a copy within one account is invalidArguments, from a strange one fromAccountNotFound', async () => {
  const copy = async (fromAccountId: string): Promise<Answer> =>
    (await world.call('Email/copy', { fromAccountId, create: {} })).error.type;
  assert.equal(await copy(world.alice.id), 'invalidArguments');
  assert.equal(await copy(world.bob.id), 'fromAccountNotFound');
});

test('nothing of all this was a defect', () => assert.deepEqual(world.errors, []));
