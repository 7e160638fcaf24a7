/** How much one request may bring together in its answer, over all of its calls: what keeps a thousand large emails out of memory. */
import { MAX_ANSWER_OCTETS } from './limits.ts';
import { MethodError } from './method-error.ts';

export class AnswerBudget {
  #left: number;

  constructor(maxOctets: number = MAX_ANSWER_OCTETS) {
    this.#left = maxOctets;
  }

  get left(): number {
    return this.#left;
  }

  /** MethodError requestTooLarge when it is spent. Octets may be estimated. */
  spend(octets: number): void {
    this.#left -= octets;
    if (this.#left < 0) throw answerTooLarge();
  }
}

export function answerTooLarge(): MethodError {
  return new MethodError(
    'requestTooLarge',
    `The answer would pass ${MAX_ANSWER_OCTETS} octets: ask for less at a time.`,
  );
}
