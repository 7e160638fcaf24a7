/** Search words marked in a text (RFC 8621 §5): HTML-escaped, `<mark>` around what matches as the search itself folds it. */
import { foldForSearch } from '../../../mail/format/search-fold.ts';

interface Span {
  readonly from: number;
  readonly to: number;
}

/** Characters before the first match in a preview. */
const LEAD = 60;
/** RFC 8621 §5: at most 255 octets for a preview. */
const MAX_PREVIEW_OCTETS = 255;

/** The whole text, marked; null when nothing in it matches. */
export function markAll(text: string, terms: readonly string[]): string | null {
  const spans = matches(text, terms);
  return spans.length === 0 ? null : marked(text, spans, Number.POSITIVE_INFINITY);
}

/** The piece of the text around the first match, marked; null when nothing in it matches. */
export function markPreview(text: string, terms: readonly string[]): string | null {
  const spans = matches(text, terms);
  const [first] = spans;
  if (first === undefined) return null;
  let from = Math.max(0, first.from - LEAD);
  const space = text.indexOf(' ', from);
  if (from > 0 && space !== -1 && space < first.from) from = space + 1;
  const shifted = spans.map((span) => ({ from: span.from - from, to: span.to - from }));
  return marked(text.slice(from), shifted, MAX_PREVIEW_OCTETS);
}

/** In order, without overlaps. */
function matches(text: string, terms: readonly string[]): readonly Span[] {
  const { folded, starts } = foldWithPositions(text);
  const spans: Span[] = [];
  for (const term of terms) {
    const needle = foldForSearch(term);
    if (needle === '') continue;
    for (let at = folded.indexOf(needle); at !== -1; at = folded.indexOf(needle, at + needle.length)) {
      spans.push({ from: starts[at]!, to: starts[at + needle.length] ?? text.length });
    }
  }
  spans.sort((a, b) => a.from - b.from || b.to - a.to);
  const apart: Span[] = [];
  for (const span of spans) if (span.from >= (apart.at(-1)?.to ?? 0) && span.to > span.from) apart.push(span);
  return apart;
}

/** The folded text, and for each of its characters where it came from. */
function foldWithPositions(text: string): { readonly folded: string; readonly starts: readonly number[] } {
  let folded = '';
  const starts: number[] = [];
  let at = 0;
  for (const character of text) {
    const piece = /\s/.test(character) ? (folded.endsWith(' ') ? '' : ' ') : foldForSearch(character);
    for (let i = 0; i < piece.length; i++) starts.push(at);
    folded += piece;
    at += character.length;
  }
  return { folded, starts };
}

/** Stops before `maxOctets`, never inside a mark, an escape or a character. */
function marked(text: string, spans: readonly Span[], maxOctets: number): string {
  let html = '';
  let left = maxOctets;
  const add = (piece: string): boolean => {
    const octets = Buffer.byteLength(piece);
    if (octets > left) return false;
    html += piece;
    left -= octets;
    return true;
  };
  const addText = (from: number, to: number): boolean => {
    for (const character of text.slice(from, to)) if (!add(escapeHtml(character))) return false;
    return true;
  };
  let at = 0;
  for (const { from, to } of spans) {
    if (!addText(at, from)) return html;
    if (!add(`<mark>${escapeHtml(text.slice(from, to))}</mark>`)) return html;
    at = to;
  }
  addText(at, text.length);
  return html;
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
