/** Identity/changes (RFC 8621 §6.2). */
import type { Method } from '../../method-call.ts';
import { readChanges } from '../../standard/changes.ts';

export const identityChanges: Method = async (call) => (await readChanges(call, 'Identity')).changes;
