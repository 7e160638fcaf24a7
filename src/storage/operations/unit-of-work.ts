/**
 * The rows of one account in memory while a group of mutations is applied to them, and the only place that changes them: counters, UIDs, quota,
 * thread counters and the change log follow from here, so that no verb can forget them.
 *
 * Promises. UIDs ascend in modseq order and are never reused (RFC 3501 §2.3.1.1). Every row that a mutation changes gets the mutation's modseq.
 * Rows are immutable values; `rollback` puts back what a failed mutation replaced. Nothing here does I/O: rows that were not loaded are asked for
 * by throwing RowsMissing.
 */
import type { Keyword } from '../../mail/flags.ts';
import { SEEN } from '../../mail/flags.ts';
import type { AccountId, EmailId, MailboxId, Modseq, QueueId, SubmissionId, ThreadId } from '../../mail/ids.ts';
import { asModseq } from '../../mail/ids.ts';
import { Refusal } from '../../mail/refusal.ts';
import type { MailboxRole, StagedBody, States } from '../model.ts';
import type {
  AccountRow,
  ChangeLogRow,
  MailboxRow,
  MembershipRow,
  MessageRow,
  QueueRow,
  SubmissionRow,
} from '../mongo/documents.ts';
import { ChangeDraft } from './change-draft.ts';
import { MessageTable, type WorkRow } from './message-table.ts';
import { RowsMissing } from './mutation.ts';
import { Table, UndoLog } from './table.ts';
import { isUnread, threadShares } from './thread-counters.ts';

/** The fields of an account that mutations read and move. */
export type AccountCounters = Pick<
  AccountRow,
  '_id' | 'modseq' | 'floor' | 'states' | 'usedBytes' | 'usedMessages' | 'maxBytes' | 'maxMessages' | 'lastUidValidity'
>;

/** What a mutation came to. When it changed nothing, `modseq` is that of the last one that did. */
export interface Applied {
  readonly isChanged: boolean;
  readonly modseq: Modseq;
  readonly before: States;
  readonly after: States;
}

export type NewRow = Omit<MessageRow, 'modseq' | 'createdModseq' | 'account'>;

const MAX_UID = 2 ** 32 - 1;

export class UnitOfWork {
  readonly at: Date;
  readonly messages: MessageTable;
  readonly submissions: Table<SubmissionId, SubmissionRow>;
  readonly queue: Table<QueueId, QueueRow>;
  readonly changes: ChangeLogRow[] = [];
  readonly bodies = new Set<StagedBody>();
  #account: AccountCounters;
  #accountBefore: AccountCounters;
  readonly #mailboxesRead: ReadonlyMap<MailboxId, MailboxRow>;
  readonly #mailboxes: Map<MailboxId, MailboxRow>;
  readonly #undo = new UndoLog();
  #draft = new ChangeDraft();
  #threads = new Map<ThreadId, { readonly shares: Map<MailboxId, boolean>; readonly emails: number }>();
  readonly #resized = new Set<ThreadId>();
  #trashBefore: MailboxId | null = null;

