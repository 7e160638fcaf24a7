/** Blob/copy (RFC 8620 §6.3). There is one account for each login so far: nothing can be copied between two. */
import { asId, listOf } from '../../json/object-reader.ts';
import { accountOf, type Method } from '../../method-call.ts';
import { refuseFromAccount } from '../../standard/from-account.ts';

export const blobCopy: Method = async (call) => {
  const fromAccountId = call.args.required('fromAccountId', asId);
  const { accountId } = await accountOf(call);
  call.args.required('blobIds', listOf(asId));
  call.args.finish();
  throw refuseFromAccount(fromAccountId, accountId);
};
