/** The paths that a real record doesn't take on demand: it fails at a chosen moment, or another worker has the lease. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type AttemptResult, ownReply } from '../../../src/delivery/queue/outcome.ts';
import { DEFAULT_RETRY_POLICY } from '../../../src/delivery/queue/retry-schedule.ts';
import type { Schedule, ScheduledItem } from '../../../src/delivery/queue/schedule.ts';
import { type AttemptContext, type WorkOptions, workItem } from '../../../src/delivery/queue/work-item.ts';
import { Deferral } from '../../../src/mail/refusal.ts';
import { silentLog } from '../../../src/server/log.ts';
import type { NewQueueEntry, RecipientOutcome, RecipientState } from '../../../src/storage/queue-record.ts';
import { EPOCH, entryOf, leaseOf, recipientOf } from '../support/entries.ts';
import { MovingClock } from '../support/moving-clock.ts';

const LEASE_MS = 30_000;
const entry = entryOf(Buffer.from('Subject: x\r\n\r\n'), [recipientOf('you@there.test')]);
const item: ScheduledItem = { id: entry.id, lane: 'there.test' };
const sent: AttemptResult = { index: 0, result: 'sent', reply: ownReply(250, '2.0.0', 'ok'), from: 'mx' };
const bounced: AttemptResult = { index: 0, result: 'bounced', reply: ownReply(550, '5.1.1', 'no'), from: 'mx' };
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function world(more: Partial<WorkOptions> = {}, queue: Partial<WorkOptions['queue']> = {}) {
  const clock = new MovingClock();
  const finished: (Date | null)[] = [];
  const records: { readonly outcomes: readonly RecipientOutcome[]; readonly notices: readonly NewQueueEntry[] }[] = [];
  const options: WorkOptions = {
    queue: {
      claim: async () => leaseOf(entry),
      extend: async () => true,
      beginSending: async () => true,
      record: async (_lease, outcomes, notices) => {
        records.push({ outcomes, notices });
        return true;
      },
      get: async () => null,
      ...queue,
    },
    schedule: {
      finish: async (_item: ScheduledItem, nextAt: Date | null) => {
        finished.push(nextAt);
      },
      extend: async () => true,
    } as unknown as Schedule,
    attempt: async () => [sent],
    composeNotice: async () => ({ id: 'notice' }) as unknown as NewQueueEntry,
    owner: 'one',
    leaseMs: LEASE_MS,
    policy: DEFAULT_RETRY_POLICY,
    clock,
    random: () => 0.5,
    log: silentLog,
    signal: new AbortController().signal,
    ...more,
  };
  return { clock, finished, records, options };
}

test('an outcome that can not be written now is written as soon as it can, without a second attempt', async () => {
  let attempts = 0;
  let fails = 3;
  const { clock, finished, options } = world(
    {
      attempt: async () => {
        attempts += 1;
        return [sent];
      },
    },
    {
      record: async () => {
        if (fails-- > 0) throw new Deferral('unavailable', 'no primary');
        return true;
      },
    },
  );
  const done = workItem(options, item);
  while (finished.length === 0) {
    clock.advance(1_000);
    await turn();
  }
  await done;
  assert.equal(attempts, 1);
  assert.equal(fails, -1);
  assert.deepEqual(finished, [null]);
});

test('a failure and its notice are one record', async () => {
  const { records, options } = world({ attempt: async () => [bounced] });
  await workItem(options, item);
  assert.equal(records.length, 1);
  assert.equal(records[0]!.outcomes[0]!.state, 'bounced');
  assert.equal(records[0]!.notices.length, 1);
});

test('a notice that can not be composed whole is composed bare, not left out', async () => {
  const tries: boolean[] = [];
  const { clock, records, options } = world({
    attempt: async () => [bounced],
    composeNotice: async (_entry, _group, { isBare }) => {
      tries.push(isBare);
      if (!isBare) throw new Error('broken original');
      return { id: 'bare' } as unknown as NewQueueEntry;
    },
  });
  const done = workItem(options, item);
  while (records.length === 0) {
    clock.advance(1_000);
    await turn();
  }
  await done;
  assert.deepEqual(tries, [false, false, false, true]);
  assert.equal(records[0]!.notices.length, 1);
});

test('a lease is extended while its work lasts, and the work ends when it is lost', async () => {
  let extensions = 0;
  let context: AttemptContext | null = null;
  const { clock, finished, options } = world(
    {
      attempt: (_lease, given) => {
        context = given;
        return new Promise((resolve) => {
          given.signal.addEventListener('abort', () => resolve([{ ...sent, result: 'deferred' }]));
        });
      },
    },
    {
      extend: async () => ++extensions < 3,
      record: async () => false,
    },
  );
  const done = workItem(options, item);
  while (extensions < 3) {
    clock.advance(LEASE_MS / 3);
    await turn();
  }
  await done;
  assert.equal(await context!.beginSending([0]), false);
  assert.equal(finished.length, 1);
});

test('an attempt that fails by a defect defers, and nothing is lost', async () => {
  const { records, options } = world({ attempt: () => Promise.reject(new TypeError('defect')) });
  await workItem(options, item);
  assert.equal(records[0]!.outcomes[0]!.state, 'deferred');
});

test('what another holder works on comes up again after its lease, what is done does not', async () => {
  const found = (state: RecipientState) =>
    entryOf(Buffer.alloc(0), [recipientOf('you@there.test', { state, nextAt: EPOCH })]);
  for (const [state, expected] of [
    ['leased', new Date(EPOCH.getTime() + LEASE_MS)],
    ['sending', new Date(EPOCH.getTime() + LEASE_MS)],
    ['deferred', new Date(EPOCH.getTime() + 5_000)],
    ['sent', null],
    ['cancelled', null],
  ] as const) {
    const { finished, options } = world({}, { claim: async () => null, get: async () => found(state) });
    await workItem(options, item);
    assert.deepEqual(finished, [expected], state);
  }
});

test('a claim that can not be made now is made again soon', async () => {
  const { finished, options } = world({}, { claim: () => Promise.reject(new Deferral('unavailable', 'no primary')) });
  await workItem(options, item);
  assert.deepEqual(finished, [new Date(EPOCH.getTime() + 5_000)]);
});
