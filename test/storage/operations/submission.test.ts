import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import type { EmailId, IdentityId, SubmissionId } from '../../../src/mail/ids.ts';
import { asModseq } from '../../../src/mail/ids.ts';
import { Refusal } from '../../../src/mail/refusal.ts';
import type { AccountStore, NewSubmission } from '../../../src/storage/mail-store.ts';
import type { IdentityRow, QueueRow, SubmissionRow } from '../../../src/storage/mongo/documents.ts';
import type { QueueDue } from '../../../src/storage/queue-record.ts';
import { assertConsistent } from './recount.ts';
import { messageFor, openFixture } from './store-fixture.ts';

const fixture = await openFixture();
const { store } = fixture;
const used: AccountStore[] = [];
afterEach(async () => {
  for (const { account } of used.splice(0)) await assertConsistent(fixture.raw(), account);
});
const refusedAs = (code: string) => (error: unknown) => error instanceof Refusal && error.code === code;

async function ready(): Promise<{ account: AccountStore; submission: NewSubmission }> {
  const account = await fixture.account();
  used.push(account);
  const item = await messageFor(store, { role: 'sent' });
  const [message] = (await account.append([item])).messages;
  const identity = await fixture.raw().collection<IdentityRow>('identities').findOne({ account: account.account });
  const rcptTo = [{ address: 'far@example.com' }];
  const submission: NewSubmission = {
    identity: identity!._id,
    email: message!.id,
    envelope: { mailFrom: { address: identity!.email }, rcptTo },
    recipients: [{ ...rcptTo[0]!, lane: 'example.com' }],
    staged: (await messageFor(store, { role: 'sent' })).staged,
    skip: 0,
    sendAt: new Date(),
  };
  return { account, submission };
}

test('RFC 8621 §7.5 a submission, its queue row and its body come in one mutation, and the queue is told', async () => {
  const { account, submission } = await ready();
  const told: QueueDue[] = [];
  const stop = store.queue.onAccepted((dues) => told.push(...dues));
  const before = await account.state();
  const { modseq, submissions } = await account.submit([submission]);
  stop();
  const [made] = submissions;
  assert.equal(modseq, before.modseq + 1);
  assert.equal(made!.undoStatus, 'pending');
  assert.deepEqual(
    told.map((due) => [due.id, due.lane]),
    [[made!.queue, 'example.com']],
  );
  const row = await fixture.raw().collection<QueueRow>('queue').findOne({ _id: made!.queue });
  assert.deepEqual([row!.submission, row!.recipients[0]!.state, row!.due], [made!.id, 'ready', row!.acceptedAt]);
  const { rows } = await account.changesSince(asModseq(modseq - 1));
  assert.deepEqual(rows[0]!.created, { EmailSubmission: [made!.id] });
  assert.equal((await account.state()).states.EmailSubmission, modseq);
  assert.ok(await fixture.raw().collection<{ _id: string }>('bodies.files').findOne({ _id: submission.staged.ref.id }));
});

test('several submissions are all or none', async () => {
  const { account, submission } = await ready();
  const before = await account.state();
  const bad = { ...submission, email: 'enowhere' as EmailId };
  await assert.rejects(account.submit([submission, bad]), refusedAs('notFound'));
  await assert.rejects(account.submit([{ ...submission, identity: 'inone' as IdentityId }]), refusedAs('notFound'));
  await assert.rejects(account.submit([{ ...submission, recipients: [] }]), refusedAs('noRecipients'));
  assert.deepEqual(await account.state(), before);
  assert.equal(await fixture.raw().collection('queue').countDocuments({ senderAccount: account.account }), 0);
});

test('RFC 8621 §7.5 a submission that nobody tried yet can be undone; whoever claims it finds nothing', async () => {
  const { account, submission } = await ready();
  const [made] = (await account.submit([submission])).submissions;
  const cancelled = await account.cancelSubmission(made!.id);
  const row = await fixture.raw().collection<SubmissionRow>('submissions').findOne({ _id: made!.id });
  assert.equal(row!.undoStatus, 'canceled');
  assert.equal(await store.queue.claim(made!.queue, 'example.com', 'me', 60_000), null);
  // Again: it is so already.
  assert.equal((await account.cancelSubmission(made!.id)).modseq, cancelled.modseq);
  await assert.rejects(account.cancelSubmission('snone' as SubmissionId), refusedAs('notFound'));
});

test('a submission that is on its way can not be undone', async () => {
  const { account, submission } = await ready();
  const [made] = (await account.submit([submission])).submissions;
  assert.ok(await store.queue.claim(made!.queue, 'example.com', 'me', 60_000));
  await assert.rejects(account.cancelSubmission(made!.id), refusedAs('cannotUnsend'));
});

test('of an undo and a claim at the same moment exactly one wins', { timeout: 60_000 }, async () => {
  for (let round = 0; round < 8; round++) {
    const { account, submission } = await ready();
    const [made] = (await account.submit([submission])).submissions;
    const [undo, lease] = await Promise.allSettled([
      account.cancelSubmission(made!.id),
      store.queue.claim(made!.queue, 'example.com', 'me', 60_000),
    ]);
    assert.equal(lease.status, 'fulfilled');
    const isClaimed = lease.status === 'fulfilled' && lease.value !== null;
    assert.equal(isClaimed, undo.status === 'rejected');
  }
});
