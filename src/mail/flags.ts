/**
 * Flags as the record keeps them: JMAP keywords (RFC 8621 §4.1.1), lower-case, shared by all mailboxes of a message.
 * IMAP's system flags map onto them (RFC 8621 §4.1.1); `\Deleted` is none: it belongs to a membership. `\Recent` belongs to a session.
 */

declare const brand: unique symbol;
export type Keyword = string & { readonly [brand]: 'Keyword' };

export const MAX_KEYWORD_LENGTH = 255;
export const MAX_KEYWORDS_PER_MESSAGE = 100;

export const SEEN = '$seen' as Keyword;
export const ANSWERED = '$answered' as Keyword;
export const FLAGGED = '$flagged' as Keyword;
export const DRAFT = '$draft' as Keyword;

const SYSTEM_FLAGS = new Map<string, Keyword>([
  ['\\seen', SEEN],
  ['\\answered', ANSWERED],
  ['\\flagged', FLAGGED],
  ['\\draft', DRAFT],
]);
const SYSTEM_NAMES = new Map<Keyword, string>([
  [SEEN, '\\Seen'],
  [ANSWERED, '\\Answered'],
  [FLAGGED, '\\Flagged'],
  [DRAFT, '\\Draft'],
]);

/** RFC 8621 §4.1.1: 1-255 octets, %x21-7e, none of ( ) { ] % * " \ ; also an IMAP flag-keyword. Null when it is no keyword. */
export function parseKeyword(text: string): Keyword | null {
  if (text.length === 0 || text.length > MAX_KEYWORD_LENGTH) return null;
  return /^[!#$&'+,\-./0-9:;<=>?@A-Z[^_`a-z|}~]+$/.test(text) ? (text.toLowerCase() as Keyword) : null;
}

/** An IMAP flag (`\Seen`, `$Forwarded`, `work`) as a keyword; null for `\Deleted`, `\Recent` and what is no flag. */
export function keywordOfFlag(flag: string): Keyword | null {
  return flag.startsWith('\\') ? (SYSTEM_FLAGS.get(flag.toLowerCase()) ?? null) : parseKeyword(flag);
}

/** The IMAP flag of a keyword: `\Seen` for `$seen`, the keyword itself for the rest. */
export function flagOfKeyword(keyword: Keyword): string {
  return SYSTEM_NAMES.get(keyword) ?? keyword;
}
