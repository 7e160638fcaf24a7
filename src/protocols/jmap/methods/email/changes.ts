/** Email/changes (RFC 8621 §4.3). */
import type { Method } from '../../method-call.ts';
import { readChanges } from '../../standard/changes.ts';

export const emailChanges: Method = async (call) => (await readChanges(call, 'Email')).changes;
