/**
 * Looks for many folded needles at once in text that comes in pieces: nothing is cut short, and memory holds one window of text.
 *
 * Text is folded window by window; a window ends at white space, where folding takes no note of what comes next, so that the whole is found as if it
 * had been folded in one piece.
 */
import { htmlToText } from '../../mail/format/html-text.ts';
import { foldForSearch } from '../../mail/format/search-fold.ts';

const WINDOW = 256 * 1024;
/** HTML is turned into text as a whole up to here, behind it window by window. */
const HTML_WINDOW = 4 * 1024 * 1024;

export class NeedleFinder {
  readonly found = new Set<string>();
  readonly #missing: Set<string>;
  readonly #longest: number;
  #text = '';
  #tail = '';
  #isHtml = false;

  constructor(needles: Iterable<string>) {
    this.#missing = new Set(needles);
    this.#longest = Math.max(1, ...[...this.#missing].map((needle) => needle.length));
  }

  /** Nothing is left to look for. */
  get isDone(): boolean {
    return this.#missing.size === 0;
  }

  /** A new text begins: nothing is found across it and the one before. */
  begin(isHtml: boolean): void {
    this.#text = '';
    this.#tail = '';
    this.#isHtml = isHtml;
  }

  write(piece: string): void {
    if (this.isDone) return;
    this.#text += piece;
    if (this.#text.length < (this.#isHtml ? HTML_WINDOW : WINDOW)) return;
    const cut = this.#isHtml ? this.#text.lastIndexOf('>') + 1 : lastWhiteSpace(this.#text) + 1;
    const end = cut > 0 ? cut : this.#text.length;
    this.#search(this.#text.slice(0, end));
    this.#text = this.#text.slice(end);
  }

  /** The text is over. */
  end(): void {
    if (!this.isDone && this.#text !== '') this.#search(this.#text);
    this.#text = '';
    this.#tail = '';
  }

  #search(window: string): void {
    const folded = foldForSearch(this.#isHtml ? htmlToText(window) : window);
    if (folded === '') return;
    const text = this.#tail === '' ? folded : `${this.#tail} ${folded}`;
    for (const needle of this.#missing) {
      if (!text.includes(needle)) continue;
      this.found.add(needle);
      this.#missing.delete(needle);
    }
    this.#tail = text.slice(-this.#longest);
  }
}

function lastWhiteSpace(text: string): number {
  for (let at = text.length - 1; at >= 0; at--) {
    const code = text.charCodeAt(at);
    if (code === 32 || code === 10 || code === 13 || code === 9) return at;
  }
  return -1;
}
