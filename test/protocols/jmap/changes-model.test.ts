/**
 * P3 as a client sees it: whatever happens by JMAP, by IMAP and by delivery, a client that only follows Email/changes, Mailbox/changes and Thread/changes, with
 * any page size, ends with exactly what a client sees that asks for everything (RFC 8620 §5.2, RFC 8621 §4.3).
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MailboxId } from '../../../src/mail/ids.ts';
import { asUid } from '../../../src/mail/ids.ts';
import { type Answer, deliver, message, openWorld, type World } from './jmap-world.ts';

const PROPERTIES = ['id', 'threadId', 'mailboxIds', 'keywords'];

/** A client that keeps what it was told. */
class Follower {
  readonly #world: World;
  readonly #objects: Record<string, Map<string, string>> = { Email: new Map(), Mailbox: new Map(), Thread: new Map() };
  readonly #states: Record<string, string> = {};
  readonly #maxChanges: number | null;

  constructor(world: World, maxChanges: number | null) {
    this.#world = world;
    this.#maxChanges = maxChanges;
  }

  async start(): Promise<void> {
    for (const type of Object.keys(this.#objects)) {
      const { list, state } = await this.#get(type, null);
      this.#states[type] = state;
      for (const object of list) this.#objects[type]!.set(object.id, JSON.stringify(object));
    }
  }

  async follow(): Promise<void> {
    for (const type of Object.keys(this.#objects)) {
      for (let hasMore = true; hasMore; ) {
        const changes = await this.#world.call(`${type}/changes`, {
          sinceState: this.#states[type],
          ...(this.#maxChanges === null ? {} : { maxChanges: this.#maxChanges }),
        });
        assert.equal(changes.error, undefined, JSON.stringify(changes.error));
        const ids = [...changes.created, ...changes.updated];
        const { list, notFound } = await this.#get(type, ids);
        for (const object of list) this.#objects[type]!.set(object.id, JSON.stringify(object));
        for (const id of [...notFound, ...changes.destroyed]) this.#objects[type]!.delete(id);
        this.#states[type] = changes.newState;
        hasMore = changes.hasMoreChanges;
      }
    }
  }

  async expectTruth(): Promise<void> {
    for (const type of Object.keys(this.#objects)) {
      const { list, state } = await this.#get(type, null);
      const truth = new Map(list.map((object: Answer) => [object.id, JSON.stringify(object)]));
      assert.deepEqual(
        new Map([...this.#objects[type]!].sort()),
        new Map([...(truth as Map<string, string>)].sort()),
        type,
      );
      assert.equal(this.#states[type], state, type);
    }
    const { ids } = await this.#world.call('Email/query', { limit: 1_000 });
    assert.deepEqual([...this.#objects['Email']!.keys()].sort(), [...ids].sort());
  }

  async #get(type: string, ids: readonly string[] | null): Promise<Answer> {
    return this.#world.call(`${type}/get`, { ids, ...(type === 'Email' ? { properties: PROPERTIES } : {}) });
  }
}

/** Numbers that are the same in every run with the same seed. */
function randomOf(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

async function act(world: World, random: (below: number) => number): Promise<void> {
  const pick = <T>(list: readonly T[]): T | undefined => list[random(list.length)];
  const { mailboxes } = await world.mail.mailboxes();
  const { ids } = await world.call('Email/query', { limit: 1_000 });
  const mailbox = pick(mailboxes)!.id as MailboxId;
  const other = pick(mailboxes)!.id as MailboxId;
  const email = pick(ids as string[]);
  const uids = [{ from: asUid(1 + random(5)), to: asUid(6 + random(20)) }];
  const keyword = ['$seen', '$flagged', 'work'][random(3)]!;
  switch (random(12)) {
    case 0:
    case 1:
    case 2:
      await deliver(
        world,
        message(
          random(2)
            ? { Subject: 'Re: Thread', References: `<r${random(4)}@example.net>` }
            : { 'Message-ID': `<r${random(4)}@example.net>` },
        ),
      );
      return;
    case 3:
      await world.call('Email/set', {
        update: { [email ?? 'x']: { [`keywords/${keyword}`]: random(2) ? true : null } },
      });
      return;
    case 4:
      await world.call('Email/set', { update: { [email ?? 'x']: { mailboxIds: { [mailbox]: true, [other]: true } } } });
      return;
    case 5:
      await world.call('Email/set', {
        destroy: [email ?? 'x', pick(ids as string[]) ?? 'y'],
        create: { k: { mailboxIds: { [mailbox]: true } } },
      });
      return;
    case 6:
      await world.mail.changeFlags(mailbox, uids, {
        mode: 'add',
        keywords: [keyword as never],
        deleted: random(3) === 0,
      });
      return;
    case 7:
      await world.mail.copyOrMove('copy', mailbox, uids, other);
      return;
    case 8:
      if (mailbox !== other) await world.mail.copyOrMove('move', mailbox, uids, other);
      return;
    case 9:
      await world.mail.expunge(mailbox);
      return;
    case 10:
      await world.call('Mailbox/set', {
        create: { a: { name: `Box ${random(1_000)}`, parentId: random(2) ? mailbox : null } },
      });
      return;
    default:
      await world.call('Mailbox/set', {
        destroy: [mailbox],
        onDestroyRemoveEmails: random(2) === 0,
        update: { [other]: { sortOrder: random(9) } },
      });
  }
}

const world = await openWorld();
const followers = [new Follower(world, null), new Follower(world, 1), new Follower(world, 3)];
const seed = Number(process.env['WAXWING_TEST_SEED'] ?? Date.now() % 1_000_000);

test(`RFC 8620 §5.2 a client that follows changes in pages of any size agrees with one that asks anew (seed ${seed})`, async () => {
  const random = randomOf(seed);
  for (let i = 0; i < 10; i++) await deliver(world, message({ 'Message-ID': `<r${i % 4}@example.net>` }));
  for (const follower of followers) await follower.start();
  for (let round = 0; round < 12; round++) {
    for (let i = random(8); i >= 0; i--) await act(world, random);
    // Some look often, some seldom.
    for (const [index, follower] of followers.entries()) if (round % (index + 1) === 0) await follower.follow();
    await followers[0]!.expectTruth();
  }
  for (const follower of followers) {
    await follower.follow();
    await follower.expectTruth();
  }
  assert.deepEqual(world.errors, []);
});
