/**
 * The first operation of every mutating transaction: it writes the account, so that whoever comes second conflicts at once, and reads it as it was.
 *
 * It writes what the mutations will most likely come to (one modseq each, the states of their types, octets and messages); when they come to something
 * else, the flush corrects it within the same transaction.
 */
import type { ClientSession } from 'mongodb';
import type { AccountId } from '../../mail/ids.ts';
import type { StateType } from '../model.ts';
import type { Database } from '../mongo/database.ts';
import type { Mutation } from './mutation.ts';
import type { AccountCounters } from './unit-of-work.ts';

export interface AccountLock {
  readonly before: AccountCounters;
  /** As this transaction has it now. */
  readonly after: AccountCounters;
}

const PROJECTION = {
  modseq: 1,
  floor: 1,
  states: 1,
  usedBytes: 1,
  usedMessages: 1,
  maxBytes: 1,
  maxMessages: 1,
  lastUidValidity: 1,
} as const;

/** Null: there is no such account. */
export async function lockAccount(
  database: Database,
  session: ClientSession,
  account: AccountId,
  mutations: readonly Pick<Mutation<unknown>, 'forecast'>[],
): Promise<AccountLock | null> {
  const states: Partial<Record<StateType, number>> = {};
  let bytes = 0;
  let messages = 0;
  mutations.forEach(({ forecast }, i) => {
    if (forecast === undefined) return;
    for (const type of forecast.states) states[type] = i + 1;
    bytes += forecast.bytes;
    messages += forecast.messages;
  });
  const $set: Record<string, unknown> = { modseq: { $add: ['$modseq', mutations.length] } };
  for (const [type, offset] of Object.entries(states)) $set[`states.${type}`] = { $add: ['$modseq', offset] };
  if (bytes !== 0) $set['usedBytes'] = { $add: ['$usedBytes', bytes] };
  if (messages !== 0) $set['usedMessages'] = { $add: ['$usedMessages', messages] };

  const before = (await database.accounts.findOneAndUpdate(
    { _id: account, removedAt: { $exists: false } },
    [{ $set }],
    {
      session,
      returnDocument: 'before',
      projection: PROJECTION,
    },
  )) as AccountCounters | null;
  if (before === null) return null;
  const after = {
    ...before,
    modseq: before.modseq + mutations.length,
    states: { ...before.states },
    usedBytes: before.usedBytes + bytes,
    usedMessages: before.usedMessages + messages,
  };
  for (const [type, offset] of Object.entries(states)) after.states[type as StateType] = before.modseq + offset;
  return { before, after };
}
