/** Folding the change log (RFC 8620 §5.2): any page size gives the same whole. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { asModseq } from '../../../../src/mail/ids.ts';
import { Refusal } from '../../../../src/mail/refusal.ts';
import { MethodError } from '../../../../src/protocols/jmap/method-error.ts';
import { foldChanges } from '../../../../src/protocols/jmap/standard/changes.ts';
import type { AccountStore } from '../../../../src/storage/mail-store.ts';
import type { ChangeRow } from '../../../../src/storage/model.ts';

interface Row {
  created?: string[];
  updated?: string[];
  destroyed?: string[];
  isCountsOnly?: boolean;
  other?: boolean;
}

/** A log whose first row has modseq `floor + 1`. */
function accountWith(rows: readonly Row[], floor = 10): AccountStore {
  const log: ChangeRow[] = rows.map((row, index) => ({
    modseq: asModseq(floor + 1 + index),
    created: row.created ? { Email: row.created } : {},
    updated: { ...(row.updated ? { Email: row.updated } : {}), ...(row.other ? { Mailbox: ['m1'] } : {}) },
    destroyed: row.destroyed ? { Email: row.destroyed } : {},
    expunged: [],
    touched: [],
    isMailboxCountsOnly: row.isCountsOnly ?? false,
  }));
  const last = log.findLast((row) => row.created.Email ?? row.updated.Email ?? row.destroyed.Email)?.modseq ?? 1;
  return {
    state: async () => ({ modseq: asModseq(floor + rows.length), floor: asModseq(floor), states: { Email: last } }),
    changesSince: async (since: number, limit = 500) => {
      if (since < floor || since > floor + rows.length) throw new Refusal('cannotCalculateChanges', 'no');
      const page = log.filter((row) => row.modseq > since).slice(0, Math.min(limit, 3));
      const upTo = page.at(-1)?.modseq ?? asModseq(since);
      return { rows: page, upTo, hasMore: upTo < floor + rows.length };
    },
  } as unknown as AccountStore;
}

async function walk(
  account: AccountStore,
  since: string,
  maxChanges: number,
): Promise<{ fates: Map<string, string>; pages: number }> {
  const fates = new Map<string, string>();
  let state = since;
  for (let pages = 1; ; pages++) {
    const { changes } = await foldChanges(account, 'Email', state, maxChanges);
    assert.ok(changes.created.length + changes.updated.length + changes.destroyed.length <= maxChanges);
    for (const id of changes.created) fates.set(id, 'there');
    for (const id of changes.updated) fates.set(id, 'there');
    for (const id of changes.destroyed) fates.set(id, 'gone');
    if (!changes.hasMoreChanges) return { fates, pages };
    assert.notEqual(changes.newState, state, 'a page makes progress');
    state = changes.newState;
    assert.ok(pages < 10_000);
  }
}

test('RFC 8620 §5.2 created then updated is created, created then destroyed is nothing, updated then destroyed is destroyed', async () => {
  const account = accountWith([
    { created: ['a', 'b'] },
    { updated: ['a', 'c', 'd'] },
    { destroyed: ['b', 'c'] },
    { other: true },
  ]);
  const { changes } = await foldChanges(account, 'Email', '10', 100);
  assert.deepEqual(changes, {
    newState: '13',
    hasMoreChanges: false,
    created: ['a'],
    updated: ['d'],
    destroyed: ['c'],
  });
});

test('RFC 8620 §5.2 no change of the type is an empty difference in the same state', async () => {
  const account = accountWith([{ created: ['a'] }, { other: true }, { other: true }]);
  for (const state of ['11', '12', '13']) {
    const { changes } = await foldChanges(account, 'Email', state, 100);
    assert.deepEqual(changes, { newState: state, hasMoreChanges: false, created: [], updated: [], destroyed: [] });
  }
});

test('RFC 8620 §5.2 a state that is not ours, too old or of the future can not be calculated', async () => {
  const account = accountWith([{ created: ['a', 'b'] }, { updated: ['a'] }]);
  for (const state of [
    '',
    'x',
    '-1',
    '9',
    '99',
    '1e3',
    '11-',
    '11-0',
    '11-3',
    '99999999999999999999',
    '12-9',
    '10.5',
  ]) {
    await assert.rejects(
      foldChanges(account, 'Email', state, 100),
      (error) =>
        (error instanceof MethodError && error.type === 'cannotCalculateChanges') ||
        (error instanceof Refusal && error.code === 'cannotCalculateChanges'),
      state,
    );
  }
});

test('RFC 8620 §5.2 maxChanges of 1 pages through a row of many ids and loses none', async () => {
  const account = accountWith([{ created: ['a', 'b', 'c'] }, { other: true }, { updated: ['b'], destroyed: ['a'] }]);
  const { fates, pages } = await walk(account, '10', 1);
  assert.deepEqual(
    fates,
    new Map([
      ['a', 'gone'],
      ['b', 'there'],
      ['c', 'there'],
    ]),
  );
  assert.equal(pages, 5);
});

test('RFC 8621 §2.2 rows that changed counts only are told apart', async () => {
  const counts = accountWith([
    { updated: ['a'], isCountsOnly: true },
    { updated: ['b'], isCountsOnly: true },
  ]);
  assert.equal((await foldChanges(counts, 'Email', '10', 10)).isCountsOnly, true);
  const mixed = accountWith([{ updated: ['a'], isCountsOnly: true }, { updated: ['a'] }]);
  assert.equal((await foldChanges(mixed, 'Email', '10', 10)).isCountsOnly, false);
});

test('RFC 8620 §5.2 every page size and every starting state lead to the same end', async () => {
  const ids = fc.subarray(['a', 'b', 'c', 'd', 'e']);
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ toggled: ids, updated: ids }), { maxLength: 12 }),
      fc.integer({ min: 1, max: 4 }),
      async (steps, maxChanges) => {
        // Ids are never used twice: each life has its own.
        const lives = new Map<string, number>();
        const alive = new Set<string>();
        const rows: Row[] = steps.map(({ toggled, updated }) => {
          const nameOf = (id: string) => `${id}${lives.get(id) ?? 0}`;
          const destroyed = toggled.map(nameOf).filter((id) => alive.has(id));
          const created = toggled
            .filter((id) => !alive.has(nameOf(id)))
            .map((id) => {
              lives.set(id, (lives.get(id) ?? 0) + 1);
              return nameOf(id);
            });
          const changed = updated.map(nameOf).filter((id) => alive.has(id) && !destroyed.includes(id));
          for (const id of destroyed) alive.delete(id);
          for (const id of created) alive.add(id);
          return { created, updated: changed, destroyed, other: true };
        });
        const account = accountWith(rows);
        const { fates } = await walk(account, '10', maxChanges);
        const there = [...fates].filter(([, fate]) => fate === 'there').map(([id]) => id);
        assert.deepEqual(new Set(there), alive);
      },
    ),
    { numRuns: 150 },
  );
});
