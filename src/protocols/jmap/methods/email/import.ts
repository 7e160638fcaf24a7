/** Email/import (RFC 8621 §4.8): blobs that are whole messages become Emails, octet for octet, in one mutation. */
import type { BlobId } from '../../../../mail/ids.ts';
import type { NewMessage } from '../../../../storage/mail-store.ts';
import { changeEmails } from '../../email/change-emails.ts';
import { asKeywords, asMailboxIds } from '../../email/keywords-and-mailboxes.ts';
import { asId, asObject, asUtcDate, mapOf, ObjectReader } from '../../json/object-reader.ts';
import type { JsonObject } from '../../json/parse-json.ts';
import { accountOf, type Method, type MethodCall } from '../../method-call.ts';
import { SetRefusal } from '../../method-error.ts';
import { checkObjectsInSet, Outcomes, objectOrNull, readIfInState, stateWithoutChange } from '../../standard/set.ts';

export const emailImport: Method = async (call) => {
  const { accountId, account } = await accountOf(call);
  const ifInState = readIfInState(call);
  const emails = call.args.required('emails', mapOf(asObject));
  call.args.finish();
  checkObjectsInSet(call, emails.size);
  const created = new Outcomes<object>();
  const mailboxes = new Set<string>((await account.mailboxes()).mailboxes.map(({ id }) => id));
  const before = await stateWithoutChange(account, 'Email', ifInState);
  const create = new Map<string, NewMessage>();
  for (const [key, object] of emails) {
    const message = await created.attempt(key, () => readImport(object, call, account, mailboxes));
    if (message !== null) create.set(key, message);
  }
  let states = { oldState: before, newState: before };
  if (create.size > 0) {
    const outcomes = { created, updated: new Outcomes<object | null>(), destroyed: new Outcomes<null>() };
    const batch = { ...(ifInState === undefined ? {} : { ifInState }), create };
    states = await changeEmails(account, batch, outcomes, call.request);
  }
  return { accountId, ...states, created: objectOrNull(created.done), notCreated: objectOrNull(created.refused) };
};

async function readImport(
  object: JsonObject,
  { request }: MethodCall,
  account: Awaited<ReturnType<typeof accountOf>>['account'],
  mailboxes: ReadonlySet<string>,
): Promise<NewMessage> {
  const reader = new ObjectReader(object);
  const blobId = reader.required('blobId', asId);
  const mailboxIds = reader.required('mailboxIds', asMailboxIds(request, mailboxes));
  const keywords = reader.nullable('keywords', asKeywords) ?? [];
  const receivedAt = reader.nullable('receivedAt', asUtcDate) ?? request.parts.clock.now();
  reader.finish();
  const blob = await account.blob(request.resolveId(blobId) as BlobId);
  if (blob === null) {
    throw new SetRefusal({ type: 'blobNotFound', description: 'The blob is not there.', notFound: [blobId] });
  }
  return { staged: await account.stageBlob(blob), mailboxes: mailboxIds, keywords, receivedAt };
}
