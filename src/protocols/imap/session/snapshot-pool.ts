/**
 * UID lists of mailboxes, shared by all sessions of the process that see the same messages: a thousand clients on one mailbox hold one list.
 * Lists are immutable; whoever changes its view makes a new list and offers it here again. Nothing is kept that no session holds.
 */
import type { MailboxId } from '../../../mail/ids.ts';

/** Lists of one mailbox that are compared: sessions of one mailbox are at most a few changes apart. */
const MAX_CANDIDATES = 8;

/** The list of every empty mailbox. */
export const NO_UIDS = new Uint32Array(0);

export class SnapshotPool {
  readonly #lists = new Map<MailboxId, WeakRef<Uint32Array>[]>();
  readonly #gone = new FinalizationRegistry<MailboxId>((mailbox) => this.#sweep(mailbox));

  /** An equal list that is in use, or this one, from now on shared. It must not be changed any more. */
  intern(mailbox: MailboxId, uids: Uint32Array): Uint32Array {
    if (uids.length === 0) return NO_UIDS;
    const candidates = this.#lists.get(mailbox) ?? [];
    for (const candidate of candidates) {
      const shared = candidate.deref();
      if (shared !== undefined && isEqual(shared, uids)) return shared;
    }
    candidates.push(new WeakRef(uids));
    if (candidates.length > MAX_CANDIDATES) candidates.shift();
    this.#lists.set(mailbox, candidates);
    this.#gone.register(uids, mailbox);
    return uids;
  }

  #sweep(mailbox: MailboxId): void {
    const alive = this.#lists.get(mailbox)?.filter((list) => list.deref() !== undefined) ?? [];
    if (alive.length === 0) this.#lists.delete(mailbox);
    else this.#lists.set(mailbox, alive);
  }
}

function isEqual(a: Uint32Array, b: Uint32Array): boolean {
  return (
    a.length === b.length &&
    a[0] === b[0] &&
    a[a.length - 1] === b[b.length - 1] &&
    Buffer.from(a.buffer, a.byteOffset, a.byteLength).equals(Buffer.from(b.buffer, b.byteOffset, b.byteLength))
  );
}
