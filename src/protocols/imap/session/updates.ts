/**
 * The one place that tells a client of changes in its selected mailbox: EXPUNGE or VANISHED, EXISTS, FETCH FLAGS (RFC 9051 §7.4.1, §7.3.1, §7.5.2).
 * It runs at the end of commands and in IDLE, never in the middle, so that sequence numbers hold for a whole command.
 */

import type { MailboxId, Uid } from '../../../mail/ids.ts';
import type { Message } from '../../../storage/model.ts';
import { ConnectionClosed } from '../../stream/byte-reader.ts';
import { printFlags } from '../grammar/flags.ts';
import { printNumbers } from '../grammar/sequence-set.ts';
import type { ImapSession } from './imap-session.ts';
import { type ViewChanges, ViewLost } from './mailbox-view.ts';
import type { SharedReads } from './shared-reads.ts';

const BATCH_EMAILS = 200;

/** Follows the log and writes what it says. `mayExpunge` is false for FETCH, STORE and SEARCH by sequence number (RFC 9051 §7.5.1). */
export async function writeUpdates(
  session: ImapSession,
  mayExpunge: boolean,
  shared: SharedReads | null = null,
): Promise<void> {
  const selected = session.selected;
  if (selected === null) return;
  const changes = await selected.view.follow(mayExpunge, shared);
  // RFC 7162 §3.2.10.2: by UID for a client that asked for it.
  if (!session.isQresync) for (const number of changes.expunged) session.untagged(`${number} EXPUNGE`);
  else if (changes.expunged.length > 0) session.untagged(`VANISHED ${printNumbers(changes.expungedUids)}`);
  if (changes.exists !== null) session.untagged(`${changes.exists} EXISTS`);
  try {
    await writeChangedFlags(session, changes, shared);
  } catch (cause) {
    if (cause instanceof ConnectionClosed) throw cause;
    // The view has moved on; what could not be told can't be told later.
    throw new ViewLost('flags could not be read', { cause });
  }
}

async function writeChangedFlags(
  session: ImapSession,
  changes: ViewChanges,
  shared: SharedReads | null,
): Promise<void> {
  const { store, connection, view } = session;
  for (let at = 0; at < changes.changedEmails.length; at += BATCH_EMAILS) {
    const ids = changes.changedEmails.slice(at, at + BATCH_EMAILS);
    const read = (): Promise<readonly Message[]> => store.messages(ids);
    const key = `messages ${store.account} ${view.cursor} ${ids.join(' ')}`;
    const messages = await (shared?.share(key, read) ?? read());
    for (const message of messages) writeFlags(session, message, changes.newFrom);
    await connection.writer.flushWhenFull();
  }
  if (changes.changedUids.length === 0) return;
  for await (const batch of store.messagesByUid(view.mailbox, changes.changedUids)) {
    for (const message of batch) writeFlags(session, message, changes.newFrom);
    await connection.writer.flushWhenFull();
  }
}

function writeFlags(session: ImapSession, message: Message, newFrom: Uid): void {
  const membership = membershipOf(message, session.view.mailbox);
  if (membership === null || membership.uid >= newFrom) return;
  const number = session.view.sequenceOf(membership.uid);
  if (number === 0) return;
  session.untagged(
    printFlagsReply(session, number, membership.uid, printFlags(message.keywords, membership.deleted), message.modseq),
  );
}

/** `12 FETCH (FLAGS (\Seen))`, with UID and MODSEQ for a client that follows mod-sequences (RFC 7162 §3.1). */
export function printFlagsReply(
  session: ImapSession,
  number: number,
  uid: number,
  flags: string,
  modseq: number,
  isUid = false,
): string {
  const withUid = isUid || session.isCondstore ? `UID ${uid} ` : '';
  return `${number} FETCH (${withUid}FLAGS (${flags})${session.isCondstore ? ` MODSEQ (${modseq})` : ''})`;
}

export function membershipOf(message: Message, mailbox: MailboxId): Message['mailboxes'][number] | null {
  for (const membership of message.mailboxes) if (membership.mailbox === mailbox) return membership;
  return null;
}
