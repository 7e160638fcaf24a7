/** A mailbox as JMAP shows it (RFC 8621 §2). */
import type { Mailbox } from '../../../../storage/model.ts';

export const MAILBOX_PROPERTIES: ReadonlySet<string> = new Set([
  'id',
  'name',
  'parentId',
  'role',
  'sortOrder',
  'totalEmails',
  'unreadEmails',
  'totalThreads',
  'unreadThreads',
  'myRights',
  'isSubscribed',
]);

/** RFC 8621 §2.2 updatedProperties. */
export const COUNT_PROPERTIES = ['totalEmails', 'unreadEmails', 'totalThreads', 'unreadThreads'] as const;

export function mailboxObject(mailbox: Mailbox): {
  readonly id: string;
  readonly [property: string]: unknown;
} {
  const isInbox = mailbox.role === 'inbox';
  return {
    id: mailbox.id,
    name: mailbox.name,
    parentId: mailbox.parent,
    role: mailbox.role,
    sortOrder: mailbox.sortOrder,
    totalEmails: mailbox.total,
    unreadEmails: mailbox.unread,
    totalThreads: mailbox.totalThreads,
    unreadThreads: mailbox.unreadThreads,
    myRights: {
      mayReadItems: true,
      mayAddItems: true,
      mayRemoveItems: true,
      maySetSeen: true,
      maySetKeywords: true,
      mayCreateChild: true,
      // RFC 8621 §2: an account always has its Inbox.
      mayRename: !isInbox,
      mayDelete: !isInbox,
      maySubmit: true,
    },
    isSubscribed: mailbox.subscribed,
  };
}
