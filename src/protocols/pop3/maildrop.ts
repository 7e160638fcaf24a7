/**
 * A maildrop: the whole Inbox as it was at login (RFC 1939 §4, §5). Message numbers, sizes and unique ids stay as they are for the session, whatever is
 * delivered or expunged meanwhile; deletions are marks here until QUIT. Memory: nine octets for each message.
 *
 * Messages that IMAP marked \Deleted are listed like all others, as Dovecot does: the mark is no removal, its owner can take it back, and a client
 * that keeps a list of unique ids would take a message that vanishes and comes again for two.
 *
 * Unique ids are made of UIDVALIDITY and UID (RFC 1939 §7 UIDL, RFC 3501 §2.3.1.1): the same in every session for ever, never given to another message.
 */
import type { MailboxId, Uid } from '../../mail/ids.ts';
import { asUid } from '../../mail/ids.ts';
import type { AccountStore } from '../../storage/mail-store.ts';
import type { UidRange } from '../../storage/model.ts';

const DELETED = 1;
/** \Deleted was set when the drop was opened. */
const MARKED_BEFORE = 2;

export class Maildrop {
  readonly mailbox: MailboxId;
  readonly #uidValidity: number;
  readonly #uids: Uint32Array;
  readonly #sizes: Uint32Array;
  readonly #marks: Uint8Array;
  #count: number;
  #octets = 0;

  /** `uids` and the others have one entry for each message, ascending by UID. */
  constructor(
    mailbox: MailboxId,
    uidValidity: number,
    uids: Uint32Array,
    sizes: Uint32Array,
    isMarked: (index: number) => boolean,
  ) {
    this.mailbox = mailbox;
    this.#uidValidity = uidValidity;
    this.#uids = uids;
    this.#sizes = sizes;
    this.#marks = new Uint8Array(uids.length);
    this.#count = uids.length;
    for (let i = 0; i < uids.length; i++) {
      this.#octets += sizes[i]!;
      if (isMarked(i)) this.#marks[i] = MARKED_BEFORE;
    }
  }

  /** Message numbers run from 1 to here. */
  get last(): number {
    return this.#uids.length;
  }

  /** Messages not deleted in this session. */
  get count(): number {
    return this.#count;
  }

  /** Their octets. */
  get octets(): number {
    return this.#octets;
  }

  /** Whether there is such a message that is not deleted. */
  has(message: number): boolean {
    return message >= 1 && message <= this.last && (this.#marks[message - 1]! & DELETED) === 0;
  }

  uid(message: number): Uid {
    return asUid(this.#uids[message - 1]!);
  }

  /** Octets that RETR sends, the dots of RFC 1939 §3 not counted. */
  size(message: number): number {
    return this.#sizes[message - 1]!;
  }

  /** RFC 1939 §7: up to 70 characters from 0x21 to 0x7E. */
  uniqueId(message: number): string {
    return `${this.#uidValidity}-${this.uid(message)}`;
  }

  delete(message: number): void {
    this.#marks[message - 1]! |= DELETED;
    this.#count -= 1;
    this.#octets -= this.size(message);
  }

  /** RSET. */
  restore(): void {
    for (let message = 1; message <= this.last; message++) {
      if (this.has(message)) continue;
      this.#marks[message - 1]! &= ~DELETED;
      this.#count += 1;
      this.#octets += this.size(message);
    }
  }

  /** UIDs of the deleted messages, and no other: a range never spans a UID that is not one of them. */
  deletedUids(which: 'all' | 'notMarkedBefore' = 'all'): readonly UidRange[] {
    const ranges: { from: Uid; to: Uid }[] = [];
    for (let message = 1; message <= this.last; message++) {
      const mark = this.#marks[message - 1]!;
      if ((mark & DELETED) === 0 || (which === 'notMarkedBefore' && (mark & MARKED_BEFORE) !== 0)) continue;
      const uid = this.uid(message);
      const range = ranges.at(-1);
      if (range !== undefined && range.to + 1 === uid) range.to = uid;
      else ranges.push({ from: uid, to: uid });
    }
    return ranges;
  }
}

/** The Inbox of an account, now. @throws Deferral 'unavailable'. */
export async function openMaildrop(store: AccountStore): Promise<Maildrop> {
  const { mailboxes } = await store.mailboxes();
  const inbox = mailboxes.find((mailbox) => mailbox.role === 'inbox');
  const map = inbox === undefined ? null : await store.uidMap(inbox.id);
  if (inbox === undefined || map === null) throw new Error(`account ${store.account} has no inbox`);
  const uids = map.uids.slice();
  const sizes = new Uint32Array(uids.length);
  const marked = new Uint8Array(uids.length);
  // What is expunged between the two reads is left out; what is delivered has a UID beyond the last.
  let count = 0;
  let next = 0;
  const last = uids.at(-1);
  const range = last === undefined ? [] : [{ from: asUid(uids[0]!), to: asUid(last) }];
  for await (const batch of store.messagesByUid(inbox.id, range)) {
    for (const message of batch) {
      const membership = message.mailboxes.find(({ mailbox }) => mailbox === inbox.id)!;
      while (next < uids.length && uids[next]! < membership.uid) next += 1;
      if (uids[next] !== membership.uid) continue;
      uids[count] = membership.uid;
      sizes[count] = message.crlfSize;
      marked[count] = membership.deleted ? 1 : 0;
      count += 1;
      next += 1;
    }
  }
  const isMarked = (index: number): boolean => marked[index] === 1;
  return new Maildrop(inbox.id, inbox.uidValidity, uids.subarray(0, count), sizes.subarray(0, count), isMarked);
}
