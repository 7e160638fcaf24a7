/** `keywords` and `mailboxIds` as a client gives them: whole sets, or patches of single members (RFC 8621 §4.1.1, §4.6). */
import { type Keyword, MAX_KEYWORDS_PER_MESSAGE, parseKeyword } from '../../../mail/flags.ts';
import type { MailboxId } from '../../../mail/ids.ts';
import { asKeySet, InvalidValue, type Parser } from '../json/object-reader.ts';
import type { RequestContext } from '../method-call.ts';
import { invalidProperties, SetRefusal } from '../method-error.ts';

/** Lower-case, each once. */
export const asKeywords: Parser<readonly Keyword[]> = (json, path) => {
  const keywords = new Set<Keyword>();
  for (const name of asKeySet(json, path)) keywords.add(keywordOf(name, path));
  if (keywords.size > MAX_KEYWORDS_PER_MESSAGE) {
    throw new SetRefusal({ type: 'tooManyKeywords', description: `At most ${MAX_KEYWORDS_PER_MESSAGE} keywords.` });
  }
  return [...keywords];
};

export function keywordOf(name: string, path: string): Keyword {
  const keyword = parseKeyword(name);
  if (keyword === null) throw new InvalidValue(path, `${JSON.stringify(name)} is no keyword`);
  return keyword;
}

/** RFC 8621 §4.1.1: at least one; '#k' is a mailbox made in this request. `known`: those that exist. */
export function asMailboxIds(request: RequestContext, known: ReadonlySet<string>): Parser<readonly MailboxId[]> {
  return (json, path) => {
    const ids = new Set<MailboxId>();
    for (const id of asKeySet(json, path)) ids.add(mailboxIdOf(id, request, known));
    if (ids.size === 0) throw invalidProperties(['mailboxIds'], 'An email is in at least one mailbox.');
    return [...ids];
  };
}

export function mailboxIdOf(id: string, request: RequestContext, known: ReadonlySet<string>): MailboxId {
  const resolved = request.resolveId(id);
  if (!known.has(resolved)) throw invalidProperties(['mailboxIds'], `There is no mailbox ${JSON.stringify(id)}.`);
  return resolved as MailboxId;
}
