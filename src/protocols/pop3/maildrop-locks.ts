/**
 * The exclusive lock of a maildrop (RFC 1939 §4): from login to the end of the session nobody else may open it over POP3.
 *
 * Here for one process. What a lock shared by processes needs: an atomic take-if-absent with a random token and an expiry of about 30 s
 * (`SET key token NX PX`), a renewal that compares the token and runs on the implementation's own timer until `release`, `isHeld` false from
 * the moment that a renewal failed or could not be made in time, `confirm` as one renewal that is waited for, and a release that compares the token.
 * A process that dies then frees its drops when the leases run out. All listeners of a process must be given the same locks.
 *
 * A lost lease is no loss of mail: deletions name UIDs, which never come to mean another message.
 */
import type { AccountId } from '../../mail/ids.ts';

export interface MaildropLocks {
  /** Null: another session has the drop. Deferral 'unavailable' when that can't be known. Never waits for the other session. */
  acquire(account: AccountId): Promise<MaildropLease | null>;
}

export interface MaildropLease {
  /** What is known without asking: false once the lease is lost or released. */
  readonly isHeld: boolean;
  /** Makes sure of it, before something is deleted. */
  confirm(): Promise<boolean>;
  /** Harmless when repeated. Never rejects. */
  release(): Promise<void>;
}

export class LocalMaildropLocks implements MaildropLocks {
  readonly #held = new Map<AccountId, MaildropLease>();

  acquire(account: AccountId): Promise<MaildropLease | null> {
    if (this.#held.has(account)) return Promise.resolve(null);
    const held = this.#held;
    const lease: MaildropLease = {
      get isHeld() {
        return held.get(account) === lease;
      },
      confirm: () => Promise.resolve(lease.isHeld),
      release: () => {
        if (lease.isHeld) held.delete(account);
        return Promise.resolve();
      },
    };
    held.set(account, lease);
    return Promise.resolve(lease);
  }
}
