/** Mailbox/queryChanges (RFC 8621 §2.4): every Mailbox/query answers `canCalculateChanges: false`. */
import type { Method } from '../../method-call.ts';
import { refuseQueryChanges } from '../../standard/query-changes.ts';

export const mailboxQueryChanges: Method = refuseQueryChanges;
