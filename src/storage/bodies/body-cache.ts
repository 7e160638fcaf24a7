/**
 * The octets of small bodies that were received or read a moment ago: a message is usually delivered, fetched and indexed soon after it came.
 * Bounded in octets. Bodies never change, so nothing here can be stale.
 */
import { LRUCache } from 'lru-cache';
import type { BodyId } from '../../mail/ids.ts';

export class BodyCache {
  readonly #bodies: LRUCache<BodyId, Buffer> | null;

  /** `maxBytes` 0 keeps nothing. */
  constructor(maxBytes: number) {
    this.#bodies =
      maxBytes > 0 ? new LRUCache({ maxSize: maxBytes, sizeCalculation: (octets) => octets.length + 256 }) : null;
  }

  get(id: BodyId): Buffer | undefined {
    return this.#bodies?.get(id);
  }

  put(id: BodyId, octets: Buffer): void {
    this.#bodies?.set(id, octets);
  }

  forget(id: BodyId): void {
    this.#bodies?.delete(id);
  }
}
