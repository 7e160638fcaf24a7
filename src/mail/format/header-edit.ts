// Takes fields out of a message's header or puts fields on top of it, while the message streams by; every other octet
// stays exactly as it was. Bcc is removed this way before a message leaves (RFC 5322 §3.6.3), trace fields are added
// (RFC 5321 §4.4). Memory: as much of one line as it takes to read a field name.

/** The stream without the named fields (any case), their folded lines included. */
export async function* removeHeaderFields(
  source: AsyncIterable<Buffer> | Iterable<Buffer>,
  names: readonly string[],
): AsyncGenerator<Buffer> {
  const remover = new FieldRemover(names);
  for await (const chunk of source) yield* remover.push(chunk);
  yield* remover.finish();
}

/** The same for octets that are all there. */
export function withoutHeaderFields(octets: Buffer, names: readonly string[]): Buffer {
  const remover = new FieldRemover(names);
  return Buffer.concat([...remover.push(octets), ...remover.finish()]);
}

/** The stream with whole fields (as header-fields.ts writes them) on top. */
export async function* insertHeaderFields(
  source: AsyncIterable<Buffer> | Iterable<Buffer>,
  fields: readonly string[],
): AsyncGenerator<Buffer> {
  yield Buffer.from(fields.join(''), 'utf8');
  yield* source;
}

const LF = 10;
const CR = 13;
const NOTHING = Buffer.alloc(0);

class FieldRemover {
  readonly #names: ReadonlySet<string>;
  readonly #longest: number;
  #held: Buffer = NOTHING;
  #state: 'line-start' | 'in-line' | 'body' = 'line-start';
  #isDropping = false;

  constructor(names: readonly string[]) {
    this.#names = new Set(names.map((name) => name.toLowerCase()));
    this.#longest = Math.max(0, ...names.map((name) => name.length));
  }

  push(chunk: Buffer): Buffer[] {
    if (this.#state === 'body') return chunk.length === 0 ? [] : [chunk];
    const octets = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    this.#held = NOTHING;
    return this.#scan(octets, false);
  }

  finish(): Buffer[] {
    const octets = this.#held;
    this.#held = NOTHING;
    return octets.length === 0 ? [] : this.#scan(octets, true);
  }

  #scan(octets: Buffer, isLast: boolean): Buffer[] {
    const kept: Buffer[] = [];
    let keptFrom = 0;
    let at = 0;
    while (at < octets.length) {
      if (this.#state === 'line-start') {
        const decision = this.#decide(octets, at, isLast);
        if (decision === 'wait') {
          this.#held = Buffer.from(octets.subarray(at));
          break;
        }
        if (decision === 'body') {
          this.#state = 'body';
          if (this.#isDropping) keptFrom = at;
          kept.push(octets.subarray(keptFrom));
          return kept;
        }
        const isDropping = decision === 'same' ? this.#isDropping : decision === 'drop';
        if (isDropping && !this.#isDropping) kept.push(octets.subarray(keptFrom, at));
        if (!isDropping && this.#isDropping) keptFrom = at;
        this.#isDropping = isDropping;
        this.#state = 'in-line';
      }
      const lineEnd = octets.indexOf(LF, at);
      if (lineEnd === -1) {
        at = octets.length;
        break;
      }
      at = lineEnd + 1;
      this.#state = 'line-start';
    }
    if (!this.#isDropping && at > keptFrom) kept.push(octets.subarray(keptFrom, at));
    return kept.filter((piece) => piece.length > 0);
  }

  #decide(octets: Buffer, at: number, isLast: boolean): 'same' | 'drop' | 'keep' | 'body' | 'wait' {
    const first = octets[at]!;
    if (first === 32 || first === 9) return 'same';
    if (first === LF) return 'body';
    if (first === CR) {
      if (at + 1 === octets.length) return isLast ? 'keep' : 'wait';
      return octets[at + 1] === LF ? 'body' : 'keep';
    }
    let end = at;
    while (end < octets.length && end - at <= this.#longest && isNameOctet(octets[end]!)) end += 1;
    if (end - at > this.#longest) return 'keep';
    if (end === octets.length && !isLast) return 'wait';
    // A name without a colon after it is no field, but what looks like the named one goes as well: better than a leak.
    return this.#names.has(octets.toString('latin1', at, end).toLowerCase()) ? 'drop' : 'keep';
  }
}

function isNameOctet(octet: number): boolean {
  return octet > 32 && octet < 127 && octet !== 58;
}
