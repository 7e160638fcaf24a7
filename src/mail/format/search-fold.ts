// How text is folded for search: the index and the query call the same function, so they always meet. Compatibility
// forms unified, case and accents removed, white space collapsed. Folding twice changes nothing.

/**
 * NFKC, lower-case, combining marks stripped. Marks that are letters of their own script (Thai, Hindi, Arabic vowels)
 * stay: only the general diacritical blocks go.
 */
export function foldForSearch(text: string): string {
  // Most mail is ASCII: nothing to normalise there.
  if (/^[\x20-\x7e]*$/.test(text)) return collapse(text.toLowerCase());
  const folded = text
    .normalize('NFKC')
    .toLowerCase()
    .normalize('NFD')
    .replace(/[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]/g, '')
    .replace(/[\u00ad\u200b-\u200d\u2060\ufeff]/g, '')
    .replace(/[ßøłđðþæœıſ]/g, (letter) => LETTERS.get(letter) ?? letter)
    .normalize('NFKC')
    .toLowerCase();
  return collapse(folded);
}

/** Letters that no decomposition takes apart but that people type without their strokes. */
const LETTERS: ReadonlyMap<string, string> = new Map([
  ['ß', 'ss'],
  ['ø', 'o'],
  ['ł', 'l'],
  ['đ', 'd'],
  ['ð', 'd'],
  ['þ', 'th'],
  ['æ', 'ae'],
  ['œ', 'oe'],
  ['ı', 'i'],
  ['ſ', 's'],
]);

function collapse(text: string): string {
  return text.replace(/[\s\u0000-\u001f\u007f]+/g, ' ').trim();
}
