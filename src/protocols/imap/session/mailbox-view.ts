/**
 * One session's view of its selected mailbox: which UIDs the client was told of, in order, and up to which modseq.
 *
 * Invariant: every message with a UID below `uidNext` that exists is in the view, and a UID in the view whose message is gone has its
 * expunge among `heldBack` or in a row after `cursor`. Nothing but change rows after the cursor moves the view, so that a long-lived view
 * and a fresh one are the same once both have followed the log to its end. RFC 3501 §2.3.1.2, §5.2, §7.4.1.
 *
 * The UID list is loaded when a sequence number is first needed; SELECT and an IDLE that only counts arrivals go without.
 */
import type { EmailId, MailboxId, Modseq, Uid } from '../../../mail/ids.ts';
import { asModseq, asUid } from '../../../mail/ids.ts';
import { Refusal } from '../../../mail/refusal.ts';
import type { AccountStore } from '../../../storage/mail-store.ts';
import type { ChangePage, ChangeRow, Mailbox, UidRange } from '../../../storage/model.ts';
import type { NumberRange } from '../grammar/sequence-set.ts';
import type { SharedReads } from './shared-reads.ts';
import { NO_UIDS, type SnapshotPool } from './snapshot-pool.ts';
import { appended, lowerBound, merged, positionOf, withoutPositions } from './uid-list.ts';

/** The mailbox was deleted under the session. */
export class MailboxGone extends Error {
  override readonly name = 'MailboxGone';
}
/** The view can't be brought up to date: the client has to select the mailbox anew. */
export class ViewLost extends Error {
  override readonly name = 'ViewLost';
}

/** What the client is to be told, already true of the view. */
export interface ViewChanges {
  /** Sequence numbers, largest first, so that each holds when it is its turn. */
  readonly expunged: readonly number[];
  /** The UIDs of `expunged`, ascending. */
  readonly expungedUids: readonly Uid[];
  /** The new number of messages; null when nothing came. */
  readonly exists: number | null;
  /** Messages whose flags may have changed; those that came new are not to be told. */
  readonly changedEmails: readonly EmailId[];
  readonly changedUids: readonly UidRange[];
  /** UIDs from here on are new in this change. */
  readonly newFrom: Uid;
}

/** New UIDs by reading their messages up to here, by the whole map beyond. */
const MAX_NEW_BY_MESSAGE = 500;

export class MailboxView {
  readonly mailbox: MailboxId;
  readonly uidValidity: number;
  readonly #store: AccountStore;
  readonly #pool: SnapshotPool;
  /** Modseqs of this session's own changes of flags: the client knows them. */
  readonly #own = new Set<Modseq>();
  #exists: number;
  #uidNext: Uid;
  #cursor: Modseq;
  #uids: Uint32Array | null;
  /** UIDs in the view whose expunge may not be told yet. */
  #heldBack: number[] = [];

  /** `state` is the account's modseq from before `mailbox` was read. */
  constructor(store: AccountStore, pool: SnapshotPool, mailbox: Mailbox, state: Modseq) {
    this.#store = store;
    this.#pool = pool;
    this.mailbox = mailbox.id;
    this.uidValidity = mailbox.uidValidity;
    this.#exists = mailbox.total;
    this.#uidNext = mailbox.uidNext;
    // The row holds every change up to its own modseq, and there was none between that and `state`.
    this.#cursor = asModseq(Math.max(state, mailbox.modseq));
    this.#uids = mailbox.total === 0 ? NO_UIDS : null;
  }

  get exists(): number {
    return this.#exists;
  }
  get uidNext(): Uid {
    return this.#uidNext;
  }
  get cursor(): Modseq {
    return this.#cursor;
  }
  get hasHeldBack(): boolean {
    return this.#heldBack.length > 0;
  }

  /** The UIDs by sequence number. @throws MailboxGone, ViewLost. */
  async uids(): Promise<Uint32Array> {
    this.#uids ??= await this.#load();
    return this.#uids;
  }

  async maxUid(): Promise<number> {
    return (await this.uids()).at(-1) ?? 0;
  }

  /** UID ranges that hold exactly the messages with these sequence numbers, and perhaps UIDs in between that don't exist. */
  async uidRanges(sequence: readonly NumberRange[]): Promise<UidRange[]> {
    const uids = await this.uids();
    return sequence.map(({ from, to }) => ({ from: asUid(uids[from - 1]!), to: asUid(uids[to - 1]!) }));
  }

