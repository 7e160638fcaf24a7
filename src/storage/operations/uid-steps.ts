/**
 * Sets of UIDs: how many they may name, and how to do a large set in steps of so many messages that exist.
 */

import type { Filter, FindOptions } from 'mongodb';
import type { AccountId, MailboxId } from '../../mail/ids.ts';
import { asUid } from '../../mail/ids.ts';
import type { UidRange } from '../model.ts';
import type { Database } from '../mongo/database.ts';
import type { MessageRow } from '../mongo/documents.ts';
import { BY_UID, DELETED_INDEX } from '../mongo/indexes.ts';
import { orUnavailable } from '../mongo/transaction.ts';
import { isInRanges } from './message-table.ts';

/** UIDs that the ranges could name. */
export const span = (ranges: readonly UidRange[]): number =>
  ranges.reduce((sum, { from, to }) => sum + Math.max(0, to - from + 1), 0);

/** All UIDs. */
export const EVERY_UID: readonly UidRange[] = [{ from: asUid(1), to: asUid(2 ** 32 - 1) }];

/** The same UIDs, ascending, cut so that each part names at most `count` messages. Messages that come in between belong to no part. */
export async function splitByCount(
  database: Database,
  account: AccountId,
  mailbox: MailboxId,
  ranges: readonly UidRange[],
  count: number,
  onlyDeleted = false,
): Promise<UidRange[][]> {
  const uids = await existingUids(database, account, mailbox, ranges, onlyDeleted);
  const steps: UidRange[][] = [];
  for (let i = 0; i < uids.length; i += count) steps.push(rangesOf(uids.slice(i, i + count)));
  return steps;
}

/** UIDs that are asked for one by one; more, in several ranges, are asked for as one range around all. */
export const MAX_SINGLE_UIDS = 20_000;

/** The query for messages of the ranges; it may find some in between, too. `ranges` is not empty. */
export function uidQuery(
  account: AccountId,
  mailbox: MailboxId,
  ranges: readonly UidRange[],
  onlyDeleted: boolean,
): { readonly filter: Filter<MessageRow>; readonly hint: NonNullable<FindOptions['hint']> } {
  const uid =
    ranges.length > 1 && span(ranges) <= MAX_SINGLE_UIDS
      ? { $in: [...new Set(ranges.flatMap(eachUid))] }
      : { $gte: Math.min(...ranges.map((range) => range.from)), $lte: Math.max(...ranges.map((range) => range.to)) };
  if (!onlyDeleted) return { filter: { account, mailboxes: { $elemMatch: { id: mailbox, uid } } }, hint: BY_UID };
  return {
    filter: { account, 'mailboxes.deleted': true, mailboxes: { $elemMatch: { id: mailbox, uid, deleted: true } } },
    hint: DELETED_INDEX,
  };
}

const eachUid = ({ from, to }: UidRange): number[] =>
  Array.from({ length: Math.max(0, to - from + 1) }, (_nothing, i) => from + i);

async function existingUids(
  database: Database,
  account: AccountId,
  mailbox: MailboxId,
  ranges: readonly UidRange[],
  onlyDeleted: boolean,
): Promise<number[]> {
  if (ranges.length === 0) return [];
  const { filter, hint } = uidQuery(account, mailbox, ranges, onlyDeleted);
  const rows = database.messages.find(filter, {
    projection: { _id: 0, mailboxes: { $elemMatch: { id: mailbox } } },
    hint,
  });
  const uids: number[] = [];
  await orUnavailable(async () => {
    for await (const { mailboxes } of rows) {
      const uid = mailboxes[0]?.uid;
      if (uid !== undefined && isInRanges(uid, ranges)) uids.push(uid);
    }
  });
  return uids.sort((a, b) => a - b);
}

/** Ascending UIDs as ranges. */
export function rangesOf(uids: readonly number[]): UidRange[] {
  const ranges: { from: number; to: number }[] = [];
  for (const uid of uids) {
    const last = ranges.at(-1);
    if (last?.to === uid - 1) last.to = uid;
    else ranges.push({ from: uid, to: uid });
  }
  return ranges as UidRange[];
}
