/**
 * The handle of one principal on one account: each verb of AccountStore, bound to the account. Nothing is decided here; a verb's rule is in the file with
 * its name.
 */
import type { AccountId, Modseq } from '../mail/ids.ts';
import { Refusal } from '../mail/refusal.ts';
import type { Clock } from '../server/clock.ts';
import type { BodyStore } from './bodies/body-store.ts';
import { changesSince, readState } from './changes/change-log.ts';
import type { Followers } from './changes/followers.ts';
import type { AccountStore } from './mail-store.ts';
import type { Database } from './mongo/database.ts';
import { mailboxOf, quotaOf } from './mongo/documents.ts';
import { orUnavailable } from './mongo/transaction.ts';
import type { AccountWriter } from './operations/account-writer.ts';
import { append } from './operations/append.ts';
import { cancelSubmission } from './operations/cancel-submission.ts';
import { changeEmails } from './operations/change-emails.ts';
import { changeFlags } from './operations/change-flags.ts';
import { changeMailboxes } from './operations/change-mailboxes.ts';
import { copyOrMove } from './operations/copy-or-move.ts';
import { expunge } from './operations/expunge.ts';
import { forgetDedupe } from './operations/forget-dedupe.ts';
import { submit } from './operations/submit.ts';
import { blob, saveUpload, stageBlob } from './reading/blobs.ts';
import { identities, maySendAs, submissions } from './reading/identities.ts';
import { messages, threads } from './reading/messages.ts';
import { messagesByUid } from './reading/messages-by-uid.ts';
import { uidMap } from './reading/uid-map.ts';
import { queryEmails } from './search/query-emails.ts';
import { searchMailbox } from './search/search-mailbox.ts';

export interface AccountParts {
  readonly database: Database;
  readonly writer: AccountWriter;
  readonly followers: Followers;
  readonly bodies: BodyStore;
  readonly clock: Clock;
}

/** Every verb on `account`. */
export function accountStore(parts: AccountParts, principal: AccountId, account: AccountId): AccountStore {
  const { database, writer, followers, bodies, clock } = parts;
  return {
    account,
    principal,
    state: () => readState(database, account),
    quota: async () => {
      const row = await orUnavailable(() => database.accounts.findOne({ _id: account }));
      if (row === null) throw new Refusal('notFound', 'there is no such account');
      return quotaOf(row);
    },
    changesSince: (since: Modseq, limit?: number) => changesSince(database, account, since, limit),
    follow: (onChange) => followers.follow(account, onChange),
    mailboxes: async () => {
      const state = await readState(database, account);
      const rows = await orUnavailable(() => database.mailboxes.find({ account }).toArray());
      return { state, mailboxes: rows.map(mailboxOf) };
    },
    mailbox: async (id) => {
      const row = await orUnavailable(() => database.mailboxes.findOne({ account, _id: id }));
      return row === null ? null : mailboxOf(row);
    },
    append: (items) => append(writer, account, items),
    forgetDedupe: (keys) => forgetDedupe(database, account, keys),
    changeMailboxes: (batch) => changeMailboxes(database, writer, account, batch),
    uidMap: (mailbox) => uidMap(database, account, mailbox),
    messagesByUid: (mailbox, ranges, fields) => messagesByUid(database, account, mailbox, ranges, fields),
    messages: (ids, fields) => messages(database, account, ids, fields),
    threads: (ids) => threads(database, account, ids),
    searchMailbox: (mailbox, filter) => searchMailbox(database, bodies, account, mailbox, filter),
    queryEmails: (query) => queryEmails(database, bodies, account, query),
    blob: (id) => blob(database, account, id),
    saveUpload: (staged, type) => saveUpload(database, account, clock, staged, type),
    stageBlob: (source) => stageBlob(bodies, account, source),
    changeEmails: (batch) => changeEmails(writer, account, batch),
    changeFlags: (mailbox, uids, change) => changeFlags(database, writer, account, mailbox, uids, change),
    copyOrMove: (mode, source, uids, target) => copyOrMove(writer, account, mode, source, uids, target),
    expunge: (mailbox, uids) => expunge(database, writer, account, mailbox, uids),
    identities: () => identities(database, account),
    maySendAs: (address) => maySendAs(database, account, address),
    submissions: (ids) => submissions(database, account, ids),
    submit: (items) => submit(database, writer, account, items),
    cancelSubmission: (id) => cancelSubmission(database, writer, account, id),
  };
}
