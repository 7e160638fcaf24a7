/** Email/query (RFC 8621 §4.4). */
import type { EmailId } from '../../../../mail/ids.ts';
import { Refusal } from '../../../../mail/refusal.ts';
import type { EmailQuery } from '../../../../storage/model.ts';
import { readEmailFilter } from '../../email/filter.ts';
import { EMAIL_SORT_PROPERTIES, emailSort } from '../../email/sort.ts';
import { asBoolean } from '../../json/object-reader.ts';
import { accountOf, type Method, type MethodCall } from '../../method-call.ts';
import { MethodError } from '../../method-error.ts';
import { answerQuery, readSort, readWindow } from '../../standard/query.ts';

export type EmailSelection = Pick<EmailQuery, 'filter' | 'sort' | 'collapseThreads'>;

/** Takes the arguments that Email/query and Email/queryChanges share. */
export function readEmailQuery(call: MethodCall): EmailSelection {
  return {
    filter: readEmailFilter(call),
    sort: emailSort(readSort(call, EMAIL_SORT_PROPERTIES)),
    collapseThreads: call.args.withDefault('collapseThreads', asBoolean, false),
  };
}

export const emailQuery: Method = async (call) => {
  const { accountId, account } = await accountOf(call);
  const selection = readEmailQuery(call);
  const window = readWindow(call);
  call.args.finish();
  try {
    const result = await account.queryEmails({
      ...selection,
      position: window.anchor === null ? window.position : 0,
      ...(window.anchor === null ? {} : { anchor: window.anchor as EmailId, anchorOffset: window.anchorOffset }),
      limit: window.limit,
      calculateTotal: window.calculateTotal,
    });
    // An email that came while the results were read would be told again as new: then no differences are promised.
    const isSteady = result.ids.length === 0 || (await account.state()).states.Email === result.state;
    return answerQuery(accountId, String(result.state), result, window, isSteady);
  } catch (error) {
    if (error instanceof Refusal && error.code === 'notFound') {
      throw new MethodError('anchorNotFound', 'The anchor is not in the results.');
    }
    throw error;
  }
};
