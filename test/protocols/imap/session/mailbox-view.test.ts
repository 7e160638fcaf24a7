/**
 * The view against a model of the record's contract: random histories of deliveries, expunges and flags, looked at by views that begin and
 * look at random times, and while reads overlap with changes.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { asModseq, asUid, type EmailId, type MailboxId, type Modseq } from '../../../../src/mail/ids.ts';
import { Refusal } from '../../../../src/mail/refusal.ts';
import { MailboxGone, MailboxView, ViewLost } from '../../../../src/protocols/imap/session/mailbox-view.ts';
import { SharedReads } from '../../../../src/protocols/imap/session/shared-reads.ts';
import { SnapshotPool } from '../../../../src/protocols/imap/session/snapshot-pool.ts';
import type { AccountStore } from '../../../../src/storage/mail-store.ts';
import type { ChangeRow, Mailbox, Message } from '../../../../src/storage/model.ts';

const BOX = 'mbox' as MailboxId;

/** One mailbox of one account as mail-store.ts promises it; `between` runs before each answer, as another process may. */
class Record {
  modseq = 1;
  boxModseq = 1;
  uidNext = 1;
  floor = 0;
  isDeleted = false;
  uids = new Set<number>();
  rows: ChangeRow[] = [];
  between: () => void = () => undefined;

  commit(change: Partial<ChangeRow>, isTouching = true): Modseq {
    this.modseq += 1;
    if (isTouching) this.boxModseq = this.modseq;
    this.rows.push({
      modseq: asModseq(this.modseq),
      created: {},
      updated: {},
      destroyed: {},
      expunged: [],
      touched: isTouching ? [BOX] : [],
      isMailboxCountsOnly: true,
      ...change,
    });
    return asModseq(this.modseq);
  }
  deliver(): void {
    const uid = this.uidNext++;
    this.uids.add(uid);
    this.commit({ created: { Email: [`e${uid}`] } });
  }
  expunge(index: number): void {
    const uid = [...this.uids][index % Math.max(1, this.uids.size)];
    if (uid === undefined) return;
    this.uids.delete(uid);
    this.commit({ expunged: [{ mailbox: BOX, uids: [asUid(uid)] }], destroyed: { Email: [`e${uid}`] } });
  }
  flag(index: number): Modseq {
    const uid = [...this.uids][index % Math.max(1, this.uids.size)];
    return this.commit({ updated: { Email: uid === undefined ? [] : [`e${uid}`] } });
  }

  row(): Mailbox {
    return {
      id: BOX,
      uidValidity: 7,
      uidNext: asUid(this.uidNext),
      total: this.uids.size,
      modseq: asModseq(this.boxModseq),
    } as Mailbox;
  }

  store(): AccountStore {
    const read =
      <T>(answer: () => T) =>
      async (): Promise<T> => {
        this.between();
        return answer();
      };
    return {
      state: read(() => ({ modseq: asModseq(this.modseq), floor: asModseq(this.floor), states: {} })),
      mailbox: read(() => (this.isDeleted ? null : this.row())),
      uidMap: read(() =>
        this.isDeleted
          ? null
          : { modseq: asModseq(this.modseq), uids: Uint32Array.from([...this.uids].sort((a, b) => a - b)) },
      ),
      searchMailbox: read(() => []),
      changesSince: async (since: Modseq) => {
        this.between();
        if (since < this.floor) throw new Refusal('cannotCalculateChanges', 'too old');
        const rows = this.rows.filter((row) => row.modseq > since).slice(0, 3);
        const hasMore = (rows.at(-1)?.modseq ?? this.modseq) < this.modseq;
        return { rows, upTo: hasMore ? rows.at(-1)!.modseq : asModseq(this.modseq), hasMore };
      },
      messagesByUid: async function* (this: Record, _box: MailboxId, ranges: { from: number; to: number }[]) {
        this.between();
        for (const uid of [...this.uids].sort((a, b) => a - b)) {
          if (!ranges.some(({ from, to }) => uid >= from && uid <= to)) continue;
          yield [{ id: `e${uid}` as EmailId, mailboxes: [{ mailbox: BOX, uid }] } as unknown as Message];
        }
      }.bind(this),
    } as unknown as AccountStore;
  }
}

/** What a client makes of the replies: it knows UIDs by FETCH, and follows EXISTS and EXPUNGE. */
class Client {
  readonly view: MailboxView;
  /** UIDs by sequence number, null where not asked for. */
  map: (number | null)[];
  constructor(record: Record, pool: SnapshotPool) {
    const state = asModseq(record.modseq);
    record.between();
    const row = record.row();
    this.view = new MailboxView(record.store(), pool, row, state);
    this.map = Array<null>(row.total).fill(null);
  }
  async look(mayExpunge: boolean, shared: SharedReads | null = null): Promise<void> {
    const changes = await this.view.follow(mayExpunge, shared);
    for (const number of changes.expunged) {
      assert.ok(number >= 1 && number <= this.map.length, 'EXPUNGE of a number that is not there');
      this.map.splice(number - 1, 1);
    }
    if (changes.exists !== null) {
      assert.ok(changes.exists >= this.map.length, 'EXISTS never goes down');
      while (this.map.length < changes.exists) this.map.push(null);
    }
    assert.equal(this.map.length, this.view.exists);
  }
  /** UID FETCH 1:* UID. */
  async learn(): Promise<void> {
    const uids = [...(await this.view.uids())];
    assert.equal(uids.length, this.map.length);
    uids.forEach((uid, i) => {
      assert.ok(this.map[i] === null || this.map[i] === uid, 'a sequence number changed its UID');
      this.map[i] = uid;
    });
  }
}