  constructor(account: AccountCounters, mailboxes: ReadonlyMap<MailboxId, MailboxRow>, at: Date) {
    this.at = at;
    this.#account = account;
    this.#accountBefore = account;
    this.#mailboxesRead = mailboxes;
    this.#mailboxes = new Map(mailboxes);
    this.messages = new MessageTable(this.#undo);
    this.submissions = new Table(this.#undo);
    this.queue = new Table(this.#undo);
  }

  get id(): AccountId {
    return this.#account._id;
  }
  get account(): AccountCounters {
    return this.#account;
  }
  get mailboxes(): ReadonlyMap<MailboxId, MailboxRow> {
    return this.#mailboxes;
  }
  /** What this mutation's rows get, if it changes anything. */
  get modseq(): Modseq {
    return asModseq(this.#accountBefore.modseq + 1);
  }

  // -- the bounds of one mutation --------------------------------------------------------------------------------------------------------
  begin(): void {
    this.#undo.forget();
    this.#accountBefore = this.#account;
    this.#draft = new ChangeDraft();
    this.#threads = new Map();
    this.#resized.clear();
    this.#trashBefore = this.roleHolder('trash');
  }

  rollback(): void {
    this.#undo.undo();
    this.#account = this.#accountBefore;
  }

  finish(): Applied {
    this.#countThreads();
    this.#countMailboxes();
    const before = this.#accountBefore.states as States;
    if (this.#draft.isEmpty()) {
      return { isChanged: false, modseq: asModseq(this.#accountBefore.modseq), before, after: before };
    }
    const modseq = this.modseq;
    const states = { ...this.#accountBefore.states };
    for (const type of this.#draft.changedTypes()) states[type] = modseq;
    this.#account = { ...this.#account, modseq, states };
    this.changes.push(this.#draft.row(this.id, modseq, this.at));
    return { isChanged: true, modseq, before, after: states as States };
  }

  #countThreads(): void {
    const trash = this.roleHolder('trash');
    for (const [thread, before] of this.#threads) {
      const emails = this.messages.inThread(thread);
      const after = threadShares(emails, trash);
      for (const [mailbox, wasUnread] of before.shares) {
        const isUnreadNow = after.get(mailbox);
        const counters = this.#draft.counters(mailbox);
        if (isUnreadNow === undefined) counters.totalThreads--;
        counters.unreadThreads += Number(isUnreadNow ?? false) - Number(wasUnread);
      }
      for (const [mailbox, isUnreadNow] of after) {
        if (before.shares.has(mailbox)) continue;
        const counters = this.#draft.counters(mailbox);
        counters.totalThreads++;
        counters.unreadThreads += Number(isUnreadNow);
      }
      if (!this.#resized.has(thread)) continue;
      if (before.emails === 0 && emails.length > 0) this.#draft.note('created', 'Thread', thread);
      else if (before.emails > 0) this.#draft.note(emails.length === 0 ? 'destroyed' : 'updated', 'Thread', thread);
    }
  }

  #countMailboxes(): void {
    for (const id of new Set([...this.#draft.deltas.keys(), ...this.#draft.touched, ...this.#draft.uidNext.keys()])) {
      const row = this.#mailboxes.get(id);
      if (row === undefined) continue;
      const by = this.#draft.deltas.get(id);
      if (by && (by.total !== 0 || by.unread !== 0 || by.totalThreads !== 0 || by.unreadThreads !== 0)) {
        this.#draft.note('updated', 'Mailbox', id);
      }
      this.#setMailbox(id, {
        ...row,
        total: row.total + (by?.total ?? 0),
        unseen: row.unseen + (by?.unseen ?? 0),
        unread: row.unread + (by?.unread ?? 0),
        totalThreads: row.totalThreads + (by?.totalThreads ?? 0),
        unreadThreads: row.unreadThreads + (by?.unreadThreads ?? 0),
        size: row.size + (by?.size ?? 0),
        uidNext: this.#draft.uidNext.get(id) ?? row.uidNext,
        modseq: this.#draft.touched.has(id) ? this.modseq : row.modseq,
      });
    }
  }

  // -- mailboxes -------------------------------------------------------------------------------------------------------------------------
  /** Refusal 'notFound' when there is none. */
  mailbox(id: MailboxId): MailboxRow {
    const row = this.#mailboxes.get(id);
    if (row === undefined) throw new Refusal('notFound', 'there is no such mailbox', { details: [id] });
    return row;
  }
  roleHolder(role: MailboxRole): MailboxId | null {
    for (const row of this.#mailboxes.values()) if (row.role === role) return row._id;
    return null;
  }
  /** RFC 3501 §2.3.1.1: greater than any that this account has given, so that a name made again never shows old UIDs. */
  nextUidValidity(): number {
    const uidValidity = Math.max(Math.floor(this.at.getTime() / 1000), this.#account.lastUidValidity + 1);
    this.#account = { ...this.#account, lastUidValidity: uidValidity };
    return uidValidity;
  }
  /** A new mailbox, or one of which more than the counts changed. */
  putMailbox(row: MailboxRow): void {
    const isNew = !this.#mailboxes.has(row._id);
    this.#setMailbox(row._id, row);
    this.#draft.note(isNew ? 'created' : 'updated', 'Mailbox', row._id);
    this.#draft.reshaped.add(row._id);
    this.#draft.touched.add(row._id);
  }
  removeMailbox(id: MailboxId): void {
    this.#setMailbox(id, null);
    this.#draft.note('destroyed', 'Mailbox', id);
    this.#draft.touched.add(id);
  }
  mailboxDifference(): {
    inserted: MailboxRow[];
    changed: { read: MailboxRow; now: MailboxRow }[];
    removed: MailboxId[];
  } {
    const inserted: MailboxRow[] = [];
    const changed: { read: MailboxRow; now: MailboxRow }[] = [];
    for (const [id, now] of this.#mailboxes) {
      const read = this.#mailboxesRead.get(id);
      if (read === undefined) inserted.push(now);
      else if (read !== now) changed.push({ read, now });
    }
    return { inserted, changed, removed: [...this.#mailboxesRead.keys()].filter((id) => !this.#mailboxes.has(id)) };
  }
  #setMailbox(id: MailboxId, row: MailboxRow | null): void {
    const before = this.#mailboxes.get(id);
    this.#undo.push(() => {
      if (before === undefined) this.#mailboxes.delete(id);
      else this.#mailboxes.set(id, before);
    });
    if (row === null) this.#mailboxes.delete(id);
    else this.#mailboxes.set(id, row);
  }

  // -- messages --------------------------------------------------------------------------------------------------------------------------
  /** A membership with the next UID of the mailbox. */
  newMembership(mailbox: MailboxId): MembershipRow {
    const uid = this.#draft.uidNext.get(mailbox) ?? this.mailbox(mailbox).uidNext;
    if (uid >= MAX_UID) throw new Refusal('tooMany', 'the mailbox has no UID left');
    this.#draft.uidNext.set(mailbox, uid + 1);
    return { id: mailbox, uid, deleted: false, savedAt: this.at };
  }

  /** Refusal 'overQuota'. */
  insert(row: NewRow): WorkRow {
    this.#charge(row.size, 1);
    this.touchThread(row.thread);
    this.#resized.add(row.thread);
    const whole = { ...row, account: this.id, modseq: this.modseq, createdModseq: this.modseq };
    this.messages.set(whole);
    this.#draft.note('created', 'Email', row._id);
    for (const membership of row.mailboxes) this.#count(membership, whole, 1);
    return whole;
  }

  /** New keywords, memberships or both; without any membership left the message is destroyed. */
  update(
    row: WorkRow,
    change: { readonly keywords?: readonly Keyword[]; readonly mailboxes?: readonly MembershipRow[] },
  ): WorkRow | null {
    if (change.mailboxes?.length === 0) {
      this.destroy(row);
      return null;
    }
    const now: WorkRow = { ...row, ...change, modseq: this.modseq };
    const ended = row.mailboxes.filter((m) => !now.mailboxes.some((n) => n.id === m.id && n.uid === m.uid));
    const begun = now.mailboxes.filter((n) => !row.mailboxes.some((m) => n.id === m.id && n.uid === m.uid));
    if (ended.length > 0 || begun.length > 0 || isUnread(row.keywords) !== isUnread(now.keywords)) {
      this.touchThread(row.thread);
    }
    for (const membership of row.mailboxes) this.#count(membership, row, -1);
    for (const membership of now.mailboxes) this.#count(membership, now, 1);
    for (const { id, uid } of ended) this.#draft.endMembership(id, uid);
    this.messages.set(now);
    this.#draft.note('updated', 'Email', row._id);
    return now;
  }

  destroy(row: WorkRow): void {
    this.touchThread(row.thread);
    this.#resized.add(row.thread);
    for (const membership of row.mailboxes) {
      this.#count(membership, row, -1);
      this.#draft.endMembership(membership.id, membership.uid);
    }
    this.messages.remove(row._id);
    this.#draft.note('destroyed', 'Email', row._id);
    this.#charge(-row.size, -1);
  }

  /** Octets that the rows refer to and that may not be durable yet. */
  keepBody(staged: StagedBody): void {
    if (this.bodies.has(staged)) return;
    this.bodies.add(staged);
    this.#undo.push(() => this.bodies.delete(staged));
  }

  /** The thread's shares are counted anew at the end. To be called before anything of it changes. */
  touchThread(thread: ThreadId): void {
    if (this.#threads.has(thread)) return;
    const emails = this.messages.inThread(thread);
    this.#threads.set(thread, { shares: threadShares(emails, this.#trashBefore), emails: emails.length });
  }

  #count(membership: MembershipRow, row: WorkRow, sign: 1 | -1): void {
    const counters = this.#draft.counters(membership.id);
    counters.total += sign;
    counters.size += sign * row.size;
    if (!row.keywords.includes(SEEN)) counters.unseen += sign;
    if (isUnread(row.keywords)) counters.unread += sign;
    this.#draft.touched.add(membership.id);
  }

  #charge(bytes: number, messages: number): void {
    const { usedBytes, usedMessages, maxBytes, maxMessages } = this.#account;
    const isOver =
      (maxBytes !== null && usedBytes + bytes > maxBytes) ||
      (maxMessages !== null && usedMessages + messages > maxMessages);
    if (messages > 0 && isOver) throw new Refusal('overQuota', 'the mailbox is full');
    this.#account = { ...this.#account, usedBytes: usedBytes + bytes, usedMessages: usedMessages + messages };
  }

  // -- submissions and the queue ---------------------------------------------------------------------------------------------------------
  submission(id: SubmissionId): SubmissionRow | undefined {
    if (this.submissions.unknown([id]).length > 0) throw new RowsMissing({ submissions: [id] });
    return this.submissions.get(id);
  }
  putSubmission(row: SubmissionRow): void {
    const isNew = this.submissions.get(row._id) === undefined;
    this.submissions.set(row._id, row);
    this.#draft.note(isNew ? 'created' : 'updated', 'EmailSubmission', row._id);
  }
  queued(id: QueueId): QueueRow | undefined {
    if (this.queue.unknown([id]).length > 0) throw new RowsMissing({ queue: [id] });
    return this.queue.get(id);
  }
  putQueued(row: QueueRow): void {
    this.queue.set(row._id, row);
  }
  hasMessage(id: EmailId): boolean {
    return this.messages.get(id) !== undefined;
  }
}
