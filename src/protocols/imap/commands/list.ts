/**
 * LIST (RFC 9051 §6.3.9, RFC 5258, RFC 5819, RFC 6154) and LSUB (RFC 3501 §6.3.9).
 */
import type { Cursor } from '../grammar/cursor.ts';
import { matchesPattern } from '../grammar/list-pattern.ts';
import { decodeModifiedUtf7 } from '../grammar/modified-utf7.ts';
import { bad, ok } from '../session/completion.ts';
import type { ImapSession } from '../session/imap-session.ts';
import {
  canonicalPath,
  DELIMITER,
  type MailboxTree,
  type NamedMailbox,
  printMailboxName,
} from '../session/mailbox-names.ts';
import { useOfRole } from '../session/special-use.ts';
import { parseStatusItems, type StatusItem, writeStatus } from '../session/status-items.ts';
import { defineCommand } from './command.ts';

interface ListArguments {
  readonly reference: Buffer;
  readonly patterns: readonly Buffer[];
  readonly isExtended: boolean;
  /** RFC 5258 §3.1. */
  readonly selection: ReadonlySet<string>;
  /** RFC 5258 §3.2. */
  readonly wanted: ReadonlySet<string>;
  readonly status: readonly StatusItem[];
}

const SELECTION = new Set(['SUBSCRIBED', 'REMOTE', 'RECURSIVEMATCH', 'SPECIAL-USE']);
const WANTED = new Set(['SUBSCRIBED', 'CHILDREN', 'SPECIAL-USE']);
const MAX_PATTERN_OCTETS = 1_000;
const MAX_PATTERNS = 50;

export const list = defineCommand({
  name: 'LIST',
  when: 'afterLogin',
  updates: 'all',
  parse: parseList,
  run: async (session, args) => {
    const { selection } = args;
    // RFC 5258 §3.1: RECURSIVEMATCH needs something to match by.
    if (selection.has('RECURSIVEMATCH') && !selection.has('SUBSCRIBED') && !selection.has('SPECIAL-USE'))
      return bad('RECURSIVEMATCH needs another selection option');
    if (!args.isExtended && args.patterns[0]!.length === 0) {
      session.untagged('LIST (\\Noselect) "/" ""');
      return ok('List completed');
    }
    const { tree } = await session.mailboxes();
    const patterns = patternsOf(args);
    for (const entry of tree.all) {
      if (!patterns.some((pattern) => matchesPattern(pattern, entry.path))) continue;
      const isChosen = isSelected(entry, selection);
      const childInfo = selection.has('RECURSIVEMATCH') ? childInfoOf(tree, entry, selection, patterns) : '';
      if (!isChosen && childInfo === '') continue;
      session.untagged(`LIST (${attributes(entry, args)}) "/" ${printMailboxName(entry.path)}${childInfo}`);
      if (args.status.length > 0) await writeStatus(session, entry.path, entry.mailbox, args.status);
      await session.connection.writer.flushWhenFull();
    }
    return ok('List completed');
  },
});

export const lsub = defineCommand({
  name: 'LSUB',
  when: 'afterLogin',
  updates: 'all',
  parse: (cursor) => {
    cursor.space();
    const reference = cursor.astring();
    cursor.space();
    return { reference, patterns: [readPattern(cursor)] };
  },
  run: async (session, args) => {
    const { tree } = await session.mailboxes();
    writeSubscribed(session, tree, patternsOf(args));
    return ok('Lsub completed');
  },
});

function parseList(cursor: Cursor): ListArguments {
  cursor.space();
  let isExtended = cursor.isAtList;
  const selection = isExtended ? cursor.list(() => option(cursor, SELECTION)) : [];
  if (isExtended) cursor.space();
  const reference = cursor.astring();
  cursor.space();
  const isMany = cursor.isAtList;
  const patterns = isMany ? cursor.list(() => readPattern(cursor), 1) : [readPattern(cursor)];
  if (patterns.length > MAX_PATTERNS) throw cursor.fault('Too many patterns');
  const status: StatusItem[] = [];
  const wanted = new Set<string>();
  if (!cursor.isAtEnd) {
    cursor.space();
    if (!cursor.takesKeyword('RETURN')) throw cursor.fault('RETURN expected');
    cursor.space();
    isExtended = true;
    cursor.list(() => {
      if (!cursor.takesKeyword('STATUS')) return wanted.add(option(cursor, WANTED));
      cursor.space();
      return status.push(...parseStatusItems(cursor));
    });
  }
  return { reference, patterns, isExtended: isExtended || isMany, selection: new Set(selection), wanted, status };
}

