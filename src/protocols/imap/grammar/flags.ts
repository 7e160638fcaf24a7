/**
 * Flags on the wire (RFC 9051 §2.3.2) and in the record. Keywords are kept in lower case; those that clients know by a mixed-case name
 * are shown by it, since some compare octets.
 */
import { flagOfKeyword, type Keyword, keywordOfFlag, MAX_KEYWORDS_PER_MESSAGE } from '../../../mail/flags.ts';
import { Refusal } from '../../../mail/refusal.ts';
import { SyntaxFault } from './cursor.ts';

export const SYSTEM_FLAGS = '\\Answered \\Flagged \\Deleted \\Seen \\Draft';

/** The IANA registry of IMAP keywords, and what Thunderbird and Apple Mail set. */
const KNOWN_NAMES = [
  '$Forwarded',
  '$MDNSent',
  '$SubmitPending',
  '$Submitted',
  '$Junk',
  '$NotJunk',
  '$Phishing',
  '$Important',
  'Junk',
  'NonJunk',
  'NotJunk',
  'Forwarded',
  'Redirected',
  '$MailFlagBit0',
  '$MailFlagBit1',
  '$MailFlagBit2',
];
const DISPLAY = new Map(KNOWN_NAMES.map((name) => [name.toLowerCase(), name]));

/** Of FLAGS and PERMANENTFLAGS at SELECT: what messages here may well have. Others can be made (`\*`). */
export const COMMON_KEYWORDS = '$Forwarded $MDNSent $Junk $NotJunk';

/** `\Deleted \Seen $Forwarded`, without parentheses: system flags first, as every server does. */
export function printFlags(keywords: readonly Keyword[], isDeleted: boolean): string {
  let system = isDeleted ? ' \\Deleted' : '';
  let others = '';
  for (const keyword of keywords) {
    const flag = flagOfKeyword(keyword);
    if (flag.startsWith('\\')) system += ` ${flag}`;
    else others += ` ${DISPLAY.get(flag) ?? flag}`;
  }
  return (system + others).slice(1);
}

export interface FlagList {
  readonly keywords: readonly Keyword[];
  readonly deleted: boolean;
}

/**
 * Flags of STORE and APPEND. `\Recent` can't be set (RFC 3501 §2.3.2) and is passed over: clients copy it from what they were shown.
 * @throws SyntaxFault for an unknown system flag, Refusal for a keyword that can't be kept.
 */
export function readFlags(flags: readonly string[]): FlagList {
  const keywords = new Set<Keyword>();
  let deleted = false;
  for (const flag of flags) {
    const name = flag.toLowerCase();
    if (name === '\\deleted') deleted = true;
    else if (name !== '\\recent') {
      const keyword = keywordOfFlag(flag);
      if (keyword !== null) keywords.add(keyword);
      else if (flag.startsWith('\\')) throw new SyntaxFault('Unknown system flag');
      else throw new Refusal('invalid', 'A keyword has at most 255 characters, and no others than RFC 8621 allows');
    }
  }
  if (keywords.size > MAX_KEYWORDS_PER_MESSAGE)
    throw new Refusal('tooMany', `At most ${MAX_KEYWORDS_PER_MESSAGE} keywords`);
  return { keywords: [...keywords], deleted };
}
