/**
 * SEARCH and UID SEARCH (RFC 9051 §6.4.4, RFC 3501 §6.4.4), with RETURN (RFC 4731), CHARSET, MODSEQ (RFC 7162 §3.1.5) and sets that reach
 * beyond the mailbox, which match nothing there.
 */

import { isKnownCharset } from '../../../mail/format/charset.ts';
import type { EmailId, ThreadId, Uid } from '../../../mail/ids.ts';
import { parseSearchKeys, type SearchKey } from '../grammar/search-keys.ts';
import { printNumbers, rangesOf, resolveUids, type SequenceSet } from '../grammar/sequence-set.ts';
import { printString } from '../grammar/strings.ts';
import { no, ok } from '../session/completion.ts';
import type { ImapSession } from '../session/imap-session.ts';
import { everyKey, mentions, searchNodeOf } from '../session/search-node.ts';
import { defineCommand } from './command.ts';
import { targetsOf } from './targets.ts';

type ReturnOption = 'MIN' | 'MAX' | 'ALL' | 'COUNT';
const RETURN_OPTIONS: ReadonlySet<string> = new Set(['MIN', 'MAX', 'ALL', 'COUNT']);

export const search = defineCommand({
  name: 'SEARCH',
  when: 'selected',
  updates: 'noExpunge',
  parse: (cursor) => {
    let wanted: ReadonlySet<ReturnOption> | null = null;
    cursor.space();
    if (cursor.takesKeyword('RETURN')) {
      cursor.space();
      const options = cursor.list(() => {
        const option = cursor.keyword();
        if (!RETURN_OPTIONS.has(option)) throw cursor.fault(`Unknown RETURN option ${option.slice(0, 40)}`);
        return option as ReturnOption;
      });
      // RFC 4731 §3.1: no option means ALL.
      wanted = new Set(options.length === 0 ? ['ALL'] : options);
      cursor.space();
    }
    let charset = null as string | null;
    if (cursor.takesKeyword('CHARSET')) {
      cursor.space();
      charset = cursor.astring().toString('latin1');
      cursor.space();
    }
    const isKnown = charset === null || isKnownCharset(charset);
    const key = parseSearchKeys(cursor, isKnown ? charset : null);
    return { wanted, key: isKnown ? key : null };
  },
  run: async (session, { wanted, key }, { isUid, tag }) => {
    if (key === null) return no('Unknown charset', 'BADCHARSET (US-ASCII UTF-8)');
    const { view, store, connection } = session;
    const hasModseq = mentions(key, 'MODSEQ');
    if (hasModseq) session.isCondstore = true;
    await view.uids();
    const node = searchNodeOf(key, await contextOf(session, key));
    // A message that came since has no sequence number yet, and can't be in the answer.
    const uids = (await store.searchMailbox(view.mailbox, node)).filter((uid) => view.sequenceOf(uid) > 0);
    const numbers = isUid ? uids : uids.map((uid) => view.sequenceOf(uid));
    if (wanted === null) {
      connection.writer.text(`* SEARCH${numbers.length === 0 ? '' : ' '}${numbers.join(' ')}`);
      if (hasModseq && uids.length > 0) connection.writer.text(` (MODSEQ ${await highestModseq(session, uids)})`);
      connection.writer.text('\r\n');
      return ok('Search completed');
    }
    let text = `ESEARCH (TAG ${printString(tag)})${isUid ? ' UID' : ''}`;
    const first = numbers[0];
    const last = numbers.at(-1);
    if (first !== undefined && last !== undefined) {
      if (wanted.has('MIN')) text += ` MIN ${first}`;
      if (wanted.has('MAX')) text += ` MAX ${last}`;
      if (wanted.has('ALL')) text += ` ALL ${printNumbers(numbers)}`;
    }
    if (wanted.has('COUNT')) text += ` COUNT ${numbers.length}`;
    if (hasModseq && uids.length > 0) {
      // RFC 4731 §3.2: of MIN and MAX alone when nothing else is asked for.
      const some = [...(wanted.has('MIN') ? [uids[0]!] : []), ...(wanted.has('MAX') ? [uids.at(-1)!] : [])];
      const isAll = wanted.has('ALL') || wanted.has('COUNT');
      text += ` MODSEQ ${await highestModseq(session, isAll ? uids : [...new Set(some)].sort((a, b) => a - b))}`;
    }
    session.untagged(text);
    return ok('Search completed');
  },
});

async function contextOf(session: ImapSession, key: SearchKey): Promise<Parameters<typeof searchNodeOf>[1]> {
  const uids = await session.view.uids();
  const sequences = new Map<SequenceSet, Awaited<ReturnType<typeof targetsOf>>>();
  const threads: ThreadId[] = [];
  for (const each of everyKey(key)) {
    if (each.key === 'SEQUENCE') sequences.set(each.set, await targetsOf(session, each.set, false));
    if (each.key === 'THREADID') threads.push(each.id as ThreadId);
  }
  const emails = new Map<string, readonly EmailId[]>();
  if (threads.length > 0)
    for (const thread of await session.store.threads(threads)) emails.set(thread.id, thread.emails);
  return {
    now: session.server.clock.now(),
    rangesOfSequence: (set) => sequences.get(set)!.ranges,
    rangesOfUids: (set) => resolveUids(set, uids.at(-1) ?? 0),
    emailsOfThread: (thread) => emails.get(thread) ?? [],
  };
}

async function highestModseq(session: ImapSession, uids: readonly Uid[]): Promise<number> {
  let highest = 0;
  for await (const batch of session.store.messagesByUid(session.view.mailbox, rangesOf(uids)))
    for (const message of batch) highest = Math.max(highest, message.modseq);
  return highest;
}
