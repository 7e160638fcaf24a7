/**
 * Random mutations against a plain model in memory: after each the rows are what the model says, and every counter is what a recount of the rows says.
 * The seed is in the test's name: put it into SEEDS to repeat a run.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Keyword } from '../../../src/mail/flags.ts';
import type { EmailId, MailboxId } from '../../../src/mail/ids.ts';
import { asUid } from '../../../src/mail/ids.ts';
import type { AccountStore } from '../../../src/storage/mail-store.ts';
import type { MessageRow } from '../../../src/storage/mongo/documents.ts';
import { assertConsistent } from './recount.ts';
import { type Fixture, messageFor, openFixture } from './store-fixture.ts';

const fixture = await openFixture();
const SEEDS = [1, 20261125, Math.floor(Math.random() * 2 ** 31)];
const STEPS = 120;

interface ModelEmail {
  keywords: Set<string>;
  readonly memberships: Map<MailboxId, { readonly uid: number; deleted: boolean }>;
}

class Model {
  readonly emails = new Map<EmailId, ModelEmail>();
  inMailbox(mailbox: MailboxId): [EmailId, ModelEmail, number][] {
    const found: [EmailId, ModelEmail, number][] = [];
    for (const [id, email] of this.emails) {
      const membership = email.memberships.get(mailbox);
      if (membership) found.push([id, email, membership.uid]);
    }
    return found.sort((a, b) => a[2] - b[2]);
  }
  end(id: EmailId, mailbox: MailboxId): void {
    const email = this.emails.get(id)!;
    email.memberships.delete(mailbox);
    if (email.memberships.size === 0) this.emails.delete(id);
  }
}

function randomFrom(seed: number): () => number {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const FLAGS = ['$seen', '$draft', '$flagged', 'work'] as Keyword[];
const SUBJECTS = ['Lunch', 'Dinner', 'Re: Lunch', 'Fwd: Dinner'];

for (const seed of SEEDS) {
  test(`random mutations agree with the model (seed ${seed})`, { timeout: 120_000 }, async () => {
    const random = randomFrom(seed);
    const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)]!;
    const account = await fixture.account();
    const model = new Model();
    const live = async (): Promise<MailboxId[]> => (await account.mailboxes()).mailboxes.map((m) => m.id);
    const step = stepper(fixture, account, model, random, pick);
    for (let n = 0; n < STEPS; n++) {
      await step(await live());
      if (n % 10 === 9) await compare(fixture, account, model);
    }
    await compare(fixture, account, model);
  });
}

type Step = (mailboxes: readonly MailboxId[]) => Promise<void>;

function stepper(
  { store }: Fixture,
  account: AccountStore,
  model: Model,
  random: () => number,
  pick: <T>(items: readonly T[]) => T,
): Step {
  const someFlags = (): Keyword[] => FLAGS.filter(() => random() < 0.4);
  const some = <T>(items: readonly T[]): T[] => items.filter(() => random() < 0.4);
  const range = (): { from: ReturnType<typeof asUid>; to: ReturnType<typeof asUid> }[] => {
    const from = 1 + Math.floor(random() * 12);
    return [{ from: asUid(from), to: asUid(from + Math.floor(random() * 8)) }];
  };
  const named = (mailbox: MailboxId, ranges: ReturnType<typeof range>): [EmailId, ModelEmail, number][] =>
    model.inMailbox(mailbox).filter(([, , uid]) => ranges.some(({ from, to }) => uid >= from && uid <= to));

  const steps: Step[] = [
    async (mailboxes) => {
      const targets = [...new Set([pick(mailboxes), ...(random() < 0.2 ? [pick(mailboxes)] : [])])];
      const keywords = someFlags();
      const item = await messageFor(store, targets, {
        keywords,
        sample: {
          subject: pick(SUBJECTS),
          messageId: `m${Math.floor(random() * 8)}@x`,
          references: `m${Math.floor(random() * 8)}@x`,
        },
      });
      const [made] = (await account.append([item])).messages;
      const memberships = made!.memberships.map((m) => [m.mailbox, { uid: m.uid, deleted: false }] as const);
      model.emails.set(made!.id, { keywords: new Set(keywords), memberships: new Map(memberships) });
    },
    async (mailboxes) => {
      const mailbox = pick(mailboxes);
      const ranges = range();
      const mode = pick(['add', 'remove', 'replace'] as const);
      const change = { mode, keywords: someFlags(), deleted: random() < 0.5 };
      const { messages } = await account.changeFlags(mailbox, ranges, change);
      const expected = named(mailbox, ranges);
      assert.deepEqual(
        messages.map((m) => m.uid),
        expected.map(([, , uid]) => uid),
      );
      for (const [, email] of expected) {
        const membership = email.memberships.get(mailbox)!;
        if (mode === 'replace') email.keywords = new Set(change.keywords);
        for (const keyword of change.keywords) {
          if (mode === 'add') email.keywords.add(keyword);
          if (mode === 'remove') email.keywords.delete(keyword);
        }
        if (mode === 'replace') membership.deleted = change.deleted;
        else if (change.deleted) membership.deleted = mode === 'add';
      }
    },
    async (mailboxes) => {
      const [source, target] = [pick(mailboxes), pick(mailboxes)];
      const ranges = range();
      const expected = named(source, ranges);
      const { pairs } = await account.copyOrMove('copy', source, ranges, target);
      assert.deepEqual(
        pairs.map((p) => p.from),
        expected.map(([, , uid]) => uid),
      );
      const rows = new Map((await rowsOf(account)).map((row) => [row._id, row]));
      expected.forEach(([, email], i) => {
        const uid = pairs[i]!.to;
        if (!email.memberships.has(target)) email.memberships.set(target, { uid, deleted: false });
        else {
          const twin = [...rows.values()].find((row) => row.mailboxes.some((m) => m.id === target && m.uid === uid))!;
          model.emails.set(twin._id, {
            keywords: new Set(email.keywords),
            memberships: new Map([[target, { uid, deleted: false }]]),
          });
        }
      });
    },
    async (mailboxes) => {
      const [source, target] = [pick(mailboxes), pick(mailboxes)];
      const ranges = range();
      const expected = named(source, ranges);
      const { pairs } = await account.copyOrMove('move', source, ranges, target);
      assert.deepEqual(
        pairs.map((p) => p.from),
        expected.map(([, , uid]) => uid),
      );
      expected.forEach(([, email], i) => {
        const there = source === target ? undefined : email.memberships.get(target);
        email.memberships.delete(source);
        email.memberships.set(target, there ?? { uid: pairs[i]!.to, deleted: false });
        assert.equal(email.memberships.get(target)!.uid, pairs[i]!.to);
      });
    },
    async (mailboxes) => {
      const mailbox = pick(mailboxes);
      const expected = model.inMailbox(mailbox).filter(([, email]) => email.memberships.get(mailbox)!.deleted);
      const { uids } = await account.expunge(mailbox);
      assert.deepEqual(
        uids,
        expected.map(([, , uid]) => uid),
      );
      for (const [id] of expected) model.end(id, mailbox);
    },
    async (mailboxes) => {
      const ids = some([...model.emails.keys()]).slice(0, 6);
      const destroy = ids.splice(0, 1);
      const update = new Map(
        ids.map((id) => [id, { keywords: someFlags(), mailboxes: [...new Set([pick(mailboxes), pick(mailboxes)])] }]),
      );
      const result = await account.changeEmails({ update, destroy });
      for (const id of destroy) if (result.destroyed.get(id)!.ok) model.emails.delete(id);
      const rows = new Map((await rowsOf(account)).map((row) => [row._id, row]));
      for (const [id, change] of update) {
        assert.ok(result.updated.get(id)!.ok);
        const email = model.emails.get(id)!;
        email.keywords = new Set(change.keywords);
        for (const mailbox of [...email.memberships.keys()]) {
          if (!change.mailboxes.includes(mailbox)) email.memberships.delete(mailbox);
        }
        for (const mailbox of change.mailboxes) {
          const { uid } = rows.get(id)!.mailboxes.find((m) => m.id === mailbox)!;
          if (!email.memberships.has(mailbox)) email.memberships.set(mailbox, { uid, deleted: false });
        }
      }
    },
    async (mailboxes) => {
      if (random() < 0.6 && mailboxes.length < 12) {
        const spec = { name: `Box ${Math.floor(random() * 1e6)}`, parent: random() < 0.5 ? null : pick(mailboxes) };
        await account.changeMailboxes({ create: new Map([['k', spec]]) });
        return;
      }
      const doomed = pick(mailboxes);
      const { destroyed } = await account.changeMailboxes({ destroy: [doomed], onDestroyRemoveEmails: true });
      if (destroyed.get(doomed)!.ok) for (const [id] of model.inMailbox(doomed)) model.end(id, doomed);
    },
    async (mailboxes) => {
      // The trash wanders.
      const trash = (await account.mailboxes()).mailboxes.find((m) => m.role === 'trash');
      const next = pick(mailboxes);
      await account.changeMailboxes({
        update: new Map([
          [next, { role: 'trash' as const }],
          ...(trash && trash.id !== next ? [[trash.id, { role: null }] as const] : []),
        ]),
      });
    },
  ];
  const weights = [8, 5, 2, 3, 2, 4, 2, 1];
  const bag = steps.flatMap((step, i) => Array.from({ length: weights[i]! }, () => step));
  return (mailboxes) => pick(bag)(mailboxes);
}

const rowsOf = (account: AccountStore): Promise<MessageRow[]> =>
  fixture
    .raw()
    .collection<MessageRow>('messages')
    .find({ account: account.account }, { readConcern: { level: 'majority' } })
    .toArray();

async function compare(_fixture: Fixture, account: AccountStore, model: Model): Promise<void> {
  const rows = await rowsOf(account);
  const shown = rows.map((row) => [
    row._id,
    [...row.keywords].sort(),
    row.mailboxes.map((m) => `${m.id} ${m.uid} ${m.deleted}`).sort(),
  ]);
  const expected = [...model.emails].map(([id, email]) => [
    id,
    [...email.keywords].sort(),
    [...email.memberships].map(([mailbox, m]) => `${mailbox} ${m.uid} ${m.deleted}`).sort(),
  ]);
  const byId = (a: unknown[], b: unknown[]): number => (String(a[0]) < String(b[0]) ? -1 : 1);
  assert.deepEqual(shown.sort(byId), expected.sort(byId));
  await assertConsistent(fixture.raw(), account.account);
}
