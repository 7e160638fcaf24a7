/**
 * APPEND, MULTIAPPEND, delivery and import: new messages, all or none, in one mutation (RFC 3501 §6.3.11, RFC 3502 §3, RFC 8621 §4.8).
 *
 * Promise: a dedupe key that was stored before stores nothing and answers the first message (P2), so that a delivery may be repeated after a doubt.
 * Refusals: 'notFound' (mailbox), 'mailboxRequired', 'overQuota', 'tooMany'.
 */
import type { Keyword } from '../../mail/flags.ts';
import { MAX_KEYWORDS_PER_MESSAGE } from '../../mail/flags.ts';
import type { AccountId, MailboxId, Uid } from '../../mail/ids.ts';
import { newEmailId } from '../../mail/ids.ts';
import { Refusal } from '../../mail/refusal.ts';
import type { AppendedMessage, AppendResult, NewMessage } from '../mail-store.ts';
import type { AccountWriter } from './account-writer.ts';
import { parsedRowOf } from './message-row.ts';
import type { WorkRow } from './message-table.ts';
import type { Forecast, Needs } from './mutation.ts';
import { chooseThread, dedupeThreadKey } from './threading.ts';
import type { UnitOfWork } from './unit-of-work.ts';

/** Messages of one MULTIAPPEND or import. */
export const MAX_APPEND = 1_000;

export async function append(
  writer: AccountWriter,
  account: AccountId,
  items: readonly NewMessage[],
): Promise<AppendResult> {
  if (items.length > MAX_APPEND) throw new Refusal('tooMany', `more than ${MAX_APPEND} messages at once`);
  return writer.mutate(account, {
    needs: appendNeeds(items),
    weight: items.length * 4,
    forecast: appendForecast(items),
    apply: (work) => {
      const messages = items.map((item) => appendOne(work, item));
      return ({ modseq }) => ({ modseq, messages });
    },
  });
}

/** What appending will read. */
export function appendNeeds(items: readonly NewMessage[]): Needs {
  const dedupe = items.flatMap((item) => (item.dedupe === undefined ? [] : [item.dedupe]));
  const threadKeys = items
    .map((item) => parsedRowOf(item.staged.index).traits.lookFor)
    .filter((keys) => keys.length > 0);
  return { dedupe, threadKeys, siblings: true };
}

export const appendForecast = (items: readonly NewMessage[]): Forecast => ({
  states: ['Mailbox', 'Email', 'Thread'],
  bytes: items.reduce((sum, item) => sum + item.staged.ref.size, 0),
  messages: items.length,
});

/** One message into its mailboxes. */
export function appendOne(work: UnitOfWork, item: NewMessage): AppendedMessage {
  const repeated = item.dedupe === undefined ? undefined : work.messages.repeated(item.dedupe);
  if (repeated) return appended(work, repeated, true);
  const mailboxes = targetsOf(work, item.mailboxes);
  const { fields, traits } = parsedRowOf(item.staged.index);
  const thread = chooseThread(work, traits, { receivedAt: item.receivedAt, fold: fields.fold });
  work.keepBody(item.staged);
  const row = work.insert({
    _id: newEmailId(work.at.getTime()),
    thread,
    body: { id: item.staged.ref.id, size: item.staged.ref.size },
    size: item.staged.ref.size,
    receivedAt: item.receivedAt,
    keywords: checkedKeywords(item.keywords),
    mailboxes: mailboxes.map((mailbox) => work.newMembership(mailbox)),
    ...fields,
    ...(item.dedupe !== undefined && {
      dedupe: item.dedupe,
      threadKeys: [...fields.threadKeys, dedupeThreadKey(item.dedupe)],
    }),
  });
  return appended(work, row, false);
}

/** Sorted, without repetition, so that equal sets are equal arrays. Refusal 'tooMany'. */
export function checkedKeywords(keywords: Iterable<Keyword>): Keyword[] {
  const unique = [...new Set(keywords)].sort();
  if (unique.length > MAX_KEYWORDS_PER_MESSAGE) {
    throw new Refusal('tooMany', `more than ${MAX_KEYWORDS_PER_MESSAGE} keywords on a message`, {
      details: ['keywords'],
    });
  }
  return unique;
}

function targetsOf(work: UnitOfWork, mailboxes: NewMessage['mailboxes']): MailboxId[] {
  if ('role' in mailboxes) {
    // A role that no mailbox has falls back to the Inbox: mail that was accepted must go somewhere.
    const id = work.roleHolder(mailboxes.role) ?? work.roleHolder('inbox');
    if (id === null) throw new Refusal('notFound', 'there is no such mailbox', { details: [mailboxes.role] });
    return [id];
  }
  const ids = [...new Set(mailboxes)];
  if (ids.length === 0)
    throw new Refusal('mailboxRequired', 'a message must be in a mailbox', { details: ['mailboxIds'] });
  for (const id of ids) work.mailbox(id);
  return ids;
}

function appended(work: UnitOfWork, row: WorkRow, isRepeat: boolean): AppendedMessage {
  return {
    id: row._id,
    thread: row.thread,
    memberships: row.mailboxes.map(({ id, uid }) => ({
      mailbox: id,
      uidValidity: work.mailbox(id).uidValidity,
      uid: uid as Uid,
    })),
    size: row.size,
    isRepeat,
  };
}
