/** SearchSnippet/get (RFC 8621 §5.1): where the words of a filter stand in an email. */
import { bodyParts } from '../../../../mail/format/body-parts.ts';
import { decodeWords } from '../../../../mail/format/encoded-words.ts';
import { htmlToText } from '../../../../mail/format/html-text.ts';
import { PartTextReader } from '../../../../mail/format/part-text.ts';
import type { EmailId } from '../../../../mail/ids.ts';
import type { MailStore } from '../../../../storage/mail-store.ts';
import type { Message, SearchNode } from '../../../../storage/model.ts';
import { readEmailFilter } from '../../email/filter.ts';
import { markAll, markPreview } from '../../email/highlight.ts';
import { MessageOctets } from '../../email/message-octets.ts';
import { asId, listOf } from '../../json/object-reader.ts';
import { accountOf, type Method } from '../../method-call.ts';
import { tooManyToGet } from '../../standard/get.ts';

/** Each may mean reading a body. */
const MAX_SNIPPETS = 200;
/** Octets of a body's text that are looked through. */
const MAX_TEXT_OCTETS = 64 * 1024;

export const searchSnippetGet: Method = async (call) => {
  const { accountId, account } = await accountOf(call);
  const filter = readEmailFilter(call);
  const ids: readonly string[] = [
    ...new Set(call.args.required('emailIds', listOf(asId)).map((id) => call.request.resolveId(id))),
  ];
  call.args.finish();
  if (ids.length > MAX_SNIPPETS) throw tooManyToGet(MAX_SNIPPETS);
  const subjectTerms = termsOf(filter, new Set(['text', 'subject']));
  const bodyTerms = termsOf(filter, new Set(['text', 'body']));
  const found = ids.length === 0 ? [] : await account.messages(ids as readonly EmailId[], ['envelope', 'structure']);
  const byId = new Map(found.map((message) => [message.id as string, message]));
  const list: object[] = [];
  for (const id of ids) {
    const message = byId.get(id);
    if (message === undefined) continue;
    const subject = decodeWords(message.envelope?.subject ?? '');
    list.push({
      emailId: id,
      subject: markAll(subject, subjectTerms),
      preview: bodyTerms.length === 0 ? null : await snippetOfBody(call.request.parts.store, message, bodyTerms),
    });
  }
  const notFound = ids.filter((id) => !byId.has(id));
  return { accountId, list, notFound: notFound.length === 0 ? null : notFound };
};

/** Words that are looked for; what must not be there is not shown. */
function termsOf(node: SearchNode, ops: ReadonlySet<string>): readonly string[] {
  if (node.op === 'and' || node.op === 'or') return node.nodes.flatMap((one) => termsOf(one, ops));
  return ops.has(node.op) && 'text' in node && typeof node.text === 'string' ? [node.text] : [];
}

async function snippetOfBody(store: MailStore, message: Message, terms: readonly string[]): Promise<string | null> {
  const octets = new MessageOctets(store, message.body, null);
  for (const node of bodyParts(message.structure!).textBody) {
    if (node.type !== 'text') continue;
    const reader = new PartTextReader(node, MAX_TEXT_OCTETS);
    for await (const chunk of octets.stream(node.bodyStart, node.end)) {
      reader.write(chunk);
      if (reader.isFull) break;
    }
    const { text } = reader.end();
    const plain = node.subtype === 'html' ? htmlToText(text, MAX_TEXT_OCTETS) : text;
    const preview = markPreview(plain.replace(/\s+/g, ' ').trim(), terms);
    if (preview !== null) return preview;
  }
  return null;
}
