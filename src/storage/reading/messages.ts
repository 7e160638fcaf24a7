/**
 * Messages and threads by id. What doesn't exist, or not in this account, is left out.
 */
import type { AccountId, EmailId, ThreadId } from '../../mail/ids.ts';
import type { Message, MessageField, Thread } from '../model.ts';
import type { Database } from '../mongo/database.ts';
import { messageOf, messageProjection } from '../mongo/documents.ts';
import { orUnavailable } from '../mongo/transaction.ts';

/** Ids of one query. */
const STEP = 1_000;

export async function messages(
  database: Pick<Database, 'messages'>,
  account: AccountId,
  ids: readonly EmailId[],
  fields: readonly MessageField[] = [],
): Promise<readonly Message[]> {
  const found: Message[] = [];
  for (const _id of steps([...new Set(ids)])) {
    const rows = await orUnavailable(() =>
      database.messages
        .find({ account, _id: { $in: _id } }, { projection: messageProjection(fields), batchSize: STEP + 1 })
        .toArray(),
    );
    for (const row of rows) found.push(messageOf(row, fields));
  }
  return found;
}

/** RFC 8621 §3: the emails of a thread, oldest first by receivedAt. */
export async function threads(
  database: Pick<Database, 'messages'>,
  account: AccountId,
  ids: readonly ThreadId[],
): Promise<readonly Thread[]> {
  const found = new Map<ThreadId, { readonly id: EmailId; readonly at: number }[]>();
  for (const thread of steps([...new Set(ids)])) {
    const rows = await orUnavailable(() =>
      database.messages
        .find({ account, thread: { $in: thread } }, { projection: { thread: 1, receivedAt: 1 }, batchSize: STEP + 1 })
        .toArray(),
    );
    for (const row of rows) {
      const emails = found.get(row.thread) ?? [];
      emails.push({ id: row._id, at: row.receivedAt.getTime() });
      found.set(row.thread, emails);
    }
  }
  return [...found].map(([id, emails]) => ({
    id,
    emails: emails.sort((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1)).map((email) => email.id),
  }));
}

function* steps<Id>(ids: readonly Id[]): Generator<Id[]> {
  for (let i = 0; i < ids.length; i += STEP) yield ids.slice(i, i + STEP);
}
