/**
 * JMAP state strings (RFC 8620 §1.6.3). A type's state is the modseq of its last change. Within one /changes walk there are states between: `<modseq>-<n>`
 * stands for everything before that modseq and the first n ids of its row, so that a page may end anywhere and loses nothing.
 */
import { asModseq, type Modseq } from '../../../mail/ids.ts';
import type { States, StateType } from '../../../storage/model.ts';

export interface Cursor {
  readonly modseq: Modseq;
  /** Ids of the row `modseq` that were told; null: all. */
  readonly idsTold: number | null;
}

export const stateOf = (states: States, type: StateType): string => String(states[type]);

export function formatCursor(cursor: Cursor): string {
  return cursor.idsTold === null ? String(cursor.modseq) : `${cursor.modseq}-${cursor.idsTold}`;
}

/** Null for what never was a state of ours. */
export function parseCursor(text: string): Cursor | null {
  const match = /^(0|[1-9]\d{0,15})(?:-([1-9]\d{0,9}))?$/.exec(text);
  if (match === null) return null;
  const modseq = Number(match[1]);
  if (!Number.isSafeInteger(modseq)) return null;
  return { modseq: asModseq(modseq), idsTold: match[2] === undefined ? null : Number(match[2]) };
}

/** For `ifInState`: null when it can't be the present state. */
export function parseState(text: string): Modseq | null {
  const cursor = parseCursor(text);
  return cursor === null || cursor.idsTold !== null ? null : cursor.modseq;
}
