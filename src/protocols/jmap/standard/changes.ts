/**
 * The rules of every /changes (RFC 8620 §5.2), once: the rows of the log after a state, folded into three lists. A page that ends inside a row says so in
 * its state, so that any `maxChanges` makes progress and loses nothing. A state that is not ours, too old or of the future: cannotCalculateChanges.
 */
import { asModseq } from '../../../mail/ids.ts';
import type { AccountStore } from '../../../storage/mail-store.ts';
import type { ChangeRow, StateType } from '../../../storage/model.ts';
import { asText, asUnsigned, InvalidValue } from '../json/object-reader.ts';
import { MAX_IDS_IN_ANSWER } from '../limits.ts';
import { accountOf, type MethodCall } from '../method-call.ts';
import { MethodError } from '../method-error.ts';
import { formatCursor, parseCursor, stateOf } from './state.ts';

export interface Changes {
  readonly accountId: string;
  readonly oldState: string;
  readonly newState: string;
  readonly hasMoreChanges: boolean;
  readonly created: readonly string[];
  readonly updated: readonly string[];
  readonly destroyed: readonly string[];
}

/** Rows read for one answer: a page of them is held, and a long silence of the type must not hold the request. */
const MAX_ROWS_READ = 50_000;
const ROWS_A_PAGE = 500;

/** `isCountsOnly`: every row that put something into `updated` changed counts alone (RFC 8621 §2.2). */
export async function readChanges(
  call: MethodCall,
  type: StateType,
): Promise<{ readonly changes: Changes; readonly isCountsOnly: boolean }> {
  const { accountId, account } = await accountOf(call);
  const sinceState = call.args.required('sinceState', asText);
  const maxChanges = call.args.nullable('maxChanges', asUnsigned);
  if (maxChanges === 0) throw new InvalidValue('maxChanges', 'must be greater than 0');
  call.args.finish();
  const folded = await foldChanges(
    account,
    type,
    sinceState,
    Math.min(maxChanges ?? MAX_IDS_IN_ANSWER, MAX_IDS_IN_ANSWER),
  );
  return { changes: { accountId, oldState: sinceState, ...folded.changes }, isCountsOnly: folded.isCountsOnly };
}

/** `passesOver`: rows that move the state and are not told. */
export async function foldChanges(
  account: AccountStore,
  type: StateType,
  sinceState: string,
  maxIds: number,
  passesOver: (row: ChangeRow) => boolean = () => false,
): Promise<{ readonly changes: Omit<Changes, 'accountId' | 'oldState'>; readonly isCountsOnly: boolean }> {
  const cursor = parseCursor(sinceState);
  if (cursor === null) throw new MethodError('cannotCalculateChanges', 'That is no state of this server.');
  const { states } = await account.state();
  const fold = new Fold(maxIds);
  if (sinceState === stateOf(states, type)) return fold.answer(sinceState, false);

  let idsTold = cursor.idsTold;
  // A state between re-reads the row that it stands in.
  let since = asModseq(idsTold === null ? cursor.modseq : cursor.modseq - 1);
  let newState = sinceState;
  for (let rowsRead = 0; ; ) {
    const page = await account.changesSince(since, ROWS_A_PAGE);
    for (const row of page.rows) {
      const skip = idsTold !== null && row.modseq === cursor.modseq ? idsTold : 0;
      idsTold = null;
      const ids = idsOfRow(row, type);
      if (ids.length === 0) continue;
      if (skip > ids.length) throw new MethodError('cannotCalculateChanges', 'That is no state of this server.');
      const told = passesOver(row) ? ids.length : fold.add(ids, skip, row);
      if (told < ids.length) {
        const stop = told === 0 ? newState : formatCursor({ modseq: row.modseq, idsTold: told });
        return fold.answer(stop, true);
      }
      newState = String(row.modseq);
    }
    since = page.upTo;
    rowsRead += page.rows.length;
    if (!page.hasMore) return fold.answer(newState, false);
    if (rowsRead >= MAX_ROWS_READ) return fold.answer(String(page.upTo), true);
  }
}

type Fate = 'created' | 'updated' | 'destroyed';

/** The ids of a row in an order that never changes. */
function idsOfRow(row: ChangeRow, type: StateType): readonly (readonly [Fate, string])[] {
  return [
    ...(row.created[type] ?? []).map((id) => ['created', id] as const),
    ...(row.updated[type] ?? []).map((id) => ['updated', id] as const),
    ...(row.destroyed[type] ?? []).map((id) => ['destroyed', id] as const),
  ];
}

class Fold {
  readonly #maxIds: number;
  readonly #fates = new Map<string, Fate>();
  #isCountsOnly = true;

  constructor(maxIds: number) {
    this.#maxIds = maxIds;
  }

  /** Takes ids from `skip` on, as many as there is room for; answers how many of the row are told now. */
  add(ids: readonly (readonly [Fate, string])[], skip: number, row: ChangeRow): number {
    let told = skip;
    for (const [fate, id] of ids.slice(skip)) {
      const before = this.#fates.get(id);
      if (before === undefined && this.#fates.size >= this.#maxIds) break;
      const after = this.#after(before, fate);
      if (after === null) this.#fates.delete(id);
      else this.#fates.set(id, after);
      if (after === 'updated' && !row.isMailboxCountsOnly) this.#isCountsOnly = false;
      told += 1;
    }
    return told;
  }

  /** RFC 8620 §5.2: created then destroyed is nothing at all; created then updated is created. */
  #after(before: Fate | undefined, fate: Fate): Fate | null {
    if (before === 'created') return fate === 'destroyed' ? null : 'created';
    return before === 'destroyed' && fate === 'created' ? 'updated' : fate;
  }

  answer(
    newState: string,
    hasMoreChanges: boolean,
  ): { changes: Omit<Changes, 'accountId' | 'oldState'>; isCountsOnly: boolean } {
    const of = (wanted: Fate): string[] => [...this.#fates].filter(([, fate]) => fate === wanted).map(([id]) => id);
    const updated = of('updated');
    return {
      changes: { newState, hasMoreChanges, created: of('created'), updated, destroyed: of('destroyed') },
      isCountsOnly: updated.length > 0 && this.#isCountsOnly,
    };
  }
}
