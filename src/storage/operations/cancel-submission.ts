/**
 * Undo send (RFC 8621 §7.5: undoStatus to 'canceled'): possible while no recipient was ever tried. The queue row and the submission change in one mutation,
 * so that a worker that claims at the same moment conflicts with it: one of the two wins.
 * Refusals: 'notFound', 'cannotUnsend'.
 */
import type { AccountId, SubmissionId } from '../../mail/ids.ts';
import { Refusal } from '../../mail/refusal.ts';
import type { AccountStore } from '../mail-store.ts';
import type { Database } from '../mongo/database.ts';
import { orUnavailable } from '../mongo/transaction.ts';
import type { AccountWriter } from './account-writer.ts';

type Cancelled = Awaited<ReturnType<AccountStore['cancelSubmission']>>;

export async function cancelSubmission(
  database: Database,
  writer: AccountWriter,
  account: AccountId,
  id: SubmissionId,
): Promise<Cancelled> {
  const known = await orUnavailable(() =>
    database.submissions.findOne({ account, _id: id }, { projection: { queue: 1 } }),
  );
  if (known === null) throw new Refusal('notFound', 'there is no such submission', { details: [id] });
  return writer.mutate<Cancelled>(account, {
    needs: { submissions: [id], queue: [known.queue] },
    weight: 2,
    forecast: { states: ['EmailSubmission'], bytes: 0, messages: 0 },
    apply: (work) => {
      const row = work.submission(id);
      if (row === undefined) throw new Refusal('notFound', 'there is no such submission', { details: [id] });
      if (row.undoStatus !== 'canceled') {
        const entry = work.queued(row.queue);
        const isUntouched = entry?.recipients.every(({ state, attempts }) => state === 'ready' && attempts === 0);
        if (row.undoStatus === 'final' || entry === undefined || !isUntouched) {
          throw new Refusal('cannotUnsend', 'the message is on its way already');
        }
        const { due: _due, ...rest } = entry;
        work.putQueued({
          ...rest,
          recipients: entry.recipients.map((recipient) => ({ ...recipient, state: 'cancelled' })),
          finishedAt: work.at,
        });
        work.putSubmission({ ...row, undoStatus: 'canceled' });
      }
      return ({ modseq, before }) => ({ modseq, before });
    },
  });
}
