/**
 * What one thread adds to the thread counters of mailboxes (RFC 8621 §2): pure.
 *
 * totalThreads counts threads with an email in the mailbox; unreadThreads those of them with an unread email anywhere, unread being neither
 * $seen nor $draft. An email that is only in the trash counts for no other mailbox, and one outside the trash not for the trash.
 */
import { DRAFT, type Keyword, SEEN } from '../../mail/flags.ts';
import type { MailboxId } from '../../mail/ids.ts';

interface Counted {
  readonly keywords: readonly Keyword[];
  readonly mailboxes: readonly { readonly id: MailboxId }[];
}

export const isUnread = (keywords: readonly Keyword[]): boolean =>
  !keywords.includes(SEEN) && !keywords.includes(DRAFT);

/** For each mailbox that the thread is in, whether it is unread there. */
export function threadShares(emails: readonly Counted[], trash: MailboxId | null): Map<MailboxId, boolean> {
  const shares = new Map<MailboxId, boolean>();
  let isUnreadOutside = false;
  let isUnreadInTrash = false;
  for (const { keywords, mailboxes } of emails) {
    const unread = isUnread(keywords);
    for (const { id } of mailboxes) {
      shares.set(id, false);
      if (unread && id === trash) isUnreadInTrash = true;
      else if (unread) isUnreadOutside = true;
    }
  }
  for (const id of shares.keys()) shares.set(id, id === trash ? isUnreadInTrash : isUnreadOutside);
  return shares;
}
