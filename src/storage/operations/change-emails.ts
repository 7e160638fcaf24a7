/**
 * JMAP Email/set (RFC 8621 §4.6): creations, changes and removals in one mutation, each with an outcome of its own, in that order.
 * Refusals of the whole: 'stateMismatch', 'tooMany'. Of an item: 'notFound', 'invalid' (a mailbox that isn't there), 'mailboxRequired', 'tooMany', 'overQuota'.
 */
import type { AccountId, EmailId, MailboxId } from '../../mail/ids.ts';
import { Refusal } from '../../mail/refusal.ts';
import type { EmailBatch, EmailBatchResult, EmailChange, Outcome } from '../mail-store.ts';
import type { AccountWriter } from './account-writer.ts';
import { appendForecast, appendNeeds, appendOne, checkedKeywords } from './append.ts';
import { equalKeywords } from './change-flags.ts';
import { FLAGS_PER_MUTATION, type Mutation } from './mutation.ts';
import type { UnitOfWork } from './unit-of-work.ts';

/** Items of one batch. */
export const MAX_EMAIL_BATCH = 5 * FLAGS_PER_MUTATION;

export async function changeEmails(
  writer: AccountWriter,
  account: AccountId,
  batch: EmailBatch,
): Promise<EmailBatchResult> {
  const { create = new Map(), update = new Map(), destroy = [] } = batch;
  const count = create.size + update.size + destroy.length;
  if (count > MAX_EMAIL_BATCH) throw new Refusal('tooMany', `more than ${MAX_EMAIL_BATCH} changes at once`);
  return writer.mutate(account, mutationOf(batch, count));
}

function mutationOf(batch: EmailBatch, count: number): Mutation<EmailBatchResult> {
  const { create = new Map(), update = new Map(), destroy = [] } = batch;
  const items = [...create.values()];
  const needs = appendNeeds(items);
  return {
    needs: { ...needs, messages: [...update.keys(), ...destroy], siblings: true },
    weight: count * 2,
    forecast: items.length === count ? appendForecast(items) : { states: ['Email', 'Mailbox'], bytes: 0, messages: 0 },
    apply: (work) => {
      expectState(work.account.states.Email, batch.ifInState);
      const created = outcomes(create, (item) => appendOne(work, item));
      // All that is missing at once.
      work.messages.expect([...update.keys(), ...destroy]);
      const updated = outcomes(update, (change, id) => changeOne(work, id, change));
      const destroyed = outcomes(new Map(destroy.map((id) => [id, null])), (_nothing, id) => {
        work.destroy(found(work, id));
        return null;
      });
      return (end) => ({ created, updated, destroyed, ...end });
    },
  };
}

/** Refusal 'stateMismatch' (RFC 8620 §5.3). */
export function expectState(state: number, expected: number | undefined): void {
  if (expected !== undefined && expected !== state) {
    throw new Refusal('stateMismatch', 'the state is not the one that was given');
  }
}

/** What became of each: a Refusal is the item's own, anything else the batch's. */
function outcomes<Key, Item, Value>(
  items: ReadonlyMap<Key, Item>,
  change: (item: Item, key: Key) => Value,
): Map<Key, Outcome<Value>> {
  const results = new Map<Key, Outcome<Value>>();
  for (const [key, item] of items)
    results.set(
      key,
      outcomeOf(() => change(item, key)),
    );
  return results;
}

export function outcomeOf<Value>(change: () => Value): Outcome<Value> {
  try {
    return { ok: true, value: change() };
  } catch (error) {
    if (error instanceof Refusal) return { ok: false, refusal: error };
    throw error;
  }
}

function found(work: UnitOfWork, id: EmailId): NonNullable<ReturnType<UnitOfWork['messages']['get']>> {
  const row = work.messages.get(id);
  if (row === undefined) throw new Refusal('notFound', 'there is no such message', { details: [id] });
  return row;
}

function changeOne(work: UnitOfWork, id: EmailId, change: EmailChange): null {
  const row = found(work, id);
  const keywords = checkedKeywords(patched(change.keywords ?? row.keywords, change.addKeywords, change.removeKeywords));
  const before = row.mailboxes.map((m) => m.id);
  const wanted = patched(change.mailboxes ?? before, change.addMailboxes, change.removeMailboxes);
  for (const mailbox of wanted) expectMailbox(work, mailbox);
  if (wanted.size === 0) {
    throw new Refusal('mailboxRequired', 'a message must be in a mailbox', { details: ['mailboxIds'] });
  }
  const isSamePlace = wanted.size === before.length && before.every((mailbox) => wanted.has(mailbox));
  if (isSamePlace && equalKeywords(keywords, row.keywords)) return null;
  if (isSamePlace) work.update(row, { keywords });
  else {
    const kept = row.mailboxes.filter((m) => wanted.has(m.id));
    const begun = [...wanted]
      .filter((mailbox) => !before.includes(mailbox))
      .map((mailbox) => work.newMembership(mailbox));
    work.update(row, { keywords, mailboxes: [...kept, ...begun] });
  }
  return null;
}

function patched<T>(whole: readonly T[], add: readonly T[] = [], remove: readonly T[] = []): Set<T> {
  const set = new Set([...whole, ...add]);
  for (const value of remove) set.delete(value);
  return set;
}

function expectMailbox(work: UnitOfWork, mailbox: MailboxId): void {
  if (!work.mailboxes.has(mailbox)) {
    throw new Refusal('invalid', 'there is no such mailbox', { details: ['mailboxIds'] });
  }
}
