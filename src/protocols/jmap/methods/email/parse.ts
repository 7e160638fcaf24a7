/** Email/parse (RFC 8621 §4.9): a blob shown as an Email without storing it as one. */
import type { BlobId } from '../../../../mail/ids.ts';
import { emailObject } from '../../email/email-object.ts';
import { MessageOctets } from '../../email/message-octets.ts';
import { isEmailProperty, readWanted } from '../../email/wanted.ts';
import { asId, InvalidValue, listOf } from '../../json/object-reader.ts';
import { objectOf } from '../../json/parse-json.ts';
import { accountOf, type Method } from '../../method-call.ts';
import { asPropertyNames, tooManyToGet } from '../../standard/get.ts';

/** RFC 8621 §4.9. */
const DEFAULTS: ReadonlySet<string> = new Set([
  'messageId',
  'inReplyTo',
  'references',
  'sender',
  'from',
  'to',
  'cc',
  'bcc',
  'replyTo',
  'subject',
  'sentAt',
  'hasAttachment',
  'preview',
  'bodyValues',
  'textBody',
  'htmlBody',
  'attachments',
]);
/** Each is indexed anew. */
const MAX_PARSED = 50;

export const emailParse: Method = async (call) => {
  const { accountId, account } = await accountOf(call);
  const blobIds = [...new Set(call.args.required('blobIds', listOf(asId)).map((id) => call.request.resolveId(id)))];
  const names = call.args.nullable('properties', asPropertyNames);
  for (const [index, name] of names?.entries() ?? []) {
    if (!isEmailProperty(name)) throw new InvalidValue(`properties/${index}`, `${JSON.stringify(name)} is no property`);
  }
  const wanted = readWanted(call.args, names === null ? null : new Set(names), DEFAULTS);
  call.args.finish();
  if (blobIds.length > MAX_PARSED) throw tooManyToGet(MAX_PARSED);
  const { store } = call.request.parts;
  const parsed = new Map<string, object>();
  const notFound: string[] = [];
  const { budget } = call.request;
  for (const blobId of blobIds) {
    const blob = await account.blob(blobId as BlobId);
    if (blob === null) {
      notFound.push(blobId);
      continue;
    }
    const { ref, index, octets } = await account.stageBlob(blob);
    const email = await emailObject(
      {
        // RFC 8621 §4.9: what only a stored Email has is null.
        metadata: {
          id: null,
          blobId,
          threadId: null,
          mailboxIds: null,
          keywords: null,
          size: index.size,
          receivedAt: null,
        },
        envelope: index.envelope,
        summary: index,
        structure: index.root,
        octets: new MessageOctets(store, ref, octets ?? null),
        blobIdOf: () => null,
      },
      wanted,
      budget,
    );
    parsed.set(blobId, email);
  }
  return {
    accountId,
    parsed: parsed.size === 0 ? null : objectOf(parsed),
    notParsable: null,
    notFound: notFound.length === 0 ? null : notFound,
  };
};
