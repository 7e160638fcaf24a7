/** Email/queryChanges (RFC 8621 §4.5): every Email/query answers `canCalculateChanges: false`. */
import type { Method } from '../../method-call.ts';
import { refuseQueryChanges } from '../../standard/query-changes.ts';

export const emailQueryChanges: Method = refuseQueryChanges;
