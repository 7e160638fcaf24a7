/**
 * The mailboxes that have to be made so that a path exists (RFC 9051 §6.3.4: superior names are made as needed), as one batch. Pure.
 */
import type { MailboxId } from '../../../mail/ids.ts';
import type { NewMailbox } from '../../../storage/mail-store.ts';
import type { MailboxRole } from '../../../storage/model.ts';
import { DELIMITER, type MailboxTree } from './mailbox-names.ts';

export interface MissingLevels {
  /** By key; each refers to the one before it. Empty when all levels exist. */
  readonly batch: ReadonlyMap<string, NewMailbox>;
  /** Key of the last level, or '' when it exists. */
  readonly lastKey: string;
  /** The last level's id or '#key'; null when `levels` is empty: the root. */
  readonly last: MailboxId | `#${string}` | null;
}

/** `role` goes to the last level. What is made by a user of IMAP is subscribed to, as JMAP clients show it. */
export function missingLevels(
  tree: MailboxTree,
  levels: readonly string[],
  role: MailboxRole | null = null,
): MissingLevels {
  const batch = new Map<string, NewMailbox>();
  let last: MissingLevels['last'] = null;
  let lastKey = '';
  levels.forEach((name, index) => {
    const found = tree.find(levels.slice(0, index + 1).join(DELIMITER));
    if (found !== null) {
      last = found.mailbox.id;
      return;
    }
    lastKey = `level${index}`;
    const isLast = index === levels.length - 1;
    batch.set(lastKey, { name, parent: last, role: isLast ? role : null, isSubscribed: false });
    last = `#${lastKey}`;
  });
  return { batch, lastKey, last };
}
