/** Every method with what does not belong there (RFC 8620 §3.6.2): the RFC's error, never a defect, and nothing changed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { METHOD_NAMES } from '../../../src/protocols/jmap/registry.ts';
import { type Answer, deliver, message, openWorld } from './jmap-world.ts';

const world = await openWorld();
const email = await deliver(world, message({}));
const { id: accountId } = world.alice;
const bobs = await world.store.openAccount(world.bob.id, world.bob.id);
const bobsMailbox = (await bobs.mailboxes()).mailboxes[0]!.id;
const bobsEmail = await deliver({ ...world, mail: bobs, alice: world.bob }, message({ Subject: 'secret of bob' }));
const methods = METHOD_NAMES.filter((name) => name !== 'Core/echo');

const states = async (): Promise<Answer> => (await world.mail.state()).states;
const ALLOWED = new Set([
  'invalidArguments',
  'accountNotFound',
  'fromAccountNotFound',
  'cannotCalculateChanges',
  'requestTooLarge',
  'unsupportedFilter',
  'unsupportedSort',
  'anchorNotFound',
  'stateMismatch',
]);

/** What a method can't do without, so that it looks at the rest. */
function needed(method: string): object {
  if (method.endsWith('/changes')) return { accountId, sinceState: '1' };
  if (method.endsWith('/queryChanges')) return { accountId, sinceQueryState: '1' };
  if (method === 'Email/import') return { accountId, emails: {} };
  if (method === 'SearchSnippet/get') return { accountId, emailIds: [] };
  return method === 'Email/parse' ? { accountId, blobIds: [] } : { accountId };
}

/** All answers to many calls, in as few requests as the server allows. */
async function all(calls: readonly (readonly [string, object])[]): Promise<readonly (readonly [string, Answer])[]> {
  const answers: [string, Answer][] = [];
  for (let at = 0; at < calls.length; at += 60) {
    const batch = calls.slice(at, at + 60).map(([name, args], i) => [name, args, `${i}`] as const);
    for (const [name, args] of await world.calls(...batch)) answers.push([name, args]);
  }
  return answers;
}

test('a value of a wrong type in any argument of any method is an error of the RFC and changes nothing', async () => {
  const names = [
    'accountId',
    'ids',
    'properties',
    'sinceState',
    'maxChanges',
    'filter',
    'sort',
    'position',
    'anchor',
    'anchorOffset',
    'limit',
    'calculateTotal',
    'collapseThreads',
    'ifInState',
    'create',
    'update',
    'destroy',
    'emails',
    'blobIds',
    'bodyProperties',
    'maxBodyValueBytes',
    'fetchAllBodyValues',
    'onDestroyRemoveEmails',
    'onSuccessUpdateEmail',
    'onSuccessDestroyEmail',
    'fromAccountId',
    'sinceQueryState',
    'upToId',
    '__proto__',
    'constructor',
    'extra',
  ];
  const values: unknown[] = [
    { $ne: null },
    { $where: 'sleep(1000)' },
    [{ $gt: '' }],
    ['__proto__', { a: 1 }],
    1e308,
    -1,
    0.5,
    '',
    '\u0000',
    true,
    [[[[]]]],
    { a: { b: { c: [] } } },
    [null],
  ];
  const calls: [string, object][] = [];
  for (const method of methods) {
    for (const name of names) {
      // Computed from JSON, so that __proto__ is a key.
      for (const value of values)
        calls.push([
          method,
          JSON.parse(
            `{${JSON.stringify(needed(method)).slice(1, -1)},${JSON.stringify(name)}:${JSON.stringify(value)}}`,
          ) as object,
        ]);
    }
  }
  const before = await states();
  for (const [index, [name, args]] of (await all(calls)).entries()) {
    if (name === 'error') assert.ok(ALLOWED.has(args.type), JSON.stringify([calls[index], args]));
  }
  assert.deepEqual(await states(), before);
});

test("every method refuses another's account, one that is not there, and none at all", async () => {
  const calls: [string, object][] = methods.flatMap((name): [string, object][] => [
    [
      name,
      {
        accountId: world.bob.id,
        fromAccountId: world.bob.id,
        sinceState: '1',
        sinceQueryState: '1',
        emails: {},
        create: {},
        blobIds: [],
      },
    ],
    [
      name,
      {
        accountId: 'aaaaaaaaaaaaaaaa',
        fromAccountId: accountId,
        sinceState: '1',
        sinceQueryState: '1',
        emails: {},
        create: {},
        blobIds: [],
      },
    ],
    [name, { sinceState: '1' }],
  ]);
  const answers = await all(calls);
  for (const [index, [name, args]] of answers.entries()) {
    assert.equal(name, 'error', calls[index]![0]);
    assert.equal(
      args.type,
      index % 3 === 2 ? 'invalidArguments' : 'accountNotFound',
      JSON.stringify([calls[index], args]),
    );
  }
});

