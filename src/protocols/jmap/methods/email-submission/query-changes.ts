/** EmailSubmission/queryChanges (RFC 8621 §7.4): `undoStatus` is what may change of a submission. */
import { accountOf, type Method } from '../../method-call.ts';
import { answerQueryChanges, readQueryChanges, steadily, touchedSince } from '../../standard/query-changes.ts';
import { readSubmissionQuery } from './query.ts';

export const emailSubmissionQueryChanges: Method = async (call) => {
  const { accountId, account } = await accountOf(call);
  const idsOf = readSubmissionQuery(call);
  const request = readQueryChanges(call);
  call.args.finish();
  const difference = await steadily(async () => {
    const touched = await touchedSince(account, 'EmailSubmission', request.sinceQueryState);
    const { submissions } = await account.submissions();
    if (String((await account.state()).states.EmailSubmission) !== touched.state) return null;
    const mayBeAdded = new Set([...touched.created, ...touched.updated]);
    const removed = [...touched.destroyed, ...touched.updated];
    const ids = idsOf(submissions);
    return { newQueryState: touched.state, removed, mayBeAdded, ids, total: ids.length, isImmutable: false };
  });
  return answerQueryChanges(accountId, request, difference);
};
