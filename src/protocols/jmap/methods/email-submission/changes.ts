/** EmailSubmission/changes (RFC 8621 §7.2). */
import type { Method } from '../../method-call.ts';
import { readChanges } from '../../standard/changes.ts';

export const emailSubmissionChanges: Method = async (call) => (await readChanges(call, 'EmailSubmission')).changes;
