/**
 * QUIT (RFC 1939 §6): the UPDATE state. +OK means that the deletions are committed. On a failure nothing is lost: messages that are still there keep
 * or get back the flags that they had. The lock is free before the client hears of it, so that it can come again at once.
 */
import { err, ok, type Reply } from '../replies.ts';
import type { Pop3Session } from '../session/pop3-session.ts';
import type { Command } from './command.ts';

export const quit: Command<'QUIT'> = {
  state: 'any',
  run: async (session) => {
    session.isEnding = true;
    if (!session.isLoggedIn) return ok('Bye');
    const { lease } = session.transaction;
    try {
      return await update(session);
    } finally {
      await lease.release();
    }
  },
};

const NOT_REMOVED = 'Deleted messages may not have been removed';

async function update(session: Pop3Session): Promise<Reply> {
  const { drop, store, lease, info } = session.transaction;
  const uids = drop.deletedUids();
  if (uids.length === 0) return ok('Bye');
  if (!(await lease.confirm())) return err('The lock of the maildrop is lost, nothing was removed', 'SYS/TEMP');
  const peer = session.connection.remoteAddress;
  try {
    await store.changeFlags(drop.mailbox, uids, { mode: 'add', keywords: [], deleted: true });
    const expunged = await store.expunge(drop.mailbox, uids);
    session.log.info({ peer, account: info.id, messages: expunged.uids.length }, 'removed messages');
    return ok('Bye, deleted messages are removed');
  } catch (cause) {
    session.log.warn({ peer, account: info.id, cause }, 'could not remove messages');
    await takeBack(session);
    return err(NOT_REMOVED, 'SYS/TEMP');
  }
}

/** Best effort: a \Deleted that stays is seen by IMAP clients, and removed by the next QUIT of the client that wanted it. */
async function takeBack(session: Pop3Session): Promise<void> {
  const { drop, store, info } = session.transaction;
  const uids = drop.deletedUids('notMarkedBefore');
  if (uids.length === 0) return;
  try {
    await store.changeFlags(drop.mailbox, uids, { mode: 'remove', keywords: [], deleted: true });
  } catch (cause) {
    session.log.warn({ account: info.id, cause }, 'messages stay marked as deleted');
  }
}
