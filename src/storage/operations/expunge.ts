/**
 * EXPUNGE and UID EXPUNGE (RFC 3501 §6.4.3, RFC 4315 §2.1): ends the memberships with \Deleted; a message without any membership is destroyed.
 * More than MAX_ROWS_PER_MUTATION are done in steps, each a mutation of its own and each a consistent state. Refusal: 'notFound'.
 */
import type { AccountId, MailboxId, Modseq, Uid } from '../../mail/ids.ts';
import type { UidRange } from '../model.ts';
import type { Database } from '../mongo/database.ts';
import type { AccountWriter } from './account-writer.ts';
import { MAX_ROWS_PER_MUTATION, type UidNeed } from './mutation.ts';
import { EVERY_UID, span, splitByCount } from './uid-steps.ts';

export interface Expunged {
  readonly modseq: Modseq;
  readonly uids: readonly Uid[];
}

/** Memberships of one step: a long transaction holds up the account's deliveries. */
const STEP = 5_000;

export async function expunge(
  database: Database,
  writer: AccountWriter,
  account: AccountId,
  mailbox: MailboxId,
  uids: readonly UidRange[] = EVERY_UID,
): Promise<Expunged> {
  const isShort = span(uids) <= STEP;
  const steps: (readonly UidRange[])[] = isShort
    ? [uids]
    : await splitByCount(database, account, mailbox, uids, STEP, true);
  // Nothing to do: still the one place that knows whether there is such a mailbox, and the modseq.
  if (steps.length === 0) steps.push([]);
  const gone: Uid[] = [];
  let modseq = 0 as Modseq;
  for (const ranges of steps) {
    const step = await endMemberships(writer, account, { mailbox, ranges, onlyDeleted: true });
    modseq = step.modseq;
    gone.push(...step.uids);
  }
  return { modseq, uids: gone };
}

/** One mutation that takes the named messages out of the mailbox. */
export function endMemberships(writer: AccountWriter, account: AccountId, need: UidNeed): Promise<Expunged> {
  const { mailbox, ranges } = need;
  return writer.mutate(account, {
    needs: { uids: [need], siblings: true },
    weight: Math.min(span(ranges), MAX_ROWS_PER_MUTATION),
    apply: (work) => {
      work.mailbox(mailbox);
      const found = work.messages.inMailbox(need);
      work.messages.expectThreads(found.map(({ row }) => row.thread));
      for (const { row } of found) work.update(row, { mailboxes: row.mailboxes.filter((m) => m.id !== mailbox) });
      const uids = found.map(({ membership }) => membership.uid as Uid);
      return ({ modseq }) => ({ modseq, uids });
    },
  });
}
