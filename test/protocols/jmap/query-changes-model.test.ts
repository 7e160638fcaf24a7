/**
 * RFC 8620 §5.6 as a client applies it: whatever happens by JMAP, by IMAP and by delivery, a client that keeps the results of a query and only applies
 * /queryChanges to them ends with what the query itself says, for filters, sorts and trees of every kind.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asUid, type MailboxId } from '../../../src/mail/ids.ts';
import { type Answer, deliver, message, openWorld } from './jmap-world.ts';

const world = await openWorld();
const seed = Number(process.env['WAXWING_TEST_SEED'] ?? Date.now() % 1_000_000);
const mailboxOf = async (role: string): Promise<MailboxId> =>
  (await world.call('Mailbox/query', { filter: { role } })).ids[0];
const [inbox, archive] = [await mailboxOf('inbox'), await mailboxOf('archive')];

/** Numbers that are the same in every run with the same seed. */
let random32 = seed;
function random(below: number): number {
  random32 = (Math.imul(random32, 1_664_525) + 1_013_904_223) >>> 0;
  return Math.floor((random32 / 2 ** 32) * below);
}
const pick = <T>(list: readonly T[]): T | undefined => list[random(list.length)];

/** A list of ids that is changed by splices alone. */
class Cache {
  readonly #type: string;
  readonly #args: object;
  ids: string[] = [];
  #state = '';
  #total = 0;

  constructor(type: string, args: object) {
    this.#type = type;
    this.#args = args;
  }

  async start(): Promise<void> {
    const answer = await this.#query();
    assert.equal(answer.canCalculateChanges, true);
    this.ids = answer.ids;
    this.#state = answer.queryState;
  }

