/** Mailbox/changes (RFC 8621 §2.2): counts change far more often than mailboxes do, and `updatedProperties` says when that was all. */
import type { Method } from '../../method-call.ts';
import { readChanges } from '../../standard/changes.ts';
import { COUNT_PROPERTIES } from './mailbox-object.ts';

export const mailboxChanges: Method = async (call) => {
  const { changes, isCountsOnly } = await readChanges(call, 'Mailbox');
  return { ...changes, updatedProperties: isCountsOnly ? COUNT_PROPERTIES : null };
};
