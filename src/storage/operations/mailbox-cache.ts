/**
 * The mailbox rows of accounts that this process wrote last. They are exact as long as the account is at the modseq they were written at, which the
 * account's lock tells: nothing changes a mailbox without taking a modseq. Saves a round trip and the decoding of all mailboxes for each delivery.
 */
import { LRUCache } from 'lru-cache';
import type { AccountId, MailboxId } from '../../mail/ids.ts';
import type { MailboxRow } from '../mongo/documents.ts';

interface Entry {
  readonly modseq: number;
  readonly mailboxes: ReadonlyMap<MailboxId, MailboxRow>;
}

/** Rows, over all accounts: some 20 MB. */
const MAX_ROWS = 40_000;

export class MailboxCache {
  readonly #entries = new LRUCache<AccountId, Entry>({
    maxSize: MAX_ROWS,
    sizeCalculation: ({ mailboxes }) => mailboxes.size + 1,
    // A row that was changed behind the program's back (a restore by hand) is seen after a while.
    ttl: 60_000,
  });

  get(account: AccountId, modseq: number): ReadonlyMap<MailboxId, MailboxRow> | null {
    const entry = this.#entries.get(account);
    return entry?.modseq === modseq ? entry.mailboxes : null;
  }
  put(account: AccountId, modseq: number, mailboxes: ReadonlyMap<MailboxId, MailboxRow>): void {
    this.#entries.set(account, { modseq, mailboxes });
  }
}
