/**
 * IMAP COPY and MOVE (RFC 3501 §6.4.7, RFC 6851 §3.1): all or none, in one mutation.
 *
 * A copy is another membership of the same message; where the message is in the target already, a second row with the same octets is made, since a message
 * has one UID in a mailbox. A move into the mailbox it is in gives a new UID. The \Deleted of the source is not taken along: a copy that
 * vanishes with the next EXPUNGE serves nobody. Refusals: 'notFound' (either mailbox), 'tooMany' beyond MAX_ROWS_PER_MUTATION, 'overQuota' (second rows).
 */
import type { AccountId, MailboxId, Uid } from '../../mail/ids.ts';
import { newEmailId } from '../../mail/ids.ts';
import { Refusal } from '../../mail/refusal.ts';
import type { CopyResult } from '../mail-store.ts';
import type { UidRange } from '../model.ts';
import type { AccountWriter } from './account-writer.ts';
import { isWhole, type Located, membershipIn } from './message-table.ts';
import { MAX_ROWS_PER_MUTATION } from './mutation.ts';
import { dedupeThreadKey } from './threading.ts';
import { span } from './uid-steps.ts';
import type { UnitOfWork } from './unit-of-work.ts';

export function copyOrMove(
  writer: AccountWriter,
  account: AccountId,
  mode: 'copy' | 'move',
  source: MailboxId,
  uids: readonly UidRange[],
  target: MailboxId,
): Promise<CopyResult> {
  const need = { mailbox: source, ranges: uids };
  return writer.mutate(account, {
    needs: { uids: [need], siblings: true },
    weight: Math.min(span(uids), MAX_ROWS_PER_MUTATION),
    forecast: { states: ['Mailbox', 'Email'], bytes: 0, messages: 0 },
    apply: (work) => {
      work.mailbox(source);
      const { uidValidity } = work.mailbox(target);
      const found = work.messages.inMailbox(need);
      if (found.length > MAX_ROWS_PER_MUTATION) {
        throw new Refusal('tooMany', `more than ${MAX_ROWS_PER_MUTATION} messages at once`);
      }
      work.messages.expectThreads(found.map(({ row }) => row.thread));
      if (mode === 'copy') {
        work.messages.expectWhole(found.filter(({ row }) => membershipIn(row, target)).map(({ row }) => row._id));
      }
      const one = mode === 'copy' ? copyOne : moveOne;
      const pairs = found.map((located) => ({
        from: located.membership.uid as Uid,
        to: one(work, located, target),
      }));
      return ({ modseq }) => ({ modseq, uidValidity, pairs });
    },
  });
}

function copyOne(work: UnitOfWork, { row }: Located, target: MailboxId): Uid {
  const membership = work.newMembership(target);
  if (membershipIn(row, target) === undefined) {
    work.update(row, { mailboxes: [...row.mailboxes, membership] });
    return membership.uid as Uid;
  }
  const whole = work.messages.get(row._id);
  if (whole === undefined || !isWhole(whole)) throw new Error('a message to copy is not whole');
  const { modseq: _modseq, createdModseq: _created, account: _account, dedupe, ...rest } = whole;
  const repeatKey = dedupe === undefined ? undefined : dedupeThreadKey(dedupe);
  const threadKeys = rest.threadKeys.filter((key) => key !== repeatKey);
  work.insert({ ...rest, threadKeys, _id: newEmailId(work.at.getTime()), mailboxes: [membership] });
  return membership.uid as Uid;
}

function moveOne(work: UnitOfWork, { row, membership: left }: Located, target: MailboxId): Uid {
  const kept = row.mailboxes.filter((m) => m.id !== left.id && m.id !== target);
  const there = left.id === target ? undefined : membershipIn(row, target);
  // It is there already: leaving the source is all that a move can do, and the UID there stays true.
  const arrived = there ?? work.newMembership(target);
  work.update(row, { mailboxes: [...kept, arrived] });
  return arrived.uid as Uid;
}
