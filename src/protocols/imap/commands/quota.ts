/**
 * GETQUOTA and GETQUOTAROOT (RFC 9208 §4.1.2, §4.1.3): one root for the whole account. Thunderbird asks after every SELECT. SETQUOTA needs an
 * administrator, who has other ways.
 */
import { no, ok } from '../session/completion.ts';
import type { ImapSession } from '../session/imap-session.ts';
import { printMailboxName, readMailboxName } from '../session/mailbox-names.ts';
import { defineCommand } from './command.ts';

/** An atom, and not empty: clients show it. */
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
    const resources = await limitedResources(session);
    // RFC 9208 §5 has no empty list of resources: an account without limits has no quota root.
    if (resources === '') session.untagged(`QUOTAROOT ${printMailboxName(path)}`);
    else {
      session.untagged(`QUOTAROOT ${printMailboxName(path)} ${ROOT}`);
      session.untagged(`QUOTA ${ROOT} (${resources})`);
    }
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
    const resources = root === ROOT ? await limitedResources(session) : '';
    if (resources === '') return no('No such quota root', 'NONEXISTENT');
    session.untagged(`QUOTA ${ROOT} (${resources})`);
    return ok('Getquota completed');
  },
});

/** RFC 9208 §5.1: STORAGE counts 1,024 octets. A resource without a limit is not listed. */
async function limitedResources(session: ImapSession): Promise<string> {
  const { usedBytes, maxBytes, usedMessages, maxMessages } = await session.store.quota();
  const resources: string[] = [];
  if (maxBytes !== null) resources.push(`STORAGE ${Math.ceil(usedBytes / 1024)} ${Math.floor(maxBytes / 1024)}`);
  if (maxMessages !== null) resources.push(`MESSAGE ${usedMessages} ${maxMessages}`);
  return resources.join(' ');
}
