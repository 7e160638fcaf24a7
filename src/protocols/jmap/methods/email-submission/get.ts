/** EmailSubmission/get (RFC 8621 §7.1). */
import type { SubmissionId } from '../../../../mail/ids.ts';
import type { Method } from '../../method-call.ts';
import { answerGet, readGet } from '../../standard/get.ts';
import { stateOf } from '../../standard/state.ts';
import { SUBMISSION_PROPERTIES, submissionObject } from './submission-object.ts';

export const emailSubmissionGet: Method = async (call) => {
  const get = await readGet(call, (name) => SUBMISSION_PROPERTIES.has(name));
  call.args.finish();
  const { state, submissions } = await get.account.submissions((get.ids ?? undefined) as SubmissionId[] | undefined);
  const max = call.request.parts.limits.maxObjectsInGet;
  return answerGet(get, stateOf(state.states, 'EmailSubmission'), submissions.map(submissionObject), max);
};