function option(cursor: Cursor, known: ReadonlySet<string>): string {
  const name = cursor.keyword();
  if (!known.has(name)) throw cursor.fault(`Unknown option of LIST ${name.slice(0, 40)}`);
  return name;
}

function readPattern(cursor: Cursor): Buffer {
  const pattern = cursor.listMailbox();
  if (pattern.length > MAX_PATTERN_OCTETS) throw cursor.fault('The pattern is too long');
  return pattern;
}

/** Reference and pattern are joined (RFC 9051 §6.3.9); what is no modified UTF-7 matches nothing. */
function patternsOf(args: Pick<ListArguments, 'reference' | 'patterns'>): string[] {
  const patterns: string[] = [];
  for (const octets of args.patterns) {
    const pattern = decodeModifiedUtf7(Buffer.concat([args.reference, octets]));
    if (pattern !== null) patterns.push(canonicalPath(pattern.normalize('NFC')));
  }
  return patterns;
}

function isSelected(entry: NamedMailbox, selection: ReadonlySet<string>): boolean {
  if (selection.has('SUBSCRIBED') && !entry.mailbox.subscribed) return false;
  return !selection.has('SPECIAL-USE') || useOfRole(entry.mailbox.role) !== null;
}

/** RFC 5258 §3.5: an inferior name that is chosen and that no pattern shows. */
function childInfoOf(
  tree: MailboxTree,
  entry: NamedMailbox,
  selection: ReadonlySet<string>,
  patterns: readonly string[],
): string {
  const prefix = `${entry.path}${DELIMITER}`;
  const hasOne = tree.all.some(
    (other) =>
      other.path.startsWith(prefix) &&
      isSelected(other, selection) &&
      !patterns.some((pattern) => matchesPattern(pattern, other.path)),
  );
  if (!hasOne) return '';
  const options = [...selection].filter((name) => name === 'SUBSCRIBED' || name === 'SPECIAL-USE');
  return ` ("CHILDINFO" (${options.map((name) => `"${name}"`).join(' ')}))`;
}

function attributes(entry: NamedMailbox, { selection, wanted }: ListArguments): string {
  const flags = [entry.hasChildren ? '\\HasChildren' : '\\HasNoChildren'];
  if (entry.mailbox.subscribed && (selection.has('SUBSCRIBED') || wanted.has('SUBSCRIBED'))) flags.push('\\Subscribed');
  // RFC 6154 §2: also without being asked.
  const use = useOfRole(entry.mailbox.role);
  if (use !== null) flags.push(use);
  return flags.join(' ');
}

/** RFC 3501 §6.3.9: with '%' a superior name of a subscribed one is shown as \Noselect where it is not subscribed itself. */
function writeSubscribed(session: ImapSession, tree: MailboxTree, patterns: readonly string[]): void {
  const matches = (path: string): boolean => patterns.some((pattern) => matchesPattern(pattern, path));
  const told = new Set<string>();
  for (const { path, mailbox } of tree.all) {
    if (!mailbox.subscribed) continue;
    const levels = path.split(DELIMITER);
    for (let depth = 1; depth < levels.length && patterns.some((pattern) => pattern.endsWith('%')); depth++) {
      const superior = levels.slice(0, depth).join(DELIMITER);
      const entry = tree.find(superior);
      if (told.has(superior) || entry?.mailbox.subscribed || matches(path) || !matches(superior)) continue;
      told.add(superior);
      session.untagged(`LSUB (\\Noselect) "/" ${printMailboxName(superior)}`);
    }
    if (matches(path)) session.untagged(`LSUB () "/" ${printMailboxName(path)}`);
  }
}
