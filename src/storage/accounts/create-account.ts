/**
 * Makes an account with everything a client expects on first login, in one transaction: the account, its address, the mailboxes with their roles
 * (RFC 6154 §2, RFC 8621 §2), an identity (RFC 8621 §6), and the first row of its change log.
 */
import { MongoServerError, ObjectId } from 'mongodb';
import { type Address, addressKey, formatAddress } from '../../mail/address.ts';
import { type AccountId, newAccountId, newIdentityId, newMailboxId } from '../../mail/ids.ts';
import { Refusal } from '../../mail/refusal.ts';
import type { NewAccount } from '../mail-store.ts';
import type { MailboxRole } from '../model.ts';
import type { Database } from '../mongo/database.ts';
import {
  type AccountRow,
  type ChangeLogRow,
  type IdentityRow,
  INITIAL_STATES,
  type MailboxRow,
} from '../mongo/documents.ts';
import { runTransaction, TRANSACTION_LIMIT_MS } from '../mongo/transaction.ts';

const FIRST_MAILBOXES: readonly (readonly [name: string, role: MailboxRole])[] = [
  ['Inbox', 'inbox'],
  ['Drafts', 'drafts'],
  ['Sent', 'sent'],
  ['Archive', 'archive'],
  ['Junk', 'junk'],
  ['Trash', 'trash'],
];
const SORT_STEP = 10;

/** Refusals: 'notFound' (details ['domain']) when the domain isn't one of ours, 'alreadyExists' when the address is taken. */
export async function createAccount(
  database: Database,
  spec: NewAccount,
  passwordHash: string,
  now: Date,
): Promise<AccountRow> {
  const { account, mailboxes, identity, change } = firstRows(spec, passwordHash, now);
  const key = addressKey(spec.address);
  const options = { deadline: now.getTime() + TRANSACTION_LIMIT_MS, now: () => Date.now() };
  await runTransaction(database, options, async (session, isInDoubt) => {
    if (isInDoubt && (await database.accounts.findOne({ _id: account._id }, { session })) !== null) {
      return { commit: false, value: undefined };
    }
    const domain = await database.domains.findOne({ _id: spec.address.domain }, { session });
    if (domain === null) throw noSuchDomain(spec.address);
    try {
      await database.addresses.insertOne({ _id: key, account: account._id }, { session });
    } catch (error) {
      if (!(error instanceof MongoServerError && error.code === DUPLICATE_KEY)) throw error;
      throw new Refusal('alreadyExists', `${formatAddress(spec.address)} exists already`, { details: ['address'] });
    }
    if (domain.postmaster === undefined) {
      await database.domains.updateOne({ _id: domain._id }, { $set: { postmaster: account._id } }, { session });
    }
    await database.accounts.insertOne(account, { session });
    await database.mailboxes.insertMany(mailboxes, { session });
    await database.identities.insertOne(identity, { session });
    await database.changes.insertOne(change, { session });
    return { commit: true, value: undefined };
  });
  return account;
}
const DUPLICATE_KEY = 11000;

function noSuchDomain(address: Address): Refusal {
  const { domain } = address;
  return new Refusal('notFound', `${domain} is not a domain of this server: add the domain first`, {
    details: ['domain'],
  });
}

function firstRows(
  spec: NewAccount,
  passwordHash: string,
  now: Date,
): {
  readonly account: AccountRow;
  readonly mailboxes: MailboxRow[];
  readonly identity: IdentityRow;
  readonly change: ChangeLogRow;
} {
  const id: AccountId = newAccountId();
  const email = formatAddress(spec.address);
  const name = spec.name ?? '';
  // RFC 3501 §2.3.1.1: seconds since 1970, as many servers do, so that an account made anew never repeats one.
  const uidValidity = Math.floor(now.getTime() / 1000);
  const mailboxes = FIRST_MAILBOXES.map(
    ([mailbox, role], i): MailboxRow => ({
      _id: newMailboxId(),
      account: id,
      name: mailbox,
      parent: null,
      role,
      sortOrder: (i + 1) * SORT_STEP,
      subscribed: true,
      uidValidity: uidValidity + i,
      uidNext: 1,
      total: 0,
      unseen: 0,
      unread: 0,
      totalThreads: 0,
      unreadThreads: 0,
      size: 0,
      modseq: 1,
    }),
  );
  const identity: IdentityRow = {
    _id: newIdentityId(),
    account: id,
    name,
    email,
    replyTo: null,
    bcc: null,
    textSignature: '',
    htmlSignature: '',
    mayDelete: false,
  };
  const account: AccountRow = {
    _id: id,
    addresses: [email],
    name,
    passwordHash,
    isDisabled: false,
    createdAt: now,
    modseq: 1,
    floor: 0,
    states: { ...INITIAL_STATES, Mailbox: 1, Identity: 1 },
    usedBytes: 0,
    usedMessages: 0,
    maxBytes: spec.maxBytes ?? null,
    maxMessages: spec.maxMessages ?? null,
    lastUidValidity: uidValidity + mailboxes.length - 1,
  };
  const change: ChangeLogRow = {
    _id: new ObjectId(),
    account: id,
    modseq: 1,
    at: now,
    created: { Mailbox: mailboxes.map((m) => m._id), Identity: [identity._id] },
    touched: mailboxes.map((m) => m._id),
  };
  return { account, mailboxes, identity, change };
}
