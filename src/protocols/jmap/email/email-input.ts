/** A new Email from what a client sent (RFC 8621 §4.6): written as a message and received like any other. */
import { randomBytes } from 'node:crypto';
import { composeMessage } from '../../../mail/format/compose.ts';
import type { AccountStore, NewMessage } from '../../../storage/mail-store.ts';
import { asUtcDate, ObjectReader } from '../json/object-reader.ts';
import type { JsonObject } from '../json/parse-json.ts';
import type { RequestContext } from '../method-call.ts';
import { readMessageFields } from './header-input.ts';
import { asKeywords, asMailboxIds } from './keywords-and-mailboxes.ts';
import { composedPart, readBodyInput } from './part-input.ts';

export async function readNewEmail(
  object: JsonObject,
  request: RequestContext,
  account: AccountStore,
  mailboxes: ReadonlySet<string>,
): Promise<NewMessage> {
  const { store, clock, limits } = request.parts;
  const reader = new ObjectReader(object);
  const mailboxIds = reader.required('mailboxIds', asMailboxIds(request, mailboxes));
  const keywords = reader.nullable('keywords', asKeywords) ?? [];
  const receivedAt = reader.nullable('receivedAt', asUtcDate) ?? clock.now();
  const names = new Set<string>();
  const fields = readMessageFields(reader, names);
  const body = readBodyInput(reader, names);
  reader.finish();
  const message = { fields, body: await composedPart(body, store, account) };
  const domain = request.principal.addresses[0]?.split('@').at(-1) ?? 'localhost';
  const octets = composeMessage(message, { now: clock.now(), random: randomBytes, domain });
  const staged = await store.receiveBody(octets, { maxBytes: limits.maxSizeUpload, near: account.account });
  return { staged, mailboxes: mailboxIds, keywords, receivedAt };
}
