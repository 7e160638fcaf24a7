/** Email/query (RFC 8621 §4.4). */
import type { EmailId } from '../../../../mail/ids.ts';
import { Refusal } from '../../../../mail/refusal.ts';
import { readEmailFilter } from '../../email/filter.ts';
import { EMAIL_SORT_PROPERTIES, emailSort } from '../../email/sort.ts';
import { asBoolean } from '../../json/object-reader.ts';
import { accountOf, type Method } from '../../method-call.ts';
import { MethodError } from '../../method-error.ts';
import { answerQuery, readSort, readWindow } from '../../standard/query.ts';

export const emailQuery: Method = async (call) => {
  const { accountId, account } = await accountOf(call);
  const filter = readEmailFilter(call);
  const sort = emailSort(readSort(call, EMAIL_SORT_PROPERTIES));
  const collapseThreads = call.args.withDefault('collapseThreads', asBoolean, false);
  const window = readWindow(call);
  call.args.finish();
  try {
    const result = await account.queryEmails({
      filter,
      sort,
      collapseThreads,
      position: window.anchor === null ? window.position : 0,
      ...(window.anchor === null ? {} : { anchor: window.anchor as EmailId, anchorOffset: window.anchorOffset }),
      limit: window.limit,
      calculateTotal: window.calculateTotal,
    });
    return answerQuery(accountId, String(result.state), result, window);
  } catch (error) {
    if (error instanceof Refusal && error.code === 'notFound') {
      throw new MethodError('anchorNotFound', 'The anchor is not in the results.');
    }
    throw error;
  }
};
