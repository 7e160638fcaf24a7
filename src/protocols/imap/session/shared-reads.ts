/**
 * Reads of the record that many sessions want at the same moment: a delivery wakes every idle session of the account, and all of them ask the
 * same. Whoever asks while the same question is under way gets the same answer.
 *
 * The answer may have been read before something that the asker has heard of. So the key of a read names what the reader must have seen when
 * it began; only the log's rows after a cursor are asked for without, and whoever shares them looks whether they reach far enough.
 */
export class SharedReads {
  readonly #running = new Map<string, Promise<unknown>>();

  /** Equal keys mean equal questions, and answers of one type. */
  share<T>(key: string, read: () => Promise<T>): Promise<T> {
    const running = this.#running.get(key) as Promise<T> | undefined;
    if (running !== undefined) return running;
    const reading = read().finally(() => this.#running.delete(key));
    this.#running.set(key, reading);
    return reading;
  }
}
