/**
 * Messages of a mailbox by UID, streamed in ascending order; while the consumer works on one batch the next is on its way.
 *
 * The index {account, mailboxes.id, mailboxes.uid} gives them in this order by itself, so nothing is sorted and the first batch comes at once. The server
 * can't promise that for an array, so the order is checked: a batch is put right, and an error says so should batches ever overlap.
 * Memory: two batches.
 */
import type { Filter } from 'mongodb';
import type { AccountId, MailboxId } from '../../mail/ids.ts';
import type { Message, MessageField, UidRange } from '../model.ts';
import type { Database } from '../mongo/database.ts';
import { type MessageRow, messageOf, messageProjection } from '../mongo/documents.ts';
import { orUnavailable } from '../mongo/transaction.ts';
import { UID_INDEX } from './uid-map.ts';

export const BATCH = 500;

export async function* messagesByUid(
  database: Pick<Database, 'messages'>,
  account: AccountId,
  mailbox: MailboxId,
  ranges: readonly UidRange[],
  fields: readonly MessageField[] = [],
): AsyncGenerator<readonly Message[], void, undefined> {
  const projection = messageProjection(fields);
  for (const bounds of boundsOf(ranges)) {
    const filter: Filter<MessageRow> = { account, mailboxes: { $elemMatch: { id: mailbox, uid: bounds } } };
    const cursor = database.messages.find(filter, { projection, hint: UID_INDEX, batchSize: BATCH });
    const next = async (): Promise<MessageRow[]> =>
      orUnavailable(async () => ((await cursor.hasNext()) ? cursor.readBufferedDocuments() : []));
    let coming = next();
    let last = 0;
    try {
      for (;;) {
        const rows = await coming;
        if (rows.length === 0) break;
        coming = next();
        // Whoever stops early never awaits it.
        coming.catch(() => undefined);
        last = putInOrder(rows, mailbox, last);
        yield rows.map((row) => messageOf(row, fields));
      }
    } finally {
      await coming.catch(() => undefined);
      await cursor.close();
    }
  }
}

type Bounds = { readonly $gte: number; readonly $lte: number } | { readonly $in: number[] };

/** Wide ranges as they are; narrow neighbours together, at most a batch of UIDs in one query. */
export function* boundsOf(ranges: readonly UidRange[]): Generator<Bounds> {
  let few: number[] = [];
  for (const { from, to } of ranges) {
    if (to < from) continue;
    const isWide = to - from >= BATCH;
    if (few.length > 0 && (isWide || few.length + (to - from + 1) > BATCH)) {
      yield { $in: few };
      few = [];
    }
    if (isWide) yield { $gte: from, $lte: to };
    else for (let uid: number = from; uid <= to; uid++) few.push(uid);
  }
  if (few.length > 0) yield { $in: few };
}

/** The last UID of the batch. */
function putInOrder(rows: MessageRow[], mailbox: MailboxId, last: number): number {
  let before = last;
  let isOrdered = true;
  for (const row of rows) {
    const uid = uidIn(row, mailbox);
    if (uid <= before) isOrdered = false;
    before = uid;
  }
  if (isOrdered) return before;
  rows.sort((a, b) => uidIn(a, mailbox) - uidIn(b, mailbox));
  const first = uidIn(rows[0]!, mailbox);
  if (first <= last) throw new Error(`mailbox ${mailbox}: UID ${first} came after ${last}`);
  return uidIn(rows.at(-1)!, mailbox);
}

function uidIn(row: MessageRow, mailbox: MailboxId): number {
  for (const membership of row.mailboxes) if (membership.id === mailbox) return membership.uid;
  throw new Error(`message ${row._id} left the mailbox while it was read`);
}
