/**
 * The handle of one principal on one account: each verb of AccountStore, bound to the account. Nothing is decided here; a verb's rule is in the file with
 * its name.
 */
import type { AccountId, Modseq } from '../mail/ids.ts';
import { Refusal } from '../mail/refusal.ts';
import { changesSince, readState } from './changes/change-log.ts';
import type { Followers } from './changes/followers.ts';
import type { AccountStore } from './mail-store.ts';
import type { Database } from './mongo/database.ts';
import { mailboxOf, quotaOf } from './mongo/documents.ts';
import { orUnavailable } from './mongo/transaction.ts';
import type { AccountWriter } from './operations/account-writer.ts';
import { append } from './operations/append.ts';

export interface AccountParts {
  readonly database: Database;
  readonly writer: AccountWriter;
  readonly followers: Followers;
}

/** Every verb on `account`. */
export function accountStore(parts: AccountParts, principal: AccountId, account: AccountId): AccountStore {
  const { database, writer, followers } = parts;
  const later = (): never => {
    throw new Error('this verb is not there yet');
  };
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
    changeMailboxes: later,
    uidMap: later,
    messagesByUid: later,
    messages: later,
    threads: later,
    searchMailbox: later,
    queryEmails: later,
    blob: later,
    saveUpload: later,
    stageBlob: later,
    changeEmails: later,
    changeFlags: later,
    copyOrMove: later,
    expunge: later,
    identities: later,
    maySendAs: later,
    submissions: later,
    submit: later,
    cancelSubmission: later,
  };
}
