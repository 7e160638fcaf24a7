/** The data items of STATUS and of LIST RETURN (STATUS) (RFC 9051 §6.3.11, RFC 5819, RFC 7162 §3.1.7, RFC 8474 §4.3, RFC 9208 §4.1.4). */
import type { Mailbox } from '../../../storage/model.ts';
import type { Cursor } from '../grammar/cursor.ts';
import { rangesOf } from '../grammar/sequence-set.ts';
import type { ImapSession } from './imap-session.ts';
import { printMailboxName } from './mailbox-names.ts';

const ITEMS = [
  'MESSAGES',
  'RECENT',
  'UIDNEXT',
  'UIDVALIDITY',
  'UNSEEN',
  'HIGHESTMODSEQ',
  'SIZE',
  'DELETED',
  'DELETED-STORAGE',
  'APPENDLIMIT',
  'MAILBOXID',
] as const;
export type StatusItem = (typeof ITEMS)[number];
const KNOWN: ReadonlySet<string> = new Set(ITEMS);

export function parseStatusItems(cursor: Cursor): StatusItem[] {
  return cursor.list(() => {
    const item = cursor.keyword();
    if (!KNOWN.has(item)) throw cursor.fault(`Unknown STATUS item ${item.slice(0, 40)}`);
    return item as StatusItem;
  }, 1);
}

export async function writeStatus(
  session: ImapSession,
  path: string,
  mailbox: Mailbox,
  items: readonly StatusItem[],
): Promise<void> {
  // RFC 7162 §3.1.7: asking for it enables CONDSTORE.
  if (items.includes('HIGHESTMODSEQ')) session.isCondstore = true;
  const values: string[] = [];
  for (const item of new Set(items)) values.push(`${item} ${await itemValue(session, mailbox, item)}`);
  session.untagged(`STATUS ${printMailboxName(path)} (${values.join(' ')})`);
}

async function itemValue(session: ImapSession, mailbox: Mailbox, item: StatusItem): Promise<number | string> {
  switch (item) {
    case 'MESSAGES':
      return mailbox.total;
    case 'RECENT':
      return 0;
    case 'UIDNEXT':
      return mailbox.uidNext;
    case 'UIDVALIDITY':
      return mailbox.uidValidity;
    case 'UNSEEN':
      return mailbox.unseen;
    case 'HIGHESTMODSEQ':
      return Math.max(1, mailbox.modseq);
    case 'SIZE':
      return mailbox.size;
    case 'APPENDLIMIT':
      return session.server.limits.messageOctets;
    case 'MAILBOXID':
      return `(${mailbox.id})`;
    case 'DELETED':
      return (await session.store.searchMailbox(mailbox.id, { op: 'deleted' })).length;
    case 'DELETED-STORAGE': {
      let octets = 0;
      const uids = await session.store.searchMailbox(mailbox.id, { op: 'deleted' });
      if (uids.length === 0) return 0;
      for await (const batch of session.store.messagesByUid(mailbox.id, rangesOf(uids)))
        for (const message of batch) octets += message.size;
      return octets;
    }
    default:
      throw item satisfies never;
  }
}