  async follow(): Promise<void> {
    const args = { ...this.#args, sinceQueryState: this.#state, calculateTotal: true };
    const answer = await world.call(`${this.#type}/queryChanges`, args);
    assert.equal(answer.error, undefined, JSON.stringify([args, answer.error]));
    assert.equal(answer.oldQueryState, this.#state);
    const removed = new Set(answer.removed);
    this.ids = this.ids.filter((id) => !removed.has(id));
    let last = -1;
    for (const { id, index } of answer.added) {
      assert.ok(index > last, 'lowest index first');
      last = index;
      this.ids.splice(index, 0, id);
    }
    this.#state = answer.newQueryState;
    this.#total = answer.total;
  }

  async expectTruth(): Promise<void> {
    const { ids, queryState, total } = await this.#query();
    assert.deepEqual(this.ids, ids, JSON.stringify([this.#type, this.#args]));
    assert.deepEqual([this.#state, this.#total], [queryState, total]);
  }

  #query(): Promise<Answer> {
    return world.call(`${this.#type}/query`, { ...this.#args, calculateTotal: true });
  }
}

const byDate = [{ property: 'receivedAt', isAscending: false }];
const threadFilter = (name: string): object => ({ filter: { [name]: '$flagged' } });
const caches = [
  ...[
    {},
    { filter: { inMailbox: inbox }, sort: byDate },
    { filter: { inMailbox: inbox }, sort: byDate, collapseThreads: true },
    { sort: [{ property: 'subject' }], collapseThreads: true },
    { filter: { inMailboxOtherThan: [inbox] } },
    { filter: { operator: 'NOT', conditions: [{ hasKeyword: '$seen' }] }, collapseThreads: true },
    { filter: { subject: 'thread' }, sort: [{ property: 'size' }] },
    threadFilter('someInThreadHaveKeyword'),
    threadFilter('allInThreadHaveKeyword'),
    threadFilter('noneInThreadHaveKeyword'),
    { sort: [{ property: 'hasKeyword', keyword: '$flagged' }, ...byDate] },
    { sort: [{ property: 'someInThreadHaveKeyword', keyword: '$flagged' }, ...byDate], collapseThreads: true },
  ].map((args) => new Cache('Email', args)),
  ...[
    {},
    { sort: [{ property: 'name' }] },
    { sort: [{ property: 'sortOrder' }, { property: 'name' }], sortAsTree: true },
    { filter: { name: 'box' }, filterAsTree: true, sortAsTree: true, sort: [{ property: 'name' }] },
    { filter: { hasAnyRole: false }, sort: [{ property: 'parentId' }] },
  ].map((args) => new Cache('Mailbox', args)),
];

async function act(): Promise<void> {
  const mailboxes = (await world.mail.mailboxes()).mailboxes.map(({ id }) => id);
  const { ids } = await world.call('Email/query', { limit: 1_000 });
  const [box, other] = [pick(mailboxes)!, pick(mailboxes)!];
  const [email, second] = [pick(ids as string[]) ?? 'x', pick(ids as string[]) ?? 'y'];
  const keyword = pick(['$seen', '$flagged'])!;
  const uids = [{ from: asUid(1 + random(5)), to: asUid(6 + random(20)) }];
  switch (random(11)) {
    case 0:
    case 1:
    case 2: {
      const fields = random(2) === 0 ? { Subject: 'Re: Thread', References: `<r${random(4)}@example.net>` } : {};
      // Equal times, times long past: a place in the middle of the list.
      await deliver(world, message({ Subject: 'Thread', 'Message-ID': `<r${random(4)}@example.net>`, ...fields }), {
        receivedAt: new Date(1_700_000_000_000 + random(50) * 1_000),
      });
      return;
    }
    case 3:
    case 4:
      await world.call('Email/set', { update: { [email]: { [`keywords/${keyword}`]: random(3) > 0 ? true : null } } });
      return;
    case 5:
      await world.call('Email/set', { update: { [email]: { mailboxIds: { [box]: true, [other]: true } } } });
      return;
    case 6:
      await world.call('Email/set', { destroy: [email, second] });
      return;
    case 7:
      if (box !== other) await world.mail.copyOrMove(random(2) === 0 ? 'copy' : 'move', box, uids, other);
      return;
    case 8:
      await world.mail.changeFlags(inbox, uids, {
        mode: 'add',
        keywords: [keyword as never],
        deleted: random(3) === 0,
      });
      if (random(2) === 0) await world.mail.expunge(inbox);
      return;
    case 9:
      await world.call('Mailbox/set', {
        create: { a: { name: `Box ${random(1_000)}`, parentId: random(2) === 0 ? box : null } },
        ...(box === inbox || box === archive ? {} : { destroy: [box], onDestroyRemoveEmails: random(2) === 0 }),
      });
      return;
    default:
      await world.call('Mailbox/set', {
        update: { [other]: { sortOrder: random(9), ...(random(2) === 0 && { name: `Box ${random(99)}` }) } },
      });
      await world.call('Mailbox/set', { update: { [box]: { parentId: pick([null, other]) } } });
  }
}

test(`RFC 8620 §5.6 a client that only applies queryChanges ends with what the query says (seed ${seed})`, async () => {
  for (let i = 0; i < 20; i++) {
    await deliver(world, message({ Subject: 'Thread', 'Message-ID': `<r${i % 7}@example.net>` }), {
      receivedAt: new Date(1_700_000_000_000 + random(20) * 1_000),
    });
  }
  for (const cache of caches) await cache.start();
  for (let round = 0; round < 15; round++) {
    for (let i = random(6); i >= 0; i--) await act();
    // Some look often, some seldom.
    for (const [index, cache] of caches.entries()) {
      if (round % ((index % 3) + 1) !== 0) continue;
      await cache.follow();
      await cache.expectTruth();
    }
  }
  for (const cache of caches) {
    await cache.follow();
    await cache.expectTruth();
  }
});

test('RFC 8620 §5.6 upToId cuts what is told where nothing can have moved, and only there', async () => {
  const fixed = { sort: byDate, filter: { from: 'upto@example.net' } };
  const mail = (second: number): Promise<string> =>
    deliver(world, message({ From: 'upto@example.net' }), { receivedAt: new Date(1_600_000_000_000 + second * 1_000) });
  const [old, middle, young] = [await mail(1), await mail(5), await mail(9)];
  const { queryState, ids } = await world.call('Email/query', fixed);
  assert.deepEqual(ids, [young, middle, old]);
  const [below, above] = [await mail(3), await mail(7)];
  const changes = (args: object): Promise<Answer> =>
    world.call('Email/queryChanges', { ...fixed, sinceQueryState: queryState, ...args });
  assert.deepEqual((await changes({ upToId: middle })).added, [{ id: above, index: 1 }]);
  const whole = await changes({});
  assert.deepEqual(whole.added, [
    { id: above, index: 1 },
    { id: below, index: 3 },
  ]);
  assert.deepEqual([whole.removed, 'total' in whole], [[], false]);
  assert.equal((await changes({ upToId: 'nothing' })).added.length, 2);
  assert.equal(
    (await changes({ filter: { operator: 'AND', conditions: [fixed.filter, { notKeyword: '$x' }] }, upToId: middle }))
      .added.length,
    2,
  );
  // A flag moves nothing here, and a removal is told.
  await world.call('Email/set', { update: { [middle]: { 'keywords/$seen': true } }, destroy: [old] });
  assert.deepEqual((await changes({})).removed, [old]);
});

test('RFC 8620 §5.6 more changes than maxChanges are tooManyChanges; unknown states can not be followed', async () => {
  const { queryState } = await world.call('Email/query');
  const [first] = [await deliver(world, message({})), await deliver(world, message({}))];
  const since = (args: object): Promise<Answer> =>
    world.call('Email/queryChanges', { sinceQueryState: queryState, ...args });
  assert.equal((await since({ maxChanges: 1 })).error.type, 'tooManyChanges');
  assert.equal((await since({ maxChanges: 2 })).added.length, 2);
  for (const sinceQueryState of ['x', '99999999', '5-1', '']) {
    assert.equal((await since({ sinceQueryState })).error.type, 'cannotCalculateChanges', sinceQueryState);
  }
  assert.equal((await since({ upToId: 5 })).error.type, 'invalidArguments');
  assert.equal((await since({ unknown: 5 })).error.type, 'invalidArguments');
  assert.equal((await since({ filter: { color: 'red' } })).error.type, 'unsupportedFilter');
  const quiet = await world.call('Mailbox/query');
  await world.call('Email/set', { destroy: [first] });
  const { removed, added } = await world.call('Mailbox/queryChanges', { sinceQueryState: quiet.queryState });
  assert.deepEqual([removed, added], [[], []], 'RFC 8621 §2.4 counts move no mailbox');
});

test('nothing of all this was a defect', () => assert.deepEqual(world.errors, []));
