/**
 * The messages of a unit of work, found by id, by UID, by thread, by thread key and by dedupe key. Each way of looking is guarded: when the database
 * was not asked in that way, RowsMissing tells the writer to do so. Rows of the work itself are found like those that were read.
 */
import type { EmailId, MailboxId, ThreadId } from '../../mail/ids.ts';
import type { UidRange } from '../model.ts';
import type { MembershipRow, MessageRow } from '../mongo/documents.ts';
import { type Needs, RowsMissing, type UidNeed } from './mutation.ts';
import { Table, type UndoLog } from './table.ts';

type LightField = '_id' | 'thread' | 'body' | 'size' | 'receivedAt' | 'keywords' | 'mailboxes' | 'modseq';
/** A row with at least what counting and moving need. */
export type WorkRow = Pick<MessageRow, LightField> & Partial<Omit<MessageRow, LightField>>;

export interface Located {
  readonly row: WorkRow;
  readonly membership: MembershipRow;
}

export const isWhole = (row: WorkRow): row is MessageRow => row.envelope !== undefined;
export const isInRanges = (uid: number, ranges: readonly UidRange[]): boolean =>
  ranges.some((range) => range.from <= uid && uid <= range.to);
/** The name of one way of asking by UID. */
export const uidNeedKey = (need: UidNeed): string =>
  `${need.mailbox} ${need.onlyDeleted === true} ${need.ranges.map((r) => `${r.from}:${r.to}`).join(',')}`;

export class MessageTable {
  readonly table: Table<EmailId, WorkRow>;
  readonly #threads = new Map<ThreadId, Set<EmailId>>();
  readonly #keys = new Map<string, Set<EmailId>>();
  readonly #dedupe = new Map<string, Set<EmailId>>();
  readonly #askedUids = new Set<string>();
  readonly #askedThreads = new Set<ThreadId>();
  readonly #askedKeys = new Set<string>();
  readonly #askedDedupe = new Set<string>();

  constructor(undo: UndoLog) {
    this.table = new Table(undo);
  }

  load(rows: readonly WorkRow[]): void {
    for (const row of rows) {
      this.table.load(row);
      this.#index(row);
    }
  }
  loadWhole(rows: readonly MessageRow[]): void {
    for (const row of rows) {
      this.table.loadMore(row, ({ keywords, mailboxes, modseq }) => ({ keywords, mailboxes, modseq }));
      this.#index(row);
    }
  }
  /** The database was asked for these: what isn't here doesn't exist. */
  asked(needs: Needs): void {
    this.table.ask(needs.messages ?? []);
    this.table.ask(needs.fullMessages ?? []);
    for (const need of needs.uids ?? []) this.#askedUids.add(uidNeedKey(need));
    for (const thread of needs.threads ?? []) this.#askedThreads.add(thread);
    for (const keys of needs.threadKeys ?? []) for (const key of keys) this.#askedKeys.add(key);
    for (const key of needs.dedupe ?? []) this.#askedDedupe.add(key);
  }

  get(id: EmailId): WorkRow | undefined {
    const row = this.table.get(id);
    if (row === undefined && this.table.unknown([id]).length > 0) throw new RowsMissing({ messages: [id] });
    return row;
  }
  /** Throws RowsMissing once for all that are not known. */
  expect(ids: readonly EmailId[]): void {
    const messages = this.table.unknown(ids);
    if (messages.length > 0) throw new RowsMissing({ messages });
  }
  expectThreads(ids: Iterable<ThreadId>): void {
    const threads = [...new Set(ids)].filter((id) => !this.#askedThreads.has(id));
    if (threads.length > 0) throw new RowsMissing({ threads });
  }
  /** Of those with parsed fields, in whole. */
  expectWhole(ids: readonly EmailId[]): void {
    const fullMessages = ids.filter((id) => {
      const row = this.table.get(id);
      return row === undefined ? this.table.unknown([id]).length > 0 : !isWhole(row);
    });
    if (fullMessages.length > 0) throw new RowsMissing({ fullMessages });
  }

  /** Ascending by UID. */
  inMailbox(need: UidNeed): Located[] {
    if (!this.#askedUids.has(uidNeedKey(need))) throw new RowsMissing({ uids: [need], siblings: true });
    const found: Located[] = [];
    for (const row of this.table.rows()) {
      const membership = membershipIn(row, need.mailbox);
      if (membership === undefined || !isInRanges(membership.uid, need.ranges)) continue;
      if (need.onlyDeleted !== true || membership.deleted) found.push({ row, membership });
    }
    return found.sort((a, b) => a.membership.uid - b.membership.uid);
  }

  inThread(thread: ThreadId): WorkRow[] {
    this.expectThreads([thread]);
    return this.#rowsOf(this.#threads.get(thread)).filter((row) => row.thread === thread);
  }
  beginThread(thread: ThreadId): void {
    this.#askedThreads.add(thread);
  }

  /** Messages that share a key, in no order. */
  sharing(keys: readonly string[]): WorkRow[] {
    if (keys.some((key) => !this.#askedKeys.has(key))) throw new RowsMissing({ threadKeys: [keys] });
    const ids = new Set<EmailId>();
    for (const key of keys) for (const id of this.#keys.get(key) ?? []) ids.add(id);
    return this.#rowsOf(ids);
  }

  /** The message of a dedupe key. */
  repeated(dedupe: string): WorkRow | undefined {
    if (!this.#askedDedupe.has(dedupe)) throw new RowsMissing({ dedupe: [dedupe] });
    return this.#rowsOf(this.#dedupe.get(dedupe))[0];
  }

  set(row: WorkRow): void {
    this.table.set(row._id, row);
    this.#index(row);
  }
  remove(id: EmailId): void {
    this.table.set(id, null);
  }

  /** Entries may outlive a row that was undone: lookups pass over them. */
  #index(row: WorkRow): void {
    add(this.#threads, row.thread, row._id);
    for (const key of row.threadKeys ?? []) add(this.#keys, key, row._id);
    if (row.dedupe !== undefined) add(this.#dedupe, row.dedupe, row._id);
  }
  #rowsOf(ids: Iterable<EmailId> | undefined): WorkRow[] {
    const rows: WorkRow[] = [];
    for (const id of ids ?? []) {
      const row = this.table.get(id);
      if (row !== undefined) rows.push(row);
    }
    return rows;
  }
}

export function membershipIn(row: WorkRow, mailbox: MailboxId): MembershipRow | undefined {
  return row.mailboxes.find((m) => m.id === mailbox);
}

function add<Key>(map: Map<Key, Set<EmailId>>, key: Key, id: EmailId): void {
  const set = map.get(key);
  if (set === undefined) map.set(key, new Set([id]));
  else set.add(id);
}
