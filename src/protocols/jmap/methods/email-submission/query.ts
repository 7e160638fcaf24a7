/** EmailSubmission/query (RFC 8621 §7.3): over the account's submissions, which the store keeps for a while only. */
import type { Submission } from '../../../../storage/model.ts';
import { asId, asUtcDate, listOf, type ObjectReader, oneOf } from '../../json/object-reader.ts';
import { accountOf, type Method, type MethodCall, type RequestContext } from '../../method-call.ts';
import { answerQuery, type Comparator, cutWindow, readFilter, readSort, readWindow } from '../../standard/query.ts';
import { stateOf } from '../../standard/state.ts';
import { type Test, testOf } from '../../standard/test-of-filter.ts';

/** RFC 8621 §7.3 has sentAt for what the object calls sendAt. */
const SORT_PROPERTIES: ReadonlySet<string> = new Set(['emailId', 'threadId', 'sentAt', 'sendAt']);

/** Takes the arguments that EmailSubmission/query and EmailSubmission/queryChanges share; answers what makes the results, in order. */
export function readSubmissionQuery(call: MethodCall): (all: readonly Submission[]) => readonly string[] {
  const filter = readFilter(call, (reader) => readCondition(reader, call.request));
  const order = comparatorOf(readSort(call, SORT_PROPERTIES));
  const test = filter === null ? () => true : testOf(filter);
  return (all) =>
    all
      .filter(test)
      .sort(order)
      .map(({ id }) => id);
}

export const emailSubmissionQuery: Method = async (call) => {
  const { accountId, account } = await accountOf(call);
  const idsOf = readSubmissionQuery(call);
  const window = readWindow(call);
  call.args.finish();
  const { state, submissions } = await account.submissions();
  const ids = idsOf(submissions);
  const result = { ...cutWindow(ids, window), total: ids.length };
  const isSteady = (await account.state()).states.EmailSubmission === state.states.EmailSubmission;
  return answerQuery(accountId, stateOf(state.states, 'EmailSubmission'), result, window, isSteady);
};

function readCondition(reader: ObjectReader, request: RequestContext): Test<Submission> {
  const tests: Test<Submission>[] = [];
  const among = (name: string, idOf: (submission: Submission) => string): void => {
    if (!reader.has(name)) return;
    const ids = new Set(reader.required(name, listOf(asId)).map((id) => request.resolveId(id)));
    tests.push((submission) => ids.has(idOf(submission)));
  };
  among('identityIds', ({ identity }) => identity);
  among('emailIds', ({ email }) => email);
  among('threadIds', ({ thread }) => thread);
  if (reader.has('undoStatus')) {
    const undoStatus = reader.required('undoStatus', oneOf('pending', 'final', 'canceled'));
    tests.push((submission) => submission.undoStatus === undoStatus);
  }
  if (reader.has('before')) {
    const before = reader.required('before', asUtcDate).getTime();
    tests.push(({ sendAt }) => sendAt.getTime() < before);
  }
  if (reader.has('after')) {
    const after = reader.required('after', asUtcDate).getTime();
    tests.push(({ sendAt }) => sendAt.getTime() >= after);
  }
  return (submission) => tests.every((test) => test(submission));
}

/** Ties end in the id. */
function comparatorOf(sort: readonly Comparator[]): (a: Submission, b: Submission) => number {
  const keyOf = (submission: Submission, property: string): string | number => {
    if (property === 'emailId') return submission.email;
    return property === 'threadId' ? submission.thread : submission.sendAt.getTime();
  };
  return (a, b) => {
    for (const { property, isAscending } of sort) {
      const [left, right] = [keyOf(a, property), keyOf(b, property)];
      if (left !== right) return left < right === isAscending ? -1 : 1;
    }
    return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
  };
}
