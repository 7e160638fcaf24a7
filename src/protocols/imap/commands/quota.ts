/**
 * GETQUOTA and GETQUOTAROOT (RFC 9208 §4.1.2, §4.1.3): one root for the whole account. Thunderbird asks after every SELECT. SETQUOTA needs an
 * administrator, who has other ways.
 */
import { printAstring } from '../grammar/strings.ts';
import { no, ok } from '../session/completion.ts';
import type { ImapSession } from '../session/imap-session.ts';
import { printMailboxName, readMailboxName } from '../session/mailbox-names.ts';
import { defineCommand } from './command.ts';

/** Not empty: Outlook and others show it. */
const ROOT = 'Account';

export const getQuotaRoot = defineCommand({
  name: 'GETQUOTAROOT',
  when: 'afterLogin',
  updates: 'all',
  parse: (cursor) => {
    cursor.space();
    return cursor.astring();
  },
  run: async (session, octets) => {
    const { tree } = await session.mailboxes();
    const { path } = tree.require(readMailboxName(octets));
    session.untagged(`QUOTAROOT ${printMailboxName(path)} ${printAstring(ROOT)}`);
    await writeQuota(session);
    return ok('Getquotaroot completed');
  },
});

export const getQuota = defineCommand({
  name: 'GETQUOTA',
  when: 'afterLogin',
  updates: 'all',
  parse: (cursor) => {
    cursor.space();
    return cursor.astring().toString('latin1');
  },
  run: async (session, root) => {
    if (root !== ROOT) return no('No such quota root', 'NONEXISTENT');
    await writeQuota(session);
    return ok('Getquota completed');
  },
});

/** RFC 9208 §5.1: STORAGE counts 1,024 octets. A resource without a limit is not listed. */
async function writeQuota(session: ImapSession): Promise<void> {
  const { usedBytes, maxBytes, usedMessages, maxMessages } = await session.store.quota();
  const resources: string[] = [];
  if (maxBytes !== null) resources.push(`STORAGE ${Math.ceil(usedBytes / 1024)} ${Math.floor(maxBytes / 1024)}`);
  if (maxMessages !== null) resources.push(`MESSAGE ${usedMessages} ${maxMessages}`);
  session.untagged(`QUOTA ${printAstring(ROOT)} (${resources.join(' ')})`);
}
