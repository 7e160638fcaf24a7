import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DRAFT } from '../../../src/mail/flags.ts';
import type { QueueId, SubmissionId } from '../../../src/mail/ids.ts';
import type { AccountStore, MailStore } from '../../../src/storage/mail-store.ts';
import type { Submission } from '../../../src/storage/model.ts';
import type { RecipientOutcome } from '../../../src/storage/queue-record.ts';
import { mailboxOfRole, messageFor, openFixture } from '../operations/store-fixture.ts';

const fixture = await openFixture();

async function submitted(account: AccountStore): Promise<Submission> {
  const drafts = await mailboxOfRole(account, 'drafts');
  const message = await messageFor(fixture.store, [drafts], { keywords: [DRAFT] });
  const { messages } = await account.append([message]);
  const identity = (await account.identities()).identities[0]!;
  const { submissions } = await account.submit([
    {
      identity: identity.id,
      email: messages[0]!.id,
      envelope: {
        mailFrom: { address: identity.email },
        rcptTo: [{ address: 'a@far.example' }, { address: 'b@other.example' }],
      },
      recipients: [
        { address: 'a@far.example', lane: 'far.example' },
        { address: 'b@other.example', lane: 'other.example' },
      ],
      staged: message.staged,
      skip: 0,
      sendAt: new Date(),
    },
  ]);
  return submissions[0]!;
}

async function record(queue: MailStore['queue'], id: QueueId, state: RecipientOutcome['state']): Promise<string> {
  const entry = (await queue.get(id))!;
  const lane = entry.recipients.find((r) => r.state === 'ready')!.lane;
  const lease = (await queue.claim(id, lane, 'w', 60_000))!;
  const code = state === 'sent' ? 250 : 550;
  const reply = { code, status: `${state === 'sent' ? 2 : 5}.1.1`, lines: ['first', 'second'] } as const;
  const outcomes = lease.recipients.map(({ index }) => ({ index, state, from: 'mx.example', reply: { ...reply } }));
  assert.ok(await queue.record(lease, outcomes as RecipientOutcome[], []));
  return lease.recipients[0]!.recipient.address;
}

async function until(account: AccountStore, id: SubmissionId, isSo: (s: Submission) => boolean): Promise<Submission> {
  for (const deadline = Date.now() + 20_000; ; ) {
    const { submissions } = await account.submissions([id]);
    if (isSo(submissions[0]!)) return submissions[0]!;
    assert.ok(Date.now() < deadline, `not so in time: ${JSON.stringify([...submissions[0]!.deliveryStatus])}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('RFC 8621 §7 deliveryStatus', () => {
  test('follows the queue, as a change that clients are told of', async () => {
    const account = await fixture.account();
    const submission = await submitted(account);
    const before = await account.state();
    const sent = await record(fixture.store.queue, submission.queue, 'sent');
    const one = await until(account, submission.id, (s) => s.deliveryStatus.get(sent)?.delivered === 'unknown');
    assert.equal(one.deliveryStatus.get(sent)?.smtpReply, '250 2.1.1 first second');
    assert.equal(one.undoStatus, 'final');
    const bounced = await record(fixture.store.queue, submission.queue, 'bounced');
    const two = await until(account, submission.id, (s) => s.deliveryStatus.get(bounced)?.delivered === 'no');
    assert.equal(two.deliveryStatus.size, 2);
    assert.equal(two.deliveryStatus.get(sent)?.delivered, 'unknown');
    const { rows } = await account.changesSince(before.modseq);
    assert.ok(rows.some((row) => row.updated.EmailSubmission?.includes(submission.id)));
    assert.ok((await account.state()).states.EmailSubmission > before.states.EmailSubmission);
  });

  test('what a process that died left unreported is reported by the next', async () => {
    const account = await fixture.account();
    const submission = await submitted(account);
    const queue = fixture.raw().collection<{ _id: QueueId; recipients: { state: string }[] }>('queue');
    // As it stands right after the outcome's commit.
    await queue.updateOne(
      { _id: submission.queue },
      { $set: { 'recipients.$[].state': 'sent', reportDue: new Date() }, $unset: { due: 1 } },
    );
    const next = await fixture.another();
    await until(account, submission.id, (s) => [...s.deliveryStatus.values()].every((d) => d.delivered === 'unknown'));
    assert.ok(await next.queue.get(submission.queue));
    await assertCleared(queue, submission.queue);
  });

  test('an account that is gone is not reported to for ever', async () => {
    const account = await fixture.account();
    const submission = await submitted(account);
    await fixture.store.directory.removeAccount(account.account);
    const queue = fixture.raw().collection<{ _id: QueueId; recipients: { state: string }[] }>('queue');
    await record(fixture.store.queue, submission.queue, 'sent');
    await assertCleared(queue, submission.queue);
  });
});

async function assertCleared(
  queue: { findOne(filter: { _id: QueueId }): Promise<object | null> },
  id: QueueId,
): Promise<void> {
  for (const deadline = Date.now() + 20_000; ; ) {
    const row = (await queue.findOne({ _id: id })) as { reportDue?: Date } | null;
    if (row !== null && row.reportDue === undefined) return;
    assert.ok(Date.now() < deadline, 'reportDue still stands');
    await new Promise((resolve) => setImmediate(resolve));
  }
}