test("another's ids are nobody's ids, in every method and place", async () => {
  const before = [await states(), (await bobs.state()).states];
  const inbox = (await world.mail.mailboxes()).mailboxes.find(({ role }) => role === 'inbox')!.id;
  const [identity] = (await bobs.identities()).identities;
  const text = { bodyValues: { t: { value: 'x' } }, textBody: [{ partId: 't' }] };
  const calls: [string, object][] = [
    ['Email/get', { ids: [bobsEmail] }],
    ['Mailbox/get', { ids: [bobsMailbox] }],
    ['Thread/get', { ids: [(await bobs.messages([bobsEmail as never]))[0]!.thread] }],
    ['Identity/get', { ids: [identity!.id] }],
    ['Email/query', { filter: { inMailbox: bobsMailbox } }],
    ['Email/query', { filter: { text: 'secret of bob' } }],
    ['Email/set', { update: { [bobsEmail]: { 'keywords/$seen': true } }, destroy: ['nothing'] }],
    ['Email/set', { destroy: [bobsEmail] }],
    ['Email/set', { create: { k: { mailboxIds: { [bobsMailbox]: true }, ...text } } }],
    ['Email/set', { update: { [email]: { [`mailboxIds/${bobsMailbox}`]: true } } }],
    ['Email/set', { create: { k: { mailboxIds: { [inbox]: true }, attachments: [{ blobId: `b${bobsEmail}` }] } } }],
    ['Email/import', { emails: { k: { blobId: `b${bobsEmail}`, mailboxIds: { [inbox]: true } } } }],
    ['Email/parse', { blobIds: [`b${bobsEmail}`] }],
    ['Mailbox/set', { update: { [bobsMailbox]: { name: 'mine' } }, destroy: ['x'] }],
    ['Mailbox/set', { destroy: [bobsMailbox], onDestroyRemoveEmails: true }],
    ['Mailbox/set', { create: { k: { name: 'Under bob', parentId: bobsMailbox } } }],
    ['EmailSubmission/set', { create: { k: { identityId: identity!.id, emailId: bobsEmail } } }],
    ['EmailSubmission/set', { create: { k: { identityId: identity!.id, emailId: email } } }],
  ];
  for (const [name, args] of calls) {
    const answer = await world.call(name, args);
    const text = JSON.stringify(answer);
    assert.equal(answer.error, undefined, `${name} ${text}`);
    for (const member of ['list', 'ids']) if (answer[member]) assert.deepEqual(answer[member], [], `${name} ${text}`);
    for (const member of ['created', 'updated', 'destroyed', 'parsed'])
      if (member in answer) assert.equal(answer[member], null, `${name} ${text}`);
    assert.doesNotMatch(text, /secret of bob/);
  }
  assert.deepEqual([await states(), (await bobs.state()).states], before);
});

test('filters as large and as deep as they come are refused in words', async () => {
  const wide = { operator: 'OR', conditions: Array.from({ length: 100_000 }, () => ({ subject: 'a' })) };
  assert.equal((await world.call('Email/query', { filter: wide })).error.type, 'unsupportedFilter');
  let deep: object = { subject: 'a' };
  for (let i = 0; i < 24; i++) deep = { operator: 'NOT', conditions: [deep] };
  assert.deepEqual((await world.call('Email/query', { filter: deep })).error, undefined);
  assert.equal(
    (await world.call('Email/query', { sort: Array.from({ length: 100 }, () => ({ property: 'subject' })) })).error
      .type,
    'unsupportedSort',
  );
});

test('one request can not gather more text than an answer may hold, by calls or by references', async () => {
  const id = await deliver(world, message({ 'Content-Type': 'text/plain' }, 'x'.repeat(900_000)));
  const get = ['Email/get', { accountId, ids: [id], properties: ['bodyValues'], fetchAllBodyValues: true }] as const;
  const answers = await world.calls(...Array.from({ length: 60 }, (_, i) => [...get, `${i}`] as const));
  const refused = answers.filter(([name]) => name === 'error');
  assert.ok(refused.length > 10 && refused.length < 50, `${refused.length}`);
  for (const [, args] of refused) assert.equal(args.type, 'requestTooLarge');
  const text = 'x'.repeat(5_000_000);
  const echoes = await world.calls(
    ['Core/echo', { text }, '0'],
    ...Array.from(
      { length: 6 },
      (_, i) => ['Core/echo', { '#t': { resultOf: '0', name: 'Core/echo', path: '/text' } }, `e${i}`] as const,
    ),
  );
  assert.deepEqual(
    echoes.map(([name]) => name),
    ['Core/echo', 'Core/echo', 'Core/echo', 'Core/echo', 'error', 'error', 'error'],
  );
  const many = Array.from({ length: 100_000 }, (_, i) => `header:X-${i}`);
  assert.equal((await world.call('Email/get', { ids: [id], properties: many })).error.type, 'invalidArguments');
});

test('references in circles and to what comes later point at nothing', async () => {
  const ref = (resultOf: string) => ({ accountId, '#ids': { resultOf, name: 'Email/get', path: '/list/*/id' } });
  const answers = await world.calls(
    ['Email/get', ref('0'), '0'],
    ['Email/get', ref('2'), '1'],
    ['Email/get', ref('1'), '2'],
  );
  assert.deepEqual(
    answers.map(([, args]) => args.type),
    Array(3).fill('invalidResultReference'),
  );
});

test('nothing of all this was a defect', () => assert.deepEqual(world.errors, []));
