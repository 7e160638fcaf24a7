/**
 * The octets of one message while an answer is made: a small one is at hand as a whole, of a large one only the ranges that are asked for are read.
 */
import { type HeaderField, parseHeaderBlock } from '../../../mail/format/header-block.ts';
import type { PartNode } from '../../../mail/format/structure.ts';
import type { MailStore } from '../../../storage/mail-store.ts';
import type { BodyRef } from '../../../storage/model.ts';

export class MessageOctets {
  readonly #store: MailStore;
  readonly #body: BodyRef;
  readonly #whole: Buffer | null;
  readonly #headers = new Map<number, Promise<readonly HeaderField[]>>();

  constructor(store: MailStore, body: BodyRef, whole: Buffer | null) {
    this.#store = store;
    this.#body = body;
    this.#whole = whole;
  }

  /** In pieces of at most a chunk. */
  async *stream(from: number, to: number): AsyncIterable<Buffer> {
    if (from >= to) return;
    if (this.#whole !== null) yield this.#whole.subarray(from, to);
    else yield* this.#store.readBody(this.#body, { from, to });
  }

  /** For small ranges. */
  async read(from: number, to: number): Promise<Buffer> {
    const chunks: Buffer[] = [];
    for await (const chunk of this.stream(from, to)) chunks.push(chunk);
    return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
  }

  /** The header fields of a part, or of the message for its root. */
  fields(node: PartNode): Promise<readonly HeaderField[]> {
    let fields = this.#headers.get(node.headerStart);
    if (fields === undefined) {
      fields = this.read(node.headerStart, node.bodyStart).then((octets) => parseHeaderBlock(octets).fields);
      this.#headers.set(node.headerStart, fields);
    }
    return fields;
  }
}
