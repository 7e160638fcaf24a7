/** Changes of an Email (RFC 8621 §4.6): only `keywords` and `mailboxIds` can change; everything else may only be named as it is. */
import type { Keyword } from '../../../mail/flags.ts';
import type { MailboxId } from '../../../mail/ids.ts';
import type { EmailChange } from '../../../storage/mail-store.ts';
import { InvalidValue } from '../json/object-reader.ts';
import type { Json, JsonObject } from '../json/parse-json.ts';
import type { RequestContext } from '../method-call.ts';
import { invalidProperties } from '../method-error.ts';
import { invalidPatch, readPatch } from '../standard/set.ts';
import { asKeywords, asMailboxIds, keywordOf, mailboxIdOf } from './keywords-and-mailboxes.ts';

export function readEmailPatch(
  patch: JsonObject,
  id: string,
  request: RequestContext,
  mailboxes: ReadonlySet<string>,
): EmailChange {
  const addKeywords: Keyword[] = [];
  const removeKeywords: Keyword[] = [];
  const addMailboxes: MailboxId[] = [];
  const removeMailboxes: MailboxId[] = [];
  let whole: Pick<EmailChange, 'keywords' | 'mailboxes'> = {};
  for (const [pointer, value] of readPatch(patch)) {
    const [property, member, ...rest] = pointer;
    const path = pointer.join('/');
    if (rest.length > 0) throw invalidPatch(`"${path}" points at nothing`);
    if (property === 'keywords') {
      if (member === undefined) whole = { ...whole, keywords: value === null ? [] : asKeywords(value, path) };
      else (isSet(value, path) ? addKeywords : removeKeywords).push(keywordOf(member, path));
    } else if (property === 'mailboxIds') {
      if (member === undefined) whole = { ...whole, mailboxes: asMailboxIds(request, mailboxes)(value, path) };
      else if (isSet(value, path)) addMailboxes.push(mailboxIdOf(member, request, mailboxes));
      // Taking it out of a mailbox that is not there changes nothing.
      else removeMailboxes.push(request.resolveId(member) as MailboxId);
    } else if (path !== 'id' || value !== id) {
      throw invalidProperties([path], "This property can't be changed, or it is unknown.");
    }
  }
  return {
    ...whole,
    ...(addKeywords.length === 0 ? {} : { addKeywords }),
    ...(removeKeywords.length === 0 ? {} : { removeKeywords }),
    ...(addMailboxes.length === 0 ? {} : { addMailboxes }),
    ...(removeMailboxes.length === 0 ? {} : { removeMailboxes }),
  };
}

/** RFC 8620 §5.3: true sets a member, null takes it away. */
function isSet(value: Json, path: string): boolean {
  if (value === true) return true;
  if (value === null) return false;
  throw new InvalidValue(path, 'must be true or null');
}