type Step = {
  readonly act: 'deliver' | 'expunge' | 'flag' | 'other' | 'begin' | 'look' | 'lookOnly' | 'lookAll' | 'learn';
  readonly n: number;
};
const steps = fc.array(
  fc.record({
    act: fc.constantFrom(
      'deliver',
      'deliver',
      'expunge',
      'flag',
      'other',
      'begin',
      'look',
      'lookOnly',
      'lookAll',
      'learn',
    ),
    n: fc.nat(20),
  }) as fc.Arbitrary<Step>,
  { maxLength: 40 },
);

function change(record: Record, step: Step): void {
  if (step.act === 'deliver') record.deliver();
  else if (step.act === 'expunge') record.expunge(step.n);
  else if (step.act === 'flag') record.flag(step.n);
  else if (step.act === 'other') record.commit({}, false);
}

test('RFC 3501 §7.4.1 whatever happens when, a long-lived session and a fresh one end with the same sequence map', async () => {
  await fc.assert(
    fc.asyncProperty(steps, steps, async (history, concurrent) => {
      const record = new Record();
      const pool = new SnapshotPool();
      const shared = new SharedReads();
      const clients = [new Client(record, pool)];
      // Changes of others, one before each answer of the record.
      const others = [...concurrent];
      record.between = () => {
        const next = others.shift();
        if (next !== undefined) change(record, next);
      };
      for (const step of history) {
        const client = clients[step.n % clients.length]!;
        if (step.act === 'begin') clients.push(new Client(record, pool));
        else if (step.act === 'look') await client.look(true);
        else if (step.act === 'lookOnly') await client.look(false);
        // As idle sessions do that one doorbell wakes.
        else if (step.act === 'lookAll') await Promise.all(clients.map((each) => each.look(true, shared)));
        else if (step.act === 'learn') await client.learn();
        else change(record, step);
      }
      record.between = () => undefined;
      const fresh = new Client(record, pool);
      for (const client of [...clients, fresh]) {
        await client.look(true);
        await client.learn();
        assert.deepEqual(
          client.map,
          [...record.uids].sort((a, b) => a - b),
        );
        assert.equal(await client.view.uids(), await fresh.view.uids(), 'equal lists are one list');
      }
    }),
    { numRuns: 400 },
  );
});

test('RFC 3501 §7.4.1 an expunge that may not be told keeps its sequence number until it may', async () => {
  const record = new Record();
  for (let i = 0; i < 3; i++) record.deliver();
  const client = new Client(record, new SnapshotPool());
  await client.learn();
  record.expunge(1);
  record.deliver();
  await client.look(false);
  await client.learn();
  assert.deepEqual(client.map, [1, 2, 3, 4]);
  await client.look(true);
  await client.learn();
  assert.deepEqual(client.map, [1, 3, 4]);
});

test('counting arrivals needs no list of UIDs', async () => {
  const record = new Record();
  for (let i = 0; i < 3; i++) record.deliver();
  const client = new Client(record, new SnapshotPool());
  record.store = () => assert.fail('not asked again');
  record.deliver();
  const changes = await client.view.follow(true);
  assert.equal(changes.exists, 4);
});

test('an own change of flags is not told again, one of another session is', async () => {
  const record = new Record();
  for (let i = 0; i < 3; i++) record.deliver();
  const { view } = new Client(record, new SnapshotPool());
  view.noteOwnFlags(record.flag(0));
  record.flag(1);
  view.noteOwnFlags(record.flag(2));
  assert.deepEqual((await view.follow(true)).changedEmails, ['e2']);
  assert.deepEqual((await view.follow(true)).changedEmails, []);
});

test('a change log that was cut is made up for by comparing the whole mailbox', async () => {
  const record = new Record();
  for (let i = 0; i < 5; i++) record.deliver();
  const client = new Client(record, new SnapshotPool());
  await client.learn();
  record.expunge(0);
  record.expunge(2);
  record.deliver();
  record.floor = record.modseq;
  await client.look(true);
  await client.learn();
  assert.deepEqual(client.map, [...record.uids]);
});

test('a view that can’t be made up for is lost, a mailbox that was deleted is gone', async () => {
  const record = new Record();
  record.deliver();
  const cut = new Client(record, new SnapshotPool());
  record.deliver();
  record.floor = record.modseq;
  await assert.rejects(cut.view.follow(true), ViewLost);
  const { view } = new Client(record, new SnapshotPool());
  record.isDeleted = true;
  record.commit({ destroyed: { Mailbox: [BOX] } }, false);
  await assert.rejects(view.follow(true), MailboxGone);
});
