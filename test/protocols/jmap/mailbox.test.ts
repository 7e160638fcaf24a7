/** Mailboxes over JMAP (RFC 8621 §2). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Answer, deliver, message, openWorld } from './jmap-world.ts';

const world = await openWorld();
const byRole = async (role: string): Promise<Answer> =>
  (await world.call('Mailbox/get', { ids: null })).list.find((mailbox: Answer) => mailbox.role === role);

test('RFC 8621 §2.1 Mailbox/get shows the mailboxes of a new account with roles, rights and counts', async () => {
  const { accountId, state, list, notFound } = await world.call('Mailbox/get', { ids: null });
  assert.equal(accountId, world.alice.id);
  assert.equal(typeof state, 'string');
  assert.deepEqual(notFound, []);
  const roles = new Set(list.map((mailbox: Answer) => mailbox.role));
  for (const role of ['inbox', 'sent', 'drafts', 'trash', 'junk', 'archive']) assert.ok(roles.has(role), role);
  const inbox = list.find((mailbox: Answer) => mailbox.role === 'inbox');
  assert.deepEqual(Object.keys(inbox).sort(), [
    'id',
    'isSubscribed',
    'myRights',
    'name',
    'parentId',
    'role',
    'sortOrder',
    'totalEmails',
    'totalThreads',
    'unreadEmails',
    'unreadThreads',
  ]);
  assert.equal(inbox.myRights.mayDelete, false);
  assert.equal(inbox.myRights.mayReadItems, true);
});

test('RFC 8620 §5.1 ids, properties and notFound of a /get', async () => {
  const { id } = await byRole('inbox');
  assert.deepEqual((await world.call('Mailbox/get', { ids: [] })).list, []);
  const got = await world.call('Mailbox/get', { ids: [id, 'nothing', id, '__proto__'], properties: ['name'] });
  assert.deepEqual(got.list, [{ id, name: 'Inbox' }]);
  assert.deepEqual(got.notFound, ['nothing', '__proto__']);
  assert.deepEqual((await world.call('Mailbox/get', { ids: [id], properties: [] })).list, [{ id }]);
  assert.equal((await world.call('Mailbox/get', { properties: ['size'] })).error.type, 'invalidArguments');
  assert.equal((await world.call('Mailbox/get', { ids: id })).error.type, 'invalidArguments');
  assert.equal((await world.call('Mailbox/get', { ids: null, extra: 1 })).error.type, 'invalidArguments');
});

test('RFC 8620 §3.6.2 a missing accountId is invalidArguments, a strange one accountNotFound', async () => {
  const type = async (accountId: unknown): Promise<string> => {
    const [answer] = await world.calls(['Mailbox/get', accountId === undefined ? {} : { accountId }, 'c']);
    return answer![1].type;
  };
  assert.equal(await type(undefined), 'invalidArguments');
  assert.equal(await type(null), 'invalidArguments');
  assert.equal(await type({ $ne: null }), 'invalidArguments');
  assert.equal(await type('nobody'), 'accountNotFound');
  assert.equal(await type(world.bob.id), 'accountNotFound');
});

test('RFC 8621 §2.5 Mailbox/set creates a tree in one call by creation ids and tells what the server set', async () => {
  const before = (await world.call('Mailbox/get')).state;
  const { created, notCreated, oldState, newState } = await world.call('Mailbox/set', {
    create: {
      child: { name: 'Child', parentId: '#parent', isSubscribed: true },
      parent: { name: 'Pärent', parentId: null, sortOrder: 7 },
    },
  });
  assert.equal(notCreated, null);
  assert.equal(oldState, before);
  assert.notEqual(newState, oldState);
  assert.deepEqual(Object.keys(created).sort(), ['child', 'parent']);
  assert.equal(created.parent.totalEmails, 0);
  assert.equal('name' in created.parent, false);
  const { list, state } = await world.call('Mailbox/get', { ids: [created.child.id, created.parent.id] });
  assert.equal(state, newState);
  const [child, parent] = [created.child.id, created.parent.id].map((id) => list.find((m: Answer) => m.id === id));
  assert.deepEqual([child.name, child.parentId, child.isSubscribed], ['Child', parent.id, true]);
  assert.deepEqual([parent.name, parent.parentId, parent.sortOrder], ['Pärent', null, 7]);
});

test('RFC 8620 §5.3 a creation id serves later calls of the request, and createdIds name it', async () => {
  const body = {
    using: ['urn:ietf:params:jmap:core', 'urn:ietf:params:jmap:mail'],
    createdIds: {},
    methodCalls: [
      ['Mailbox/set', { accountId: world.alice.id, create: { k1: { name: 'Made first' } } }, '0'],
      [
        'Mailbox/set',
        {
          accountId: world.alice.id,
          create: { k2: { name: 'Inside', parentId: '#k1' } },
          update: { '#k1': { sortOrder: 3 } },
        },
        '1',
      ],
      ['Mailbox/get', { accountId: world.alice.id, ids: ['#k1', '#none'], properties: ['sortOrder'] }, '2'],
    ],
  };
  const { methodResponses, createdIds } = (await (await world.request(body)).json()) as Answer;
  const [first, second, third] = methodResponses.map((one: Answer) => one[1]);
  assert.deepEqual(createdIds, { k1: first.created.k1.id, k2: second.created.k2.id });
  assert.deepEqual(second.updated, { '#k1': null });
  assert.deepEqual(third.list, [{ id: first.created.k1.id, sortOrder: 3 }]);
  assert.deepEqual(third.notFound, ['#none']);
});

test("RFC 8621 §2.5 every refusal is that object's own, with the RFC's word", async () => {
  const inbox = await byRole('inbox');
  const { created } = await world.call('Mailbox/set', {
    create: { a: { name: 'Solo' }, b: { name: 'In it', parentId: '#a' } },
  });
  const { notCreated, created: made } = await world.call('Mailbox/set', {
    create: {
      twin: { name: 'Solo' },
      nameless: {},
      empty: { name: '' },
      control: { name: 'a\u0000b' },
      long: { name: 'x'.repeat(256) },
      number: { name: 5 },
      operator: { name: { $ne: null } },
      orphan: { name: 'Orphan', parentId: 'nothing' },
      role: { name: 'Second inbox', role: 'inbox' },
      badRole: { name: 'Odd role', role: 'Inbox' },
      extra: { name: 'Extra', color: 'red' },
      serverSet: { name: 'Server set', totalEmails: 3 },
      order: { name: 'Order', sortOrder: -1 },
      __proto: { name: 'fine' },
    },
  });
  const types = Object.fromEntries(Object.entries(notCreated).map(([key, error]) => [key, (error as Answer).type]));
  assert.equal(types['twin'], 'alreadyExists');
  delete types['twin'];
  for (const [key, type] of Object.entries(types)) assert.equal(type, 'invalidProperties', key);
  assert.equal(Object.keys(types).length, 12);
  assert.deepEqual(Object.keys(made), ['__proto']);
  assert.deepEqual(notCreated.orphan.properties, ['parentId']);
  assert.deepEqual(notCreated.extra.properties, ['color']);

  const changed = await world.call('Mailbox/set', {
    update: {
      [inbox.id]: { name: 'Outbox' },
      [created.a.id]: { parentId: created.b.id },
      absent: { name: 'x' },
      [made.__proto.id]: { totalEmails: 4 },
    },
    destroy: [created.a.id, inbox.id, 'nothing'],
  });
  assert.equal(changed.updated, null);
  assert.equal(changed.destroyed, null);
  assert.equal(changed.notUpdated[created.a.id].type, 'willDestroy');
  assert.equal(changed.notUpdated.absent.type, 'notFound');
  assert.equal(changed.notUpdated[made.__proto.id].type, 'invalidProperties');
  assert.equal(changed.notDestroyed[created.a.id].type, 'mailboxHasChild');
  assert.equal(changed.notDestroyed[inbox.id].type, 'forbidden');
  assert.equal(changed.notDestroyed.nothing.type, 'notFound');
  assert.ok(['forbidden', 'willDestroy'].includes(changed.notUpdated[inbox.id].type));
});

test('RFC 8621 §2.5 a mailbox with mail is only removed when the client says so', async () => {
  const { created } = await world.call('Mailbox/set', {
    create: { a: { name: 'Full' }, b: { name: 'Child', parentId: '#a' } },
  });
  const email = await deliver(world, message({ Subject: 'kept for a while' }));
  await world.call('Email/set', { update: { [email]: { mailboxIds: { [created.a.id]: true } } } });
  const kept = await world.call('Mailbox/set', { destroy: [created.a.id] });
  assert.equal(kept.notDestroyed[created.a.id].type, 'mailboxHasChild');
  const still = await world.call('Mailbox/set', { destroy: [created.a.id], onDestroyRemoveEmails: true });
  assert.equal(still.notDestroyed[created.a.id].type, 'mailboxHasChild');
  await world.call('Mailbox/set', { destroy: [created.b.id] });
  const full = await world.call('Mailbox/set', { destroy: [created.a.id] });
  assert.equal(full.notDestroyed[created.a.id].type, 'mailboxHasEmail');
  const gone = await world.call('Mailbox/set', { destroy: [created.a.id], onDestroyRemoveEmails: true });
  assert.deepEqual(gone.destroyed, [created.a.id]);
  assert.deepEqual((await world.call('Email/get', { ids: [email] })).notFound, [email]);
});

test('RFC 8620 §5.3 ifInState that is not the state changes nothing', async () => {
  const { state } = await world.call('Mailbox/get');
  for (const ifInState of ['', 'x', '0', '999999999', `${state}-1`]) {
    const { error } = await world.call('Mailbox/set', { ifInState, create: { a: { name: 'Never' } } });
    assert.equal(error.type, 'stateMismatch', ifInState);
  }
  assert.equal((await world.call('Mailbox/get')).state, state);
  const { created } = await world.call('Mailbox/set', { ifInState: state, create: { a: { name: 'In state' } } });
  assert.ok(created.a.id);
});

test('RFC 8621 §2.2 Mailbox/changes tells counts from other changes', async () => {
  const { state } = await world.call('Mailbox/get');
  const inbox = await byRole('inbox');
  await deliver(world, message({}));
  const counts = await world.call('Mailbox/changes', { sinceState: state });
  assert.deepEqual(counts.updated, [inbox.id]);
  assert.deepEqual([...counts.updatedProperties].sort(), [
    'totalEmails',
    'totalThreads',
    'unreadEmails',
    'unreadThreads',
  ]);
  const { created } = await world.call('Mailbox/set', { create: { a: { name: 'New one' } } });
  await world.call('Mailbox/set', { update: { [inbox.id]: { sortOrder: 99 } } });
  const all = await world.call('Mailbox/changes', { sinceState: state });
  assert.deepEqual([all.created, all.updated, all.updatedProperties], [[created.a.id], [inbox.id], null]);
  assert.equal(all.newState, (await world.call('Mailbox/get')).state);
  assert.equal((await world.call('Mailbox/changes', { sinceState: 'x' })).error.type, 'cannotCalculateChanges');
  assert.equal(
    (await world.call('Mailbox/changes', { sinceState: state, maxChanges: 0 })).error.type,
    'invalidArguments',
  );
  assert.equal((await world.call('Mailbox/changes', {})).error.type, 'invalidArguments');
});

test('RFC 8621 §2.3 Mailbox/query filters, sorts, and keeps trees together when asked', async () => {
  const { created } = await world.call('Mailbox/set', {
    create: {
      root: { name: 'Zoo', sortOrder: 1 },
      lion: { name: 'lion', parentId: '#root', sortOrder: 9 },
      ape: { name: 'Ape', parentId: '#root', sortOrder: 9 },
      other: { name: 'Aardvark zoo', sortOrder: 2 },
    },
  });
  const ids = (...keys: string[]) => keys.map((key) => created[key].id);
  const query = async (args: object): Promise<string[]> => (await world.call('Mailbox/query', args)).ids;
  assert.deepEqual(await query({ filter: { role: 'inbox' } }), [(await byRole('inbox')).id]);
  assert.deepEqual(
    await query({ filter: { parentId: created.root.id }, sort: [{ property: 'name' }] }),
    ids('ape', 'lion'),
  );
  assert.deepEqual(await query({ filter: { name: 'zoo' }, sort: [{ property: 'name' }] }), ids('other', 'root'));
  assert.deepEqual(
    await query({
      filter: { operator: 'OR', conditions: [{ name: 'ZOO' }, { parentId: created.root.id }] },
      sort: [{ property: 'sortOrder' }, { property: 'name', isAscending: false }],
      sortAsTree: true,
    }),
    ids('root', 'lion', 'ape', 'other'),
  );
  assert.deepEqual(await query({ filter: { name: 'ape' }, filterAsTree: true }), []);
  const all = await world.call('Mailbox/query', { calculateTotal: true, filter: null, sort: null });
  assert.equal(all.total, all.ids.length);
  assert.equal(all.canCalculateChanges, true);
  const anchored = await world.call('Mailbox/query', { anchor: all.ids[3], anchorOffset: -1, limit: 2 });
  assert.deepEqual([anchored.position, anchored.ids], [2, all.ids.slice(2, 4)]);
  assert.deepEqual((await world.call('Mailbox/query', { position: -2 })).ids, all.ids.slice(-2));
  assert.equal((await world.call('Mailbox/query', { anchor: 'x' })).error.type, 'anchorNotFound');
  assert.equal((await world.call('Mailbox/query', { filter: { color: 'red' } })).error.type, 'unsupportedFilter');
  assert.equal((await world.call('Mailbox/query', { sort: [{ property: 'color' }] })).error.type, 'unsupportedSort');
  assert.equal((await world.call('Mailbox/query', { limit: -1 })).error.type, 'invalidArguments');
  assert.equal(
    (await world.call('Mailbox/queryChanges', { sinceQueryState: 'x' })).error.type,
    'cannotCalculateChanges',
  );
});

test('nothing of all this was a defect', () => assert.deepEqual(world.errors, []));
