import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type AttemptResult, decideOutcomes, ownReply } from '../../../src/delivery/queue/outcome.ts';
import { DEFAULT_RETRY_POLICY } from '../../../src/delivery/queue/retry-schedule.ts';
import type { QueueEntry, QueueRecipient } from '../../../src/storage/queue-record.ts';
import { EPOCH, entryOf, leaseOf, recipientOf } from '../support/entries.ts';

const BODY = Buffer.from('Subject: x\r\n\r\n');
const OK = ownReply(250, '2.0.0', 'ok');
const LATER = ownReply(451, '4.3.0', 'later');
const NO = ownReply(550, '5.1.1', 'no');
const after = (seconds: number): Date => new Date(EPOCH.getTime() + seconds * 1_000);

function decide(entry: QueueEntry, results: readonly Omit<AttemptResult, 'from'>[], now = EPOCH) {
  return decideOutcomes({
    lease: leaseOf(entry),
    results: results.map((result) => ({ ...result, from: 'mx.there.test' })),
    policy: DEFAULT_RETRY_POLICY,
    now,
    random: () => 0.5,
  });
}
const you = (more: Partial<QueueRecipient> = {}): QueueRecipient => recipientOf('you@there.test', more);
const kinds = (entry: QueueEntry, result: Omit<AttemptResult, 'from' | 'index'>, now = EPOCH): string[] =>
  decide(entry, [{ index: 0, ...result }], now).notices.map(({ kind }) => kind);

test('RFC 3461 §4.1 NOTIFY decides which notices are made', () => {
  const sent = (handover: 'final' | 'dsn' | 'none') => ({ result: 'sent', reply: OK, handover }) as const;
  const bounced = { result: 'bounced', reply: NO } as const;
  const deferred = { result: 'deferred', reply: LATER } as const;
  const fiveHours = after(5 * 3_600);
  const past = after(80 * 3_600);
  const table: readonly (readonly [QueueRecipient, Parameters<typeof kinds>[1], Date, readonly string[]])[] = [
    [you(), bounced, EPOCH, ['failed']],
    [you({ notify: ['failure'] }), bounced, EPOCH, ['failed']],
    [you({ notify: ['never'] }), bounced, EPOCH, []],
    [you({ notify: ['success'] }), bounced, EPOCH, []],
    [you(), deferred, EPOCH, []],
    [you(), deferred, fiveHours, ['delayed']],
    [you({ notify: ['failure'] }), deferred, fiveHours, []],
    [you({ notify: ['delay'] }), deferred, fiveHours, ['delayed']],
    [you(), deferred, past, ['failed']],
    [you(), sent('final'), EPOCH, []],
    [you({ notify: ['success'] }), sent('final'), EPOCH, ['delivered']],
    [you({ notify: ['success'] }), sent('none'), EPOCH, ['relayed']],
    [you({ notify: ['success'] }), sent('dsn'), EPOCH, []],
  ];
  for (const [recipient, result, now, expected] of table) {
    assert.deepEqual(
      kinds(entryOf(BODY, [recipient]), result, now),
      expected,
      JSON.stringify([recipient.notify, result]),
    );
  }
});

test('RFC 5321 §4.5.5 nothing is sent back to the null reverse-path, nor about a notice', () => {
  const bounced = { result: 'bounced', reply: NO } as const;
  assert.deepEqual(kinds(entryOf(BODY, [you()], { sender: { address: '' } }), bounced), []);
  assert.deepEqual(kinds(entryOf(BODY, [you()], { source: 'notice' }), bounced), []);
});

test('what failed of one message at one time is told in one notice', () => {
  const entry = entryOf(BODY, [you(), recipientOf('b@there.test'), recipientOf('c@there.test')]);
  const { outcomes, notices } = decide(entry, [
    { index: 0, result: 'bounced', reply: NO },
    { index: 1, result: 'sent', reply: OK },
    { index: 2, result: 'bounced', reply: NO },
  ]);
  assert.deepEqual(
    outcomes.map(({ index, state }) => `${index} ${state}`),
    ['0 bounced', '1 sent', '2 bounced'],
  );
  assert.equal(notices.length, 1);
  assert.deepEqual(
    notices[0]!.recipients.map(({ recipient }) => recipient.address),
    ['you@there.test', 'c@there.test'],
  );
});

test('a lane comes again at the earliest time of what was deferred and what was not due yet', () => {
  const waiting = recipientOf('w@there.test', { state: 'deferred', nextAt: after(30) });
  const entry = entryOf(BODY, [you(), waiting]);
  const lease = { ...leaseOf(entry), recipients: [{ index: 0, recipient: entry.recipients[0]! }] };
  const base = { lease, policy: DEFAULT_RETRY_POLICY, now: EPOCH, random: () => 0.5 };
  const result = { index: 0, reply: LATER, from: '' };
  assert.deepEqual(decideOutcomes({ ...base, results: [{ ...result, result: 'deferred' }] }).nextAt, after(30));
  assert.deepEqual(decideOutcomes({ ...base, results: [{ ...result, result: 'sent' }] }).nextAt, after(30));
  const soon = decideOutcomes({ ...base, results: [{ ...result, result: 'deferred', retryWithinMs: 5_000 }] });
  assert.deepEqual(soon.nextAt, after(5));
});

test('a lane with nothing left is not due again', () => {
  assert.equal(decide(entryOf(BODY, [you()]), [{ index: 0, result: 'sent', reply: OK }]).nextAt, null);
});
