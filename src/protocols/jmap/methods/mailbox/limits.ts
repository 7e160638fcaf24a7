/** What the session announces of mailboxes (RFC 8621 §1.3.1). */

/** Octets of UTF-8; one level of a name. */
export const MAX_MAILBOX_NAME_OCTETS = 255;

/** Levels of mailboxes. */
export const MAX_MAILBOX_DEPTH = 20;
