/**
 * JMAP Mailbox/set, IMAP CREATE, RENAME, DELETE, SUBSCRIBE (RFC 8621 §2.5, RFC 3501 §6.3): one mutation, each item with an outcome of its own.
 *
 * Items of a batch may depend on each other (a child of a new mailbox, a role that one gives up and another takes, a parent removed with its children):
 * what is refused is tried again after the others, until nothing more succeeds. Creations come first, then changes, then removals.
 * Refusal of the whole: 'stateMismatch'. Of an item: 'notFound', 'alreadyExists', 'invalid' (details: the property), 'forbidden', 'tooMany',
 * 'mailboxHasChild', 'mailboxHasEmail'.
 */
import type { AccountId, MailboxId } from '../../mail/ids.ts';
import { newMailboxId } from '../../mail/ids.ts';
import { Refusal } from '../../mail/refusal.ts';
import { readState } from '../changes/change-log.ts';
import type { MailboxBatch, MailboxBatchResult, MailboxChange, NewMailbox, Outcome } from '../mail-store.ts';
import type { States } from '../model.ts';
import type { Database } from '../mongo/database.ts';
import { type MailboxRow, mailboxOf } from '../mongo/documents.ts';
import { orUnavailable } from '../mongo/transaction.ts';
import type { AccountWriter } from './account-writer.ts';
import { expectState, outcomeOf } from './change-emails.ts';
import { endMemberships } from './expunge.ts';
import {
  checkedName,
  expectFreeName,
  expectFreeRole,
  expectParent,
  expectRemovable,
  MAX_MAILBOX_DEPTH,
} from './mailbox-rules.ts';
import { MAX_MAILBOXES, MAX_ROWS_PER_MUTATION } from './mutation.ts';
import { EVERY_UID, splitByCount } from './uid-steps.ts';
import type { UnitOfWork } from './unit-of-work.ts';

export async function changeMailboxes(
  database: Database,
  writer: AccountWriter,
  account: AccountId,
  batch: MailboxBatch,
): Promise<MailboxBatchResult> {
  if (!batch.onDestroyRemoveEmails || !batch.destroy?.length) return mutate(writer, account, batch);
  const { isEmptied, before } = await emptyLarge(database, writer, account, batch);
  if (!isEmptied) return mutate(writer, account, batch);
  // The steps have moved the state that was asked for, and the answer tells of all of it.
  const { ifInState: _met, ...rest } = batch;
  return { ...(await mutate(writer, account, rest)), before };
}

/**
 * A mailbox to be removed that holds more than one transaction may is emptied first, in steps of consistent states, when nothing else stands against the
 * removal. An interruption leaves a mailbox with fewer messages, as an expunge would.
 */
async function emptyLarge(
  database: Database,
  writer: AccountWriter,
  account: AccountId,
  batch: MailboxBatch,
): Promise<{ readonly isEmptied: boolean; readonly before: States }> {
  const { states } = await readState(database, account);
  const rows = await orUnavailable(() => database.mailboxes.find({ account }).toArray());
  const doomed = new Set(batch.destroy);
  const kept = new Map(rows.filter((row) => !doomed.has(row._id)).map((row) => [row._id, row]));
  const large = rows.filter((row) => doomed.has(row._id) && row.total > MAX_ROWS_PER_MUTATION);
  const removable = large.filter(
    (row) => outcomeOf(() => expectRemovable(new Map([...kept, [row._id, row]]), row._id)).ok,
  );
  if (removable.length === 0) return { isEmptied: false, before: states };
  expectState(states.Mailbox, batch.ifInState);
  for (const { _id } of removable) {
    for (const ranges of await splitByCount(database, account, _id, EVERY_UID, EMPTY_STEP)) {
      await endMemberships(writer, account, { mailbox: _id, ranges });
    }
  }
  return { isEmptied: true, before: states };
}
/** A long transaction holds up the account's deliveries. */
const EMPTY_STEP = 5_000;

function mutate(writer: AccountWriter, account: AccountId, batch: MailboxBatch): Promise<MailboxBatchResult> {
  const { create = new Map(), update = new Map(), destroy = [], onDestroyRemoveEmails = false } = batch;
  return writer.mutate<MailboxBatchResult>(account, {
    needs: {},
    // A removal may carry all of its messages: alone in its transaction, then.
    weight: destroy.length > 0 && onDestroyRemoveEmails ? MAX_ROWS_PER_MUTATION : create.size + update.size + 1,
    forecast: { states: ['Mailbox'], bytes: 0, messages: 0 },
    apply: (work) => {
      expectState(work.account.states.Mailbox, batch.ifInState);
      const ids = new Map<string, MailboxId>();
      const created = untilSettled(create, (spec, key) => {
        const id = createOne(work, spec, ids);
        ids.set(key, id);
        return id;
      });
      const updated = untilSettled(update, (change, id) => changeOne(work, id, change, ids));
      const destroyed = untilSettled(new Map(destroy.map((id) => [id, null])), (_nothing, id) =>
        removeOne(work, id, onDestroyRemoveEmails),
      );
      return (end) => {
        const { mailboxes } = work;
        return { created: shown(created, mailboxes), updated: shown(updated, mailboxes), destroyed, ...end };
      };
    },
  });
}

/** As many as mailboxes nest deep, and some. */
const MAX_ROUNDS = MAX_MAILBOX_DEPTH + 5;

