/** /queryChanges where differences are not calculated (RFC 8620 §5.6): arguments are checked all the same. */
import { asBoolean, asId, asObject, asText, asUnsigned, listOf } from '../json/object-reader.ts';
import { accountOf, type Method } from '../method-call.ts';
import { MethodError } from '../method-error.ts';

export const refuseQueryChanges: Method = async (call) => {
  await accountOf(call);
  call.args.nullable('filter', asObject);
  call.args.nullable('sort', listOf(asObject));
  call.args.required('sinceQueryState', asText);
  call.args.nullable('maxChanges', asUnsigned);
  call.args.nullable('upToId', asId);
  for (const name of ['calculateTotal', 'collapseThreads', 'sortAsTree', 'filterAsTree']) {
    call.args.withDefault(name, asBoolean, false);
  }
  call.args.finish();
  throw new MethodError('cannotCalculateChanges', 'The differences of a query are not calculated here: query again.');
};