  /** 0 when the client doesn't know the UID. The list must be loaded. */
  sequenceOf(uid: number): number {
    return this.#uids === null ? 0 : positionOf(this.#uids, uid) + 1;
  }

  /** This session changed flags by itself and tells its client itself. */
  noteOwnFlags(modseq: Modseq): void {
    if (modseq <= this.#cursor) return;
    // Rows are dense: when ours is the next one there is nothing to read.
    if (modseq === this.#cursor + 1) this.#cursor = modseq;
    else this.#own.add(modseq);
  }

  /**
   * Follows the log to its end; with `shared` perhaps to an end of a moment ago, which `cursor` tells. @throws MailboxGone, ViewLost.
   */
  async follow(mayExpunge: boolean, shared: SharedReads | null = null): Promise<ViewChanges> {
    let rows: { readonly relevant: readonly ChangeRow[]; readonly upTo: Modseq };
    try {
      rows = await this.#rowsSince(this.#cursor, shared);
    } catch (error) {
      if (error instanceof Refusal && error.code === 'cannotCalculateChanges') return this.#resync(mayExpunge);
      throw error;
    }
    const expunged: number[] = [];
    const changed = new Set<EmailId>();
    for (const row of rows.relevant) {
      for (const { mailbox, uids } of row.expunged) {
        if (mailbox === this.mailbox) for (const uid of uids) if (uid < this.#uidNext) expunged.push(uid);
      }
      if (!this.#own.has(row.modseq)) for (const id of row.updated.Email ?? []) changed.add(id as EmailId);
    }
    if (expunged.length > 0 || changed.size > 0) await this.uids();
    const newFrom = this.#uidNext;
    const exists = rows.relevant.length > 0 ? await this.#takeNew(rows.upTo, shared) : null;
    this.#cursor = asModseq(Math.max(this.#cursor, rows.upTo));
    for (const modseq of this.#own) if (modseq <= this.#cursor) this.#own.delete(modseq);
    this.#holdBack(expunged);
    return {
      ...(mayExpunge ? this.#release() : NOTHING_EXPUNGED),
      exists: exists === null ? null : this.#exists,
      changedEmails: [...changed],
      changedUids: [],
      newFrom,
    };
  }

  /** Adds what came since; null when nothing came. Needs no list unless some of it is gone again. */
  async #takeNew(upTo: Modseq, shared: SharedReads | null): Promise<number | null> {
    const readRow = (): Promise<Mailbox | null> => this.#store.mailbox(this.mailbox);
    const row = await (shared?.share(`mailbox ${this.mailbox} ${upTo}`, readRow) ?? readRow());
    if (row === null) throw new MailboxGone();
    if (row.uidNext <= this.#uidNext) return null;
    // All UIDs below row.uidNext are committed by now: whichever is not found is gone for good.
    const range = { from: this.#uidNext, to: asUid(row.uidNext - 1) };
    const readFresh = (): Promise<readonly number[]> => this.#existingUids(range);
    const fresh = await (shared?.share(`uids ${this.mailbox} ${range.from} ${range.to}`, readFresh) ?? readFresh());
    if (fresh.length < row.uidNext - this.#uidNext) await this.uids();
    if (this.#uids !== null && fresh.length > 0)
      this.#uids = this.#pool.intern(this.mailbox, appended(this.#uids, fresh));
    this.#exists += fresh.length;
    this.#uidNext = row.uidNext;
    return fresh.length === 0 ? null : this.#exists;
  }

  /** UIDs of the range that have a message, ascending. */
  async #existingUids(range: UidRange): Promise<readonly number[]> {
    if (range.to - range.from >= MAX_NEW_BY_MESSAGE) {
      const map = await this.#store.uidMap(this.mailbox);
      if (map === null) throw new MailboxGone();
      return [...map.uids.subarray(lowerBound(map.uids, range.from), lowerBound(map.uids, range.to + 1))];
    }
    const uids: number[] = [];
    for await (const batch of this.#store.messagesByUid(this.mailbox, [range])) {
      for (const message of batch) {
        for (const { mailbox, uid } of message.mailboxes) {
          if (mailbox === this.mailbox && uid >= range.from && uid <= range.to) uids.push(uid);
        }
      }
    }
    return uids;
  }

  #holdBack(uids: readonly number[]): void {
    for (const uid of uids) if (positionOf(this.#uids!, uid) !== -1) this.#heldBack.push(uid);
  }

  /** Takes what is held back out of the view. */
  #release(): { readonly expunged: readonly number[]; readonly expungedUids: readonly Uid[] } {
    if (this.#heldBack.length === 0) return NOTHING_EXPUNGED;
    const uids = this.#uids!;
    const gone = [...new Set(this.#heldBack)].sort((a, b) => a - b);
    const positions = gone.map((uid) => positionOf(uids, uid));
    this.#heldBack = [];
    this.#uids = this.#pool.intern(this.mailbox, withoutPositions(uids, positions));
    this.#exists -= gone.length;
    return { expunged: positions.toReversed().map((position) => position + 1), expungedUids: gone.map(asUid) };
  }

  /** view at C = map(M) + expunged in (C, M] - UIDs from uidNext(C) on. */
  async #load(): Promise<Uint32Array> {
    const map = await this.#store.uidMap(this.mailbox);
    if (map === null) throw new MailboxGone();
    const rows = await this.#rowsSince(this.#cursor).catch((cause: unknown) => {
      if (cause instanceof Refusal && cause.code === 'cannotCalculateChanges')
        throw new ViewLost('the change log was cut', { cause });
      throw cause;
    });
    const gone: number[] = [];
    for (const row of rows.relevant) {
      for (const { mailbox, uids } of row.expunged) {
        if (mailbox === this.mailbox) for (const uid of uids) if (uid < this.#uidNext) gone.push(uid);
      }
    }
    const known = map.uids.subarray(0, lowerBound(map.uids, this.#uidNext));
    const uids = merged(known, gone);
    if (uids.length !== this.#exists)
      throw new ViewLost(`mailbox ${this.mailbox}: ${this.#exists} messages were told, ${uids.length} are there`);
    // A view of a part of a larger buffer would keep all of it alive and compare unequal.
    const own = uids.byteLength === uids.buffer.byteLength ? uids : uids.slice();
    return this.#pool.intern(this.mailbox, own);
  }

  /** The log doesn't reach back to the cursor: compares the whole mailbox instead. */
  async #resync(mayExpunge: boolean): Promise<ViewChanges> {
    if (this.#uids === null) throw new ViewLost('the change log was cut');
    const { modseq: state } = await this.#store.state();
    const map = await this.#store.uidMap(this.mailbox);
    if (map === null) throw new MailboxGone();
    const changed = await this.#store.searchMailbox(this.mailbox, { op: 'modseq', from: asModseq(this.#cursor + 1) });
    const newFrom = this.#uidNext;
    const old = this.#uids;
    this.#holdBack([...old].filter((uid) => positionOf(map.uids, uid) === -1));
    const fresh = [...map.uids.subarray(lowerBound(map.uids, newFrom))];
    if (fresh.length > 0) {
      this.#uids = this.#pool.intern(this.mailbox, appended(old, fresh));
      this.#exists += fresh.length;
      this.#uidNext = asUid(fresh.at(-1)! + 1);
    }
    this.#cursor = state;
    return {
      ...(mayExpunge ? this.#release() : NOTHING_EXPUNGED),
      exists: fresh.length > 0 ? this.#exists : null,
      changedEmails: [],
      changedUids: changed.filter((uid) => uid < newFrom).map((uid) => ({ from: uid, to: uid })),
      newFrom,
    };
  }

  /** Rows after `since` that concern this mailbox. @throws MailboxGone when one of them ends it. */
  async #rowsSince(
    since: Modseq,
    shared: SharedReads | null = null,
  ): Promise<{ readonly relevant: readonly ChangeRow[]; readonly upTo: Modseq }> {
    const relevant: ChangeRow[] = [];
    for (let cursor = since; ; ) {
      const from = cursor;
      const read = (): Promise<ChangePage> => this.#store.changesSince(from);
      const page = await (shared?.share(`changes ${this.#store.account} ${from}`, read) ?? read());
      for (const row of page.rows) {
        if (row.destroyed.Mailbox?.includes(this.mailbox)) throw new MailboxGone();
        if (row.touched.includes(this.mailbox)) relevant.push(row);
      }
      cursor = page.upTo;
      if (!page.hasMore) return { relevant, upTo: cursor };
    }
  }
}

const NOTHING_EXPUNGED = { expunged: [], expungedUids: [] } as const;
