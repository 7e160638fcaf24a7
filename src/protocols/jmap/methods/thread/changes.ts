/** Thread/changes (RFC 8621 §3.2). */
import type { Method } from '../../method-call.ts';
import { readChanges } from '../../standard/changes.ts';

export const threadChanges: Method = async (call) => (await readChanges(call, 'Thread')).changes;
