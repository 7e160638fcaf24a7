/**
 * Which UIDs are gone since a mod-sequence: what VANISHED (EARLIER) tells (RFC 7162 §3.2.5, §3.2.6).
 *
 * Promise: every UID that the client may hold and that left the mailbox after `since` is named, and none that is in the session's view: those
 * that leave it now are told as VANISHED, when their time comes. From the change log where it reaches back; below its floor, and where the log
 * is longer than the mailbox is worth, every UID that is not there, which is more than happened and never wrong (RFC 7162 §3.2.5.1).
 */
import { asModseq, type Modseq } from '../../../mail/ids.ts';
import { Refusal } from '../../../mail/refusal.ts';
import type { AccountStore } from '../../../storage/mail-store.ts';
import { gapsOf, intersected } from '../grammar/number-ranges.ts';
import { type NumberRange, rangesOf } from '../grammar/sequence-set.ts';
import type { MailboxView } from './mailbox-view.ts';
import { positionOf } from './uid-list.ts';

/** Rows of the log, of the whole account, that are read for one answer. */
const MAX_ROWS = 20_000;
const PAGE = 5_000;

/** UIDs below `uidNext` that the client may hold, as ascending disjoint ranges: all of them when it told none. */
export function possiblyKnown(view: MailboxView, known: readonly NumberRange[] | null): readonly NumberRange[] {
  const last = view.uidNext - 1;
  return intersected(known ?? [{ from: 1, to: last }], [{ from: 1, to: last }]);
}

/** `known` ascending and disjoint. The answer is as well. */
export async function vanishedSince(
  store: AccountStore,
  view: MailboxView,
  since: number,
  known: readonly NumberRange[],
): Promise<readonly NumberRange[]> {
  if (known.length === 0 || since === view.cursor) return [];
  // A mod-sequence that was never given out says nothing about what the client knows.
  const isLogged = since < view.cursor && view.cursor - since <= MAX_ROWS;
  const logged = isLogged ? await loggedExpunges(store, view, asModseq(since)) : null;
  if (logged?.size === 0) return [];
  const uids = await view.uids();
  if (logged === null) return intersected(known, gapsOf(uids, view.uidNext));
  const gone = [...logged].filter((uid) => uid < view.uidNext && positionOf(uids, uid) === -1);
  return intersected(known, rangesOf(gone.sort((a, b) => a - b)));
}

/** UIDs of rows after `since`, up to where the view stands; null when the log was cut there, or never reached so far. */
async function loggedExpunges(store: AccountStore, view: MailboxView, since: Modseq): Promise<Set<number> | null> {
  const gone = new Set<number>();
  for (let cursor = since; cursor < view.cursor; ) {
    const page = await store.changesSince(cursor, PAGE).catch((error: unknown) => {
      if (error instanceof Refusal && error.code === 'cannotCalculateChanges') return null;
      throw error;
    });
    if (page === null) return null;
    for (const row of page.rows) {
      if (row.modseq > view.cursor) return gone;
      for (const { mailbox, uids } of row.expunged) if (mailbox === view.mailbox) for (const uid of uids) gone.add(uid);
    }
    if (!page.hasMore) break;
    cursor = page.upTo;
  }
  return gone;
}
