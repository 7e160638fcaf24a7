/**
 * Takes dedupe keys off messages once a repetition can't come any more. No client sees the difference, so there is no modseq and no change row; a write
 * that a fail-over forgets leaves a key, which at worst takes equal octets for a repetition. Deferral 'unavailable'.
 */
import type { AccountId } from '../../mail/ids.ts';
import type { Database } from '../mongo/database.ts';
import { orUnavailable } from '../mongo/transaction.ts';

export async function forgetDedupe(database: Database, account: AccountId, keys: readonly string[]): Promise<void> {
  await orUnavailable(() =>
    database.messages.updateMany({ account, dedupe: { $in: [...keys] } }, { $unset: { dedupe: 1 } }),
  );
}
