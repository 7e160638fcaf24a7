/**
 * Identities and submissions of an account (RFC 8621 §6, §7), and whom it may speak for.
 */
import { addressKey, parseAddress, withoutDetail } from '../../mail/address.ts';
import type { AccountId, SubmissionId } from '../../mail/ids.ts';
import { readState } from '../changes/change-log.ts';
import type { AccountState, Identity, Submission } from '../model.ts';
import type { Database } from '../mongo/database.ts';
import { identityOf, submissionOf } from '../mongo/documents.ts';
import { orUnavailable } from '../mongo/transaction.ts';

/** The state is taken before the rows: what changes in between is told again by the change log, never missed. */
export async function identities(
  database: Database,
  account: AccountId,
): Promise<{ readonly state: AccountState; readonly identities: readonly Identity[] }> {
  const state = await readState(database, account);
  const rows = await orUnavailable(() => database.identities.find({ account }, { sort: { _id: 1 } }).toArray());
  return { state, identities: rows.map(identityOf) };
}

/** Without ids: all. */
export async function submissions(
  database: Database,
  account: AccountId,
  ids?: readonly SubmissionId[],
): Promise<{ readonly state: AccountState; readonly submissions: readonly Submission[] }> {
  const state = await readState(database, account);
  const filter = ids === undefined ? { account } : { account, _id: { $in: [...ids] } };
  const rows = await orUnavailable(() => database.submissions.find(filter, { sort: { _id: 1 } }).toArray());
  return { state, submissions: rows.map(submissionOf) };
}

/** One of the account's own addresses, case disregarded, with or without +detail (RFC 5233 §1). */
export async function maySendAs(database: Database, account: AccountId, address: string): Promise<boolean> {
  const parsed = parseAddress(address);
  if (parsed === null) return false;
  const keys = new Set([addressKey(parsed), addressKey(withoutDetail(parsed) ?? parsed)]);
  const row = await orUnavailable(() => database.accounts.findOne({ _id: account }, { projection: { addresses: 1 } }));
  return (row?.addresses ?? []).some((own) => {
    const known = parseAddress(own);
    return known !== null && keys.has(addressKey(known));
  });
}
