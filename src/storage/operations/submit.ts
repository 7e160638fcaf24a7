/**
 * JMAP EmailSubmission (RFC 8621 §7.5): the submission's row and the queue row with its body in one mutation, all or none.
 * Refusals: 'notFound' (details: the identity or the email), 'noRecipients'. Who may send as whom is checked before, where the message is made ready.
 */
import type { AccountId } from '../../mail/ids.ts';
import { bucketOf, newQueueId, newSubmissionId } from '../../mail/ids.ts';
import { Refusal } from '../../mail/refusal.ts';
import type { AccountStore, NewSubmission } from '../mail-store.ts';
import type { Submission } from '../model.ts';
import type { Database } from '../mongo/database.ts';
import { type SubmissionRow, submissionOf } from '../mongo/documents.ts';
import { orUnavailable } from '../mongo/transaction.ts';
import type { AccountWriter } from './account-writer.ts';
import { queueRowOf } from './queue-row.ts';
import type { UnitOfWork } from './unit-of-work.ts';

type Submitted = Awaited<ReturnType<AccountStore['submit']>>;

export async function submit(
  database: Database,
  writer: AccountWriter,
  account: AccountId,
  items: readonly NewSubmission[],
): Promise<Submitted> {
  await expectIdentities(database, account, items);
  return writer.mutate<Submitted>(account, {
    needs: { messages: items.map((item) => item.email) },
    weight: items.length * 3,
    forecast: { states: ['EmailSubmission'], bytes: 0, messages: 0 },
    apply: (work) => {
      const submissions = items.map((item) => submitOne(work, item));
      return ({ modseq, before }) => ({ modseq, before, submissions });
    },
  });
}

async function expectIdentities(
  database: Database,
  account: AccountId,
  items: readonly NewSubmission[],
): Promise<void> {
  const ids = [...new Set(items.map((item) => item.identity))];
  const rows = await orUnavailable(() =>
    database.identities.find({ account, _id: { $in: ids } }, { projection: { _id: 1 } }).toArray(),
  );
  const known = new Set(rows.map((row) => row._id));
  const missing = ids.filter((id) => !known.has(id));
  if (missing.length > 0) throw new Refusal('notFound', 'there is no such identity', { details: missing });
}

function submitOne(work: UnitOfWork, item: NewSubmission): Submission {
  const message = work.messages.get(item.email);
  if (message === undefined) throw new Refusal('notFound', 'there is no such message', { details: [item.email] });
  if (item.recipients.length === 0) throw new Refusal('noRecipients', 'nobody to send it to');
  const atMs = work.at.getTime();
  const queue = newQueueId(bucketOf(work.id), atMs);
  const row: SubmissionRow = {
    _id: newSubmissionId(atMs),
    account: work.id,
    identity: item.identity,
    email: item.email,
    thread: message.thread,
    mailFrom: item.envelope.mailFrom,
    rcptTo: item.envelope.rcptTo,
    sendAt: item.sendAt,
    undoStatus: 'pending',
    deliveryStatus: item.envelope.rcptTo.map(({ address }) => ({
      address,
      smtpReply: '250 2.0.0 queued',
      delivered: 'queued',
      displayed: 'unknown',
    })),
    queue,
  };
  const entry = {
    id: queue,
    staged: item.staged,
    skip: item.skip,
    sender: item.envelope.mailFrom,
    senderAccount: work.id,
    source: 'jmap' as const,
    recipients: item.recipients,
    notBefore: item.sendAt,
  };
  work.keepBody(item.staged);
  work.putSubmission(row);
  work.putQueued(queueRowOf(entry, row._id, work.at));
  return submissionOf(row);
}
