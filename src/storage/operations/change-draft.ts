/**
 * The change log's row of one mutation while it is being made, and the counters it moves. Nothing recorded: the mutation takes no modseq.
 */
import { ObjectId } from 'mongodb';
import type { AccountId, MailboxId } from '../../mail/ids.ts';
import type { StateType } from '../model.ts';
import { STATE_TYPES } from '../model.ts';
import type { ChangeLogRow } from '../mongo/documents.ts';

export interface Counters {
  total: number;
  unseen: number;
  unread: number;
  totalThreads: number;
  unreadThreads: number;
  size: number;
}

type Kind = 'created' | 'updated' | 'destroyed';

export class ChangeDraft {
  readonly #ids: Record<Kind, Partial<Record<StateType, Set<string>>>> = { created: {}, updated: {}, destroyed: {} };
  readonly expunged = new Map<MailboxId, number[]>();
  readonly touched = new Set<MailboxId>();
  readonly deltas = new Map<MailboxId, Counters>();
  readonly uidNext = new Map<MailboxId, number>();
  /** Mailboxes of which more than the counts changed. */
  readonly reshaped = new Set<MailboxId>();

  /** Created and destroyed beat updated; what is created and destroyed at once never was. */
  note(kind: Kind, type: StateType, id: string): void {
    const of = (k: Kind): Set<string> => {
      let set = this.#ids[k][type];
      if (set === undefined) {
        set = new Set();
        this.#ids[k][type] = set;
      }
      return set;
    };
    if (kind === 'updated') {
      if (!of('created').has(id) && !of('destroyed').has(id)) of('updated').add(id);
    } else if (kind === 'created') {
      of('created').add(id);
    } else {
      of('updated').delete(id);
      if (!of('created').delete(id)) of('destroyed').add(id);
    }
  }

  has(kind: Kind, type: StateType, id: string): boolean {
    return this.#ids[kind][type]?.has(id) ?? false;
  }

  counters(mailbox: MailboxId): Counters {
    let counters = this.deltas.get(mailbox);
    if (counters === undefined) {
      counters = { total: 0, unseen: 0, unread: 0, totalThreads: 0, unreadThreads: 0, size: 0 };
      this.deltas.set(mailbox, counters);
    }
    return counters;
  }

  endMembership(mailbox: MailboxId, uid: number): void {
    const uids = this.expunged.get(mailbox);
    if (uids === undefined) this.expunged.set(mailbox, [uid]);
    else uids.push(uid);
    this.touched.add(mailbox);
  }

  /** Types whose state moves. */
  changedTypes(): StateType[] {
    return STATE_TYPES.filter((type) =>
      (['created', 'updated', 'destroyed'] as const).some((kind) => (this.#ids[kind][type]?.size ?? 0) > 0),
    );
  }

  isEmpty(): boolean {
    return this.touched.size === 0 && this.changedTypes().length === 0;
  }

  row(account: AccountId, modseq: number, at: Date): ChangeLogRow {
    const lists = (kind: Kind): ChangeLogRow['created'] => {
      const filled = Object.entries(this.#ids[kind]).filter(([, ids]) => ids.size > 0);
      return filled.length === 0 ? undefined : Object.fromEntries(filled.map(([type, ids]) => [type, [...ids]]));
    };
    const [created, updated, destroyed] = [lists('created'), lists('updated'), lists('destroyed')];
    const expunged = [...this.expunged].map(([mailbox, uids]) => ({ mailbox, uids: uids.sort((a, b) => a - b) }));
    const isCountsOnly = [...(this.#ids.updated.Mailbox ?? [])].every((id) => !this.reshaped.has(id as MailboxId));
    return {
      _id: new ObjectId(),
      account,
      modseq,
      at,
      ...(created && { created }),
      ...(updated && { updated }),
      ...(destroyed && { destroyed }),
      ...(expunged.length > 0 && { expunged }),
      ...(this.touched.size > 0 && { touched: [...this.touched] }),
      ...(isCountsOnly && { countsOnly: true as const }),
    };
  }
}
