/**
 * Rows of one collection in memory: as they were read, and as they are now. What a flush writes is the difference. Changes can be undone to a mark.
 */

/** Changes since the last `forget`, newest last. */
export class UndoLog {
  readonly #steps: (() => void)[] = [];

  push(step: () => void): void {
    this.#steps.push(step);
  }
  forget(): void {
    this.#steps.length = 0;
  }
  undo(): void {
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) step();
  }
}

export class Table<Id extends string, Row extends { readonly _id: Id }> {
  /** Null: removed. */
  readonly #now = new Map<Id, Row | null>();
  readonly #read = new Map<Id, Row>();
  readonly #asked = new Set<Id>();
  readonly #undo: UndoLog;

  constructor(undo: UndoLog) {
    this.#undo = undo;
  }

  /** A row as the database has it. One that is known already stays as it is. */
  load(row: Row): void {
    if (this.#read.has(row._id) || this.#now.has(row._id)) return;
    this.#read.set(row._id, row);
    this.#now.set(row._id, row);
  }
  /** More fields of a row that may be known already: what the work changed since wins. */
  loadMore(row: Row, changed: (now: Row) => Partial<Row>): void {
    const now = this.#now.get(row._id);
    this.#read.set(row._id, row);
    if (now !== null) this.#now.set(row._id, now === undefined ? row : { ...row, ...changed(now) });
  }
  ask(ids: Iterable<Id>): void {
    for (const id of ids) this.#asked.add(id);
  }
  /** The ids among these of which nothing is known. */
  unknown(ids: readonly Id[]): Id[] {
    return ids.filter((id) => !this.#now.has(id) && !this.#asked.has(id));
  }

  get(id: Id): Row | undefined {
    return this.#now.get(id) ?? undefined;
  }
  set(id: Id, row: Row | null): void {
    const had = this.#now.has(id);
    const before = this.#now.get(id) as Row | null;
    this.#undo.push(() => {
      if (had) this.#now.set(id, before);
      else this.#now.delete(id);
    });
    this.#now.set(id, row);
  }
  *rows(): IterableIterator<Row> {
    for (const row of this.#now.values()) if (row !== null) yield row;
  }

  /** What differs from what was read. */
  difference(): { inserted: Row[]; changed: { read: Row; now: Row }[]; removed: Row[] } {
    const inserted: Row[] = [];
    const changed: { read: Row; now: Row }[] = [];
    const removed: Row[] = [];
    for (const [id, now] of this.#now) {
      const read = this.#read.get(id);
      if (read === undefined) {
        if (now !== null) inserted.push(now);
      } else if (now === null) removed.push(read);
      else if (now !== read) changed.push({ read, now });
    }
    return { inserted, changed, removed };
  }
}
