/**
 * Mailbox names as IMAP shows them: paths with '/' between the levels (RFC 9051 §5.1), INBOX for the mailbox of that role in whatever case
 * (§5.1), over a tree of names in the record. Pure.
 */
import type { MailboxId } from '../../../mail/ids.ts';
import { Refusal } from '../../../mail/refusal.ts';
import type { Mailbox } from '../../../storage/model.ts';
import { decodeModifiedUtf7, encodeModifiedUtf7 } from '../grammar/modified-utf7.ts';
import { printString } from '../grammar/strings.ts';

export const DELIMITER = '/';
/** Octets of one level; a whole path is bounded by its levels. */
const MAX_LEVEL_OCTETS = 255;
const MAX_LEVELS = 32;
/** A name made by another protocol may hold the delimiter: it is shown, and found again, by this look-alike. */
const DELIMITER_STAND_IN = '\u2215';

export interface NamedMailbox {
  readonly mailbox: Mailbox;
  readonly path: string;
  readonly hasChildren: boolean;
}

export class MailboxTree {
  readonly all: readonly NamedMailbox[];
  readonly #byPath = new Map<string, NamedMailbox>();
  readonly #byId = new Map<MailboxId, NamedMailbox>();

  constructor(mailboxes: readonly Mailbox[]) {
    const byId = new Map(mailboxes.map((mailbox) => [mailbox.id, mailbox]));
    const parents = new Set(mailboxes.map((mailbox) => mailbox.parent));
    const pathOf = (mailbox: Mailbox, depth: number): string => {
      if (mailbox.role === 'inbox' && mailbox.parent === null) return 'INBOX';
      const name = mailbox.name.replaceAll(DELIMITER, DELIMITER_STAND_IN);
      const parent = mailbox.parent === null ? undefined : byId.get(mailbox.parent);
      return parent === undefined || depth > 100 ? name : `${pathOf(parent, depth + 1)}${DELIMITER}${name}`;
    };
    const named = mailboxes.map((mailbox) => ({
      mailbox,
      path: pathOf(mailbox, 0),
      hasChildren: parents.has(mailbox.id),
    }));
    this.all = named.sort((a, b) => rank(a) - rank(b) || (a.path < b.path ? -1 : 1));
    for (const entry of this.all) {
      this.#byPath.set(entry.path, entry);
      this.#byId.set(entry.mailbox.id, entry);
    }
  }

  find(path: string): NamedMailbox | null {
    return this.#byPath.get(path) ?? null;
  }

  byId(id: MailboxId): NamedMailbox | null {
    return this.#byId.get(id) ?? null;
  }

  /** @throws Refusal 'notFound'. */
  require(path: string): NamedMailbox {
    const found = this.find(path);
    if (found === null) throw new Refusal('notFound', 'No such mailbox');
    return found;
  }
}

const rank = (entry: NamedMailbox): number => (entry.path === 'INBOX' ? 0 : entry.path.startsWith('INBOX/') ? 1 : 2);

/** INBOX, alone or as the first level, in the one spelling; the rest as it is. */
export function canonicalPath(path: string): string {
  return /^inbox(?=\/|$)/i.test(path) ? `INBOX${path.slice(5)}` : path;
}

/** A mailbox argument. @throws Refusal 'invalid' for what is no modified UTF-7 (RFC 3501 §5.1.3). */
export function readMailboxName(octets: Buffer): string {
  const name = decodeModifiedUtf7(octets);
  if (name === null) throw new Refusal('invalid', 'The mailbox name is no valid modified UTF-7');
  return canonicalPath(name.normalize('NFC'));
}

/** The levels of a name that is to be made. @throws Refusal 'invalid'. */
export function levelsOf(path: string): string[] {
  const levels = path.split(DELIMITER);
  if (levels.length > MAX_LEVELS) throw new Refusal('invalid', `A mailbox name has at most ${MAX_LEVELS} levels`);
  for (const level of levels) {
    if (level === '') throw new Refusal('invalid', 'A mailbox name has no empty levels');
    if (Buffer.byteLength(level) > MAX_LEVEL_OCTETS)
      throw new Refusal('invalid', `A level of a mailbox name has at most ${MAX_LEVEL_OCTETS} octets`);
    if (/[\x00-\x1f\x7f-\x9f\u2028\u2029]/.test(level) || !level.isWellFormed())
      throw new Refusal('invalid', 'A mailbox name has no control characters');
    // RFC 9051 §5.1: '%' and '*' are wildcards of LIST; a name with them could never be listed alone.
    if (/[%*]/.test(level)) throw new Refusal('invalid', 'A mailbox name has no wildcards');
  }
  return levels;
}

/** A name as it goes on the wire, quoted always: some clients take no atom here. */
export const printMailboxName = (path: string): string => printString(encodeModifiedUtf7(path));
