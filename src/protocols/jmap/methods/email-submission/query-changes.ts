/** EmailSubmission/queryChanges (RFC 8621 §7.4): every EmailSubmission/query answers `canCalculateChanges: false`. */
import type { Method } from '../../method-call.ts';
import { refuseQueryChanges } from '../../standard/query-changes.ts';

export const emailSubmissionQueryChanges: Method = refuseQueryChanges;