/** Tries all, then again those that were refused as long as another one succeeded in between. */
function untilSettled<Key, Item, Value>(
  items: ReadonlyMap<Key, Item>,
  change: (item: Item, key: Key) => Value,
): Map<Key, Outcome<Value>> {
  const results = new Map<Key, Outcome<Value>>();
  for (let round = 0, succeeded = 1; succeeded > 0 && round < MAX_ROUNDS; round++) {
    succeeded = 0;
    for (const [key, item] of items) {
      if (results.get(key)?.ok) continue;
      const outcome = outcomeOf(() => change(item, key));
      results.set(key, outcome);
      if (outcome.ok) succeeded++;
    }
    if (results.size > 0 && [...results.values()].every((outcome) => outcome.ok)) break;
  }
  return results;
}

/** The mailboxes as the whole mutation left them. */
function shown<Key>(
  outcomes: ReadonlyMap<Key, Outcome<MailboxId>>,
  rows: ReadonlyMap<MailboxId, MailboxRow>,
): Map<Key, Outcome<ReturnType<typeof mailboxOf>>> {
  return new Map(
    [...outcomes].map(([key, outcome]) => [
      key,
      outcome.ok ? { ok: true, value: mailboxOf(rows.get(outcome.value)!) } : outcome,
    ]),
  );
}

function createOne(work: UnitOfWork, spec: NewMailbox, ids: ReadonlyMap<string, MailboxId>): MailboxId {
  if (work.mailboxes.size >= MAX_MAILBOXES) throw new Refusal('tooMany', `more than ${MAX_MAILBOXES} mailboxes`);
  const name = checkedName(spec.name);
  const parent = resolved(spec.parent, ids);
  const role = spec.role ?? null;
  expectParent(work.mailboxes, parent, null);
  expectFreeName(work.mailboxes, name, parent, null);
  expectFreeRole(work.mailboxes, role, null);
  const id = newMailboxId();
  work.putMailbox({
    _id: id,
    account: work.id,
    name,
    parent,
    role,
    sortOrder: spec.sortOrder ?? 0,
    subscribed: spec.isSubscribed ?? false,
    uidValidity: work.nextUidValidity(),
    uidNext: 1,
    total: 0,
    unseen: 0,
    unread: 0,
    totalThreads: 0,
    unreadThreads: 0,
    size: 0,
    modseq: work.modseq,
  });
  return id;
}

function changeOne(
  work: UnitOfWork,
  id: MailboxId,
  change: MailboxChange,
  ids: ReadonlyMap<string, MailboxId>,
): MailboxId {
  const row = work.mailbox(id);
  const name = change.name === undefined ? row.name : checkedName(change.name);
  const parent = change.parent === undefined ? row.parent : resolved(change.parent, ids);
  const role = change.role === undefined ? row.role : change.role;
  const now = {
    ...row,
    name,
    parent,
    role,
    sortOrder: change.sortOrder ?? row.sortOrder,
    subscribed: change.isSubscribed ?? row.subscribed,
  };
  const changed = (['name', 'parent', 'role', 'sortOrder', 'subscribed'] as const).filter((p) => row[p] !== now[p]);
  if (changed.length === 0) return id;
  // RFC 3501 §5.1: INBOX is always there under its name.
  const fixed = changed.find((property) => property === 'name' || property === 'parent' || property === 'role');
  if (row.role === 'inbox' && fixed) {
    throw new Refusal('forbidden', 'the Inbox keeps its name, place and role', { details: [fixed] });
  }
  if (parent !== row.parent) expectParent(work.mailboxes, parent, id);
  if (parent !== row.parent || name !== row.name) expectFreeName(work.mailboxes, name, parent, id);
  if (role !== row.role) {
    expectFreeRole(work.mailboxes, role, id);
    if (row.role === 'trash' || role === 'trash') touchAll(work, row);
  }
  work.putMailbox(now);
  return id;
}

/** Whether a mailbox is the trash decides what its threads add to other mailboxes (RFC 8621 §2). */
function touchAll(work: UnitOfWork, row: MailboxRow): void {
  if (row.total === 0) return;
  const threads = new Set(messagesIn(work, row).map((message) => message.thread));
  work.messages.expectThreads(threads);
  for (const thread of threads) work.touchThread(thread);
}

function removeOne(work: UnitOfWork, id: MailboxId, withEmails: boolean): null {
  const row = expectRemovable(work.mailboxes, id);
  if (row.total > 0) {
    if (!withEmails) throw new Refusal('mailboxHasEmail', 'the mailbox is not empty', { details: [id] });
    const messages = messagesIn(work, row);
    work.messages.expectThreads(messages.map((message) => message.thread));
    for (const message of messages) {
      work.update(message, { mailboxes: message.mailboxes.filter((m) => m.id !== id) });
    }
  }
  work.removeMailbox(id);
  return null;
}

function messagesIn(work: UnitOfWork, row: MailboxRow): ReturnType<UnitOfWork['messages']['inThread']> {
  if (row.total > MAX_ROWS_PER_MUTATION) {
    throw new Refusal('tooMany', `the mailbox has more than ${MAX_ROWS_PER_MUTATION} messages`, { details: [row._id] });
  }
  return work.messages.inMailbox({ mailbox: row._id, ranges: EVERY_UID }).map((located) => located.row);
}

function resolved(parent: NewMailbox['parent'], ids: ReadonlyMap<string, MailboxId>): MailboxId | null {
  if (parent === null || !parent.startsWith('#')) return parent as MailboxId | null;
  const id = ids.get(parent.slice(1));
  if (id === undefined) throw new Refusal('invalid', 'there is no such parent', { details: ['parentId'] });
  return id;
}
