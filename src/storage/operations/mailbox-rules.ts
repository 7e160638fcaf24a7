/**
 * What a mailbox may be called and where it may hang (RFC 8621 §2, RFC 3501 §5.1): checks that throw a Refusal and change nothing.
 */
import type { MailboxId } from '../../mail/ids.ts';
import { Refusal } from '../../mail/refusal.ts';
import type { MailboxRole } from '../model.ts';
import type { MailboxRow } from '../mongo/documents.ts';

export const MAX_MAILBOX_NAME_OCTETS = 255;
export const MAX_MAILBOX_DEPTH = 20;

type Rows = ReadonlyMap<MailboxId, MailboxRow>;

/** NFC (RFC 8621 §2: Net-Unicode). Refusal 'invalid' for what is empty, too long, or would be cut or hidden by a client. */
export function checkedName(text: string): string {
  const name = text.normalize('NFC');
  const isBad =
    name.length === 0 ||
    Buffer.byteLength(name) > MAX_MAILBOX_NAME_OCTETS ||
    !name.isWellFormed() ||
    /[\u0000-\u001f\u007f-\u009f\u2028\u2029/]/.test(name);
  if (isBad) throw new Refusal('invalid', 'this can not be the name of a mailbox', { details: ['name'] });
  return name;
}

/** Refusal 'alreadyExists'. Names differ by case, except INBOX (RFC 3501 §5.1). */
export function expectFreeName(rows: Rows, name: string, parent: MailboxId | null, self: MailboxId | null): void {
  const isInboxName = parent === null && /^inbox$/i.test(name);
  for (const row of rows.values()) {
    if (row._id === self || row.parent !== parent) continue;
    if (row.name === name || (isInboxName && row.role === 'inbox')) {
      throw new Refusal('alreadyExists', 'there is a mailbox of that name', { details: ['name', row._id] });
    }
  }
}

/** Refusal 'invalid' when the parent is missing, below the mailbox itself, or too deep down. */
export function expectParent(rows: Rows, parent: MailboxId | null, self: MailboxId | null): void {
  let depth = 1;
  for (let id = parent; id !== null; depth++) {
    const row = rows.get(id);
    if (row === undefined) throw new Refusal('invalid', 'there is no such parent', { details: ['parentId'] });
    if (id === self) throw new Refusal('invalid', 'a mailbox can not be inside itself', { details: ['parentId'] });
    id = row.parent;
  }
  if (depth + heightBelow(rows, self) > MAX_MAILBOX_DEPTH) {
    throw new Refusal('invalid', `mailboxes nest ${MAX_MAILBOX_DEPTH} deep at most`, { details: ['parentId'] });
  }
}

/** Levels of mailboxes below one. */
function heightBelow(rows: Rows, id: MailboxId | null): number {
  if (id === null) return 0;
  let height = 0;
  for (let level = new Set([id]); ; height++) {
    const below = new Set<MailboxId>();
    for (const row of rows.values()) if (row.parent !== null && level.has(row.parent)) below.add(row._id);
    if (below.size === 0) return height;
    level = below;
  }
}

/** Refusal 'invalid' when another mailbox has the role (RFC 8621 §2: one of each). */
export function expectFreeRole(rows: Rows, role: MailboxRole | null, self: MailboxId | null): void {
  if (role === null) return;
  for (const row of rows.values()) {
    if (row.role === role && row._id !== self) {
      throw new Refusal('invalid', 'another mailbox has this role', { details: ['role'] });
    }
  }
}

/** Refusals 'notFound', 'forbidden' (the Inbox), 'mailboxHasChild'. */
export function expectRemovable(rows: Rows, id: MailboxId): MailboxRow {
  const row = rows.get(id);
  if (row === undefined) throw new Refusal('notFound', 'there is no such mailbox', { details: [id] });
  if (row.role === 'inbox') throw new Refusal('forbidden', 'the Inbox can not be removed');
  for (const { parent } of rows.values()) {
    if (parent === id) throw new Refusal('mailboxHasChild', 'the mailbox has mailboxes inside', { details: [id] });
  }
  return row;
}
