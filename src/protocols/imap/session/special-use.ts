/** Mailbox roles as IMAP's special-use attributes (RFC 6154 §2, RFC 8457 §3). INBOX has none. */
import type { MailboxRole } from '../../../storage/model.ts';

const USES: Readonly<Record<MailboxRole, string | null>> = {
  inbox: null,
  sent: '\\Sent',
  drafts: '\\Drafts',
  trash: '\\Trash',
  junk: '\\Junk',
  archive: '\\Archive',
  all: '\\All',
  flagged: '\\Flagged',
  important: '\\Important',
};
const ROLES = new Map(
  Object.entries(USES).flatMap(([role, use]) => (use === null ? [] : [[use.toLowerCase(), role as MailboxRole]])),
);

export const useOfRole = (role: MailboxRole | null): string | null => (role === null ? null : USES[role]);

/** Null for what is no special use. */
export const roleOfUse = (use: string): MailboxRole | null => ROLES.get(use.toLowerCase()) ?? null;
