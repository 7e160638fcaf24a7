/** Email/copy (RFC 8621 §4.7). There is one account for each login so far, and within one account a copy is no copy. */
import { asBoolean, asId, asObject, asText, mapOf } from '../../json/object-reader.ts';
import { accountOf, type Method } from '../../method-call.ts';
import { refuseFromAccount } from '../../standard/from-account.ts';
import { readIfInState } from '../../standard/set.ts';

export const emailCopy: Method = async (call) => {
  const fromAccountId = call.args.required('fromAccountId', asId);
  const { accountId } = await accountOf(call);
  call.args.nullable('ifFromInState', asText);
  readIfInState(call);
  call.args.required('create', mapOf(asObject));
  call.args.withDefault('onSuccessDestroyOriginal', asBoolean, false);
  call.args.nullable('destroyFromIfInState', asText);
  call.args.finish();
  throw refuseFromAccount(fromAccountId, accountId);
};
