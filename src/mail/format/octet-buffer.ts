// A bounded, growing buffer: octets that arrive in pieces of any size, even one by one, cost no more memory than about
// twice their number. What comes after the limit is dropped.

const FIRST_CAPACITY = 1_024;

export class OctetBuffer {
  #octets: Buffer = Buffer.alloc(0);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Copies as much of `piece` as fits below `maxLength`; false when something was dropped. */
  append(piece: Buffer, maxLength: number): boolean {
    const room = Math.max(0, maxLength - this.#length);
    const taken = Math.min(room, piece.length);
    this.#reserve(this.#length + taken);
    piece.copy(this.#octets, this.#length, 0, taken);
    this.#length += taken;
    return taken === piece.length;
  }

  /** Everything so far; the buffer is empty after this and never touches those octets again. */
  take(): Buffer {
    const octets = this.#octets.subarray(0, this.#length);
    this.#octets = Buffer.alloc(0);
    this.#length = 0;
    return octets;
  }

  #reserve(length: number): void {
    if (length <= this.#octets.length) return;
    const grown = Buffer.allocUnsafe(Math.max(length, 2 * this.#octets.length, FIRST_CAPACITY));
    this.#octets.copy(grown, 0, 0, this.#length);
    this.#octets = grown;
  }
}
