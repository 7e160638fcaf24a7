// The text of an HTML body, for previews and for search: tags, comments, styles and scripts go, entities are decoded,
// block ends become line ends. It is no sanitiser: its output is text and is never shown as HTML. One pass without
// recursion, linear in the input, never throws; `maxLength` ends it early.

/** `html` is decoded text, possibly cut off anywhere. */
export function htmlToText(html: string, maxLength: number = Number.POSITIVE_INFINITY): string {
  // Only ASCII letters are lowered, so that offsets stay the same.
  const lower = html.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
  let text = '';
  let at = 0;
  while (at < html.length && text.length < maxLength) {
    const open = html.indexOf('<', at);
    if (open === -1) {
      text += decodeEntities(html.slice(at));
      break;
    }
    if (open > at) text += decodeEntities(html.slice(at, open));
    if (html.startsWith('<!--', open)) {
      const end = html.indexOf('-->', open + 4);
      at = end === -1 ? html.length : end + 3;
      continue;
    }
    const name = tagName(lower, open);
    if (name === '') {
      text += '<';
      at = open + 1;
      continue;
    }
    const end = endOfTag(html, open + 1);
    if (HIDDEN.has(name)) {
      const close = lower.indexOf(`</${name}`, end);
      at = close === -1 ? html.length : endOfTag(html, close + 2);
      continue;
    }
    if (BREAKING.has(name.startsWith('/') ? name.slice(1) : name)) text += '\n';
    else if (SPACING.has(name)) text += ' ';
    at = end;
  }
  return text
    .replace(/[ \t\u00a0\r]+/g, ' ')
    .replace(/ ?\n[ \n]*/g, '\n')
    .trim();
}

const HIDDEN = new Set(['style', 'script', 'title', 'template', 'noscript', 'svg', 'math']);
const BREAKING = new Set(
  (
    'address article aside blockquote body br center dd div dl dt fieldset figure footer form h1 h2 h3 h4 h5 h6 header hr ' +
    'li main nav ol option p pre section table tbody tfoot thead tr ul'
  ).split(' '),
);
const SPACING = new Set(['td', '/td', 'th', '/th', 'img']);

const MAX_TAG_NAME = 16;

/** The lower-case name after "<" or "</" (slash kept), "!" or "?" for declarations; empty when this is no tag. */
function tagName(lower: string, open: number): string {
  const first = lower[open + 1];
  if (first === '!' || first === '?') return first;
  const start = open + 1;
  let at = first === '/' ? start + 1 : start;
  const nameStart = at;
  while (at < lower.length && at - start < MAX_TAG_NAME && /[a-z0-9]/.test(lower[at]!)) at += 1;
  return at === nameStart ? '' : lower.slice(start, at);
}

/** The offset after the ">" that closes a tag; quoted attribute values may hold ">". */
function endOfTag(html: string, start: number): number {
  const close = html.indexOf('>', start);
  if (close === -1) return html.length;
  const quote = /["']/.exec(html.slice(start, close));
  if (quote === null) return close + 1;
  let open: string | null = null;
  for (let at = start; at < html.length && at - start < MAX_TAG_LENGTH; at += 1) {
    const character = html[at]!;
    if (open !== null) {
      if (character === open) open = null;
    } else if (character === '>') return at + 1;
    else if (character === '"' || character === "'")
      open = html[at - 1] === '=' || html[at - 1] === ' ' ? character : null;
  }
  // An unclosed quote: the first bracket ends the tag after all.
  return close + 1;
}

/** Bounds the look for the end of a quoted value, which keeps hostile input linear. */
const MAX_TAG_LENGTH = 2_048;
const MAX_ENTITY_LENGTH = 10;

/** Decodes numeric and the common named entities; others are left as they stand. */
export function decodeEntities(text: string): string {
  let at = text.indexOf('&');
  if (at === -1) return text;
  let decoded = '';
  let from = 0;
  while (at !== -1) {
    const end = text.slice(at, at + MAX_ENTITY_LENGTH).indexOf(';');
    const character = end === -1 ? null : entity(text.slice(at + 1, at + end));
    if (character !== null) {
      decoded += text.slice(from, at) + character;
      from = at + end + 1;
    }
    at = text.indexOf('&', Math.max(from, at + 1));
  }
  return decoded + text.slice(from);
}

function entity(name: string): string | null {
  const numeric = /^#(?:x([0-9a-f]{1,6})|(\d{1,7}))$/i.exec(name);
  if (numeric === null) return NAMED.get(name) ?? null;
  const code = numeric[1] === undefined ? Number(numeric[2]) : Number.parseInt(numeric[1], 16);
  if (code === 0 || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return '\ufffd';
  return String.fromCodePoint(code);
}

/** Latin-1 names in code order from 160, then the ones that mail is written with. */
const LATIN1_NAMES =
  'nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr deg plusmn sup2 sup3 acute micro ' +
  'para middot cedil sup1 ordm raquo frac14 frac12 frac34 iquest Agrave Aacute Acirc Atilde Auml Aring AElig Ccedil ' +
  'Egrave Eacute Ecirc Euml Igrave Iacute Icirc Iuml ETH Ntilde Ograve Oacute Ocirc Otilde Ouml times Oslash Ugrave ' +
  'Uacute Ucirc Uuml Yacute THORN szlig agrave aacute acirc atilde auml aring aelig ccedil egrave eacute ecirc euml ' +
  'igrave iacute icirc iuml eth ntilde ograve oacute ocirc otilde ouml divide oslash ugrave uacute ucirc uuml yacute ' +
  'thorn yuml';

const NAMED: ReadonlyMap<string, string> = new Map([
  ...LATIN1_NAMES.split(' ').map((name, index): [string, string] => [name, String.fromCharCode(160 + index)]),
  ['amp', '&'],
  ['lt', '<'],
  ['gt', '>'],
  ['quot', '"'],
  ['apos', "'"],
  ['OElig', 'Œ'],
  ['oelig', 'œ'],
  ['Scaron', 'Š'],
  ['scaron', 'š'],
  ['ndash', '–'],
  ['mdash', '—'],
  ['lsquo', '‘'],
  ['rsquo', '’'],
  ['sbquo', '‚'],
  ['ldquo', '“'],
  ['rdquo', '”'],
  ['bdquo', '„'],
  ['bull', '•'],
  ['hellip', '…'],
  ['euro', '€'],
  ['trade', '™'],
  ['larr', '←'],
  ['rarr', '→'],
  ['ensp', ' '],
  ['emsp', ' '],
  ['thinsp', ' '],
  ['zwnj', '\u200c'],
  ['zwj', '\u200d'],
]);
