/**
 * IMAP STORE by UID in one mailbox (RFC 3501 §6.4.6), with UNCHANGEDSINCE (RFC 7162 §3.1.3).
 *
 * Keywords are shared by all mailboxes of a message, \Deleted belongs to this membership. A message that has the wanted flags already is not changed and
 * keeps its modseq. Up to FLAGS_PER_MUTATION messages are one mutation; more are done in steps, each a mutation of its own: RFC 3501 doesn't ask for a
 * STORE to be all or none, and a client is told what became of each message. Refusals: 'notFound', 'tooMany' (keywords).
 */
import type { Keyword } from '../../mail/flags.ts';
import type { AccountId, MailboxId, Modseq, Uid } from '../../mail/ids.ts';
import type { FlagChange, FlagChangeResult } from '../mail-store.ts';
import type { UidRange } from '../model.ts';
import type { Database } from '../mongo/database.ts';
import type { AccountWriter } from './account-writer.ts';
import { checkedKeywords } from './append.ts';
import type { Located } from './message-table.ts';
import { FLAGS_PER_MUTATION, type Mutation } from './mutation.ts';
import { isUnread } from './thread-counters.ts';
import { span, splitByCount } from './uid-steps.ts';
import type { UnitOfWork } from './unit-of-work.ts';

type Changed = FlagChangeResult['messages'][number];

export async function changeFlags(
  database: Database,
  writer: AccountWriter,
  account: AccountId,
  mailbox: MailboxId,
  uids: readonly UidRange[],
  change: FlagChange,
): Promise<FlagChangeResult> {
  const steps: (readonly UidRange[])[] =
    span(uids) <= FLAGS_PER_MUTATION
      ? [uids]
      : await splitByCount(database, account, mailbox, uids, FLAGS_PER_MUTATION);
  // Nothing to do: still the one place that knows whether there is such a mailbox, and the modseq.
  if (steps.length === 0) steps.push([]);
  const messages: Changed[] = [];
  const conflicts: Uid[] = [];
  let modseq = 0 as Modseq;
  for (const ranges of steps) {
    const step = await writer.mutate(account, flagMutation(mailbox, ranges, change));
    modseq = step.modseq;
    messages.push(...step.messages);
    conflicts.push(...step.conflicts);
  }
  return { modseq, messages, conflicts };
}

function flagMutation(mailbox: MailboxId, ranges: readonly UidRange[], change: FlagChange): Mutation<FlagChangeResult> {
  const need = { mailbox, ranges };
  return {
    needs: { uids: [need], siblings: movesUnread(change) },
    weight: Math.min(span(ranges), FLAGS_PER_MUTATION),
    forecast: { states: movesUnread(change) ? ['Mailbox', 'Email'] : ['Email'], bytes: 0, messages: 0 },
    apply: (work) => {
      work.mailbox(mailbox);
      const found = work.messages.inMailbox(need);
      const conflicts: Uid[] = [];
      const messages: Changed[] = [];
      const wanted = new Map<Located, Wanted>();
      for (const located of found) {
        if (change.unchangedSince !== undefined && located.row.modseq > change.unchangedSince) {
          conflicts.push(located.membership.uid as Uid);
        } else wanted.set(located, wantedFlags(located, change));
      }
      work.messages.expectThreads(threadsOf(wanted));
      for (const [located, flags] of wanted) messages.push(changeOne(work, located, flags));
      return ({ modseq }) => ({ modseq, messages, conflicts });
    },
  };
}

interface Wanted {
  readonly keywords: readonly Keyword[];
  readonly deleted: boolean;
}

function changeOne(work: UnitOfWork, { row, membership }: Located, wanted: Wanted): Changed {
  const uid = membership.uid as Uid;
  const isSame = wanted.deleted === membership.deleted && equalKeywords(wanted.keywords, row.keywords);
  const answer = { uid, keywords: wanted.keywords, deleted: wanted.deleted };
  if (isSame) return { ...answer, modseq: row.modseq as Modseq, isChanged: false };
  work.update(row, {
    keywords: wanted.keywords,
    ...(wanted.deleted !== membership.deleted && {
      mailboxes: row.mailboxes.map((m) => (m.id === membership.id ? { ...m, deleted: wanted.deleted } : m)),
    }),
  });
  return { ...answer, modseq: work.modseq, isChanged: true };
}

function wantedFlags({ row, membership }: Located, change: FlagChange): Wanted {
  switch (change.mode) {
    case 'replace':
      return { keywords: checkedKeywords(change.keywords), deleted: change.deleted };
    case 'add':
      return {
        keywords: checkedKeywords([...row.keywords, ...change.keywords]),
        deleted: membership.deleted || change.deleted,
      };
    case 'remove':
      return {
        keywords: row.keywords.filter((keyword) => !change.keywords.includes(keyword)),
        deleted: membership.deleted && !change.deleted,
      };
    default:
      return change.mode satisfies never;
  }
}

/** Threads whose counts will move. */
function* threadsOf(wanted: ReadonlyMap<Located, Wanted>): Iterable<Located['row']['thread']> {
  for (const [{ row }, { keywords }] of wanted) {
    if (isUnread(row.keywords) !== isUnread(keywords)) yield row.thread;
  }
}

const movesUnread = ({ mode, keywords }: FlagChange): boolean => mode === 'replace' || !isUnread(keywords);

/** Both are sorted. */
export const equalKeywords = (a: readonly Keyword[], b: readonly Keyword[]): boolean =>
  a.length === b.length && a.every((keyword, i) => keyword === b[i]);
