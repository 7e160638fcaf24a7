/** Email/get (RFC 8621 §4.2). Lists are answered from the rows; octets are read only for what needs them, small bodies many at a time. */
import { type BodyId, type EmailId, messageBlobId, partBlobId } from '../../../../mail/ids.ts';
import type { AccountStore, MailStore } from '../../../../storage/mail-store.ts';
import type { Message } from '../../../../storage/model.ts';
import { type EmailSource, emailObject } from '../../email/email-object.ts';
import { MessageOctets } from '../../email/message-octets.ts';
import { isEmailProperty, readWanted, type Wanted } from '../../email/wanted.ts';
import { objectOf } from '../../json/parse-json.ts';
import type { Method } from '../../method-call.ts';
import { readGet, tooManyToGet } from '../../standard/get.ts';
import { stateOf } from '../../standard/state.ts';
import { utcDate } from '../../standard/utc-date.ts';

/** Octets of message bodies held at a time, and the largest body that is read as a whole. */
const BATCH_OCTETS = 8 * 1024 * 1024;
const MAX_WHOLE_OCTETS = 256 * 1024;

export const emailGet: Method = async (call) => {
  const get = await readGet(call, isEmailProperty);
  const wanted = readWanted(call.args, get.properties);
  call.args.finish();
  const { store, limits } = call.request.parts;
  const { account, accountId } = get;
  const { states } = await account.state();
  const ids = get.ids ?? (await allEmails(account, limits.maxObjectsInGet));
  const messages = ids.length === 0 ? [] : await account.messages(ids as readonly EmailId[], wanted.fields);
  const byId = new Map(messages.map((message) => [message.id as string, message]));
  const found = ids.map((id) => byId.get(id)).filter((message) => message !== undefined);
  const list: object[] = [];
  const budget = call.request.budget;
  for (const batch of batchesOf(found, wanted)) {
    const bodies = await smallBodies(store, batch, wanted);
    for (const message of batch) {
      const octets = new MessageOctets(store, message.body, bodies.get(message.body.id) ?? null);
      list.push(await emailObject(sourceOf(message, octets), wanted, budget));
    }
  }
  return { accountId, state: stateOf(states, 'Email'), list, notFound: ids.filter((id) => !byId.has(id)) };
};

/** `ids: null` is all of them, or requestTooLarge (RFC 8620 §5.1). */
async function allEmails(account: AccountStore, max: number): Promise<readonly string[]> {
  const { ids } = await account.queryEmails({
    filter: { op: 'all' },
    sort: [],
    collapseThreads: false,
    position: 0,
    limit: max + 1,
    calculateTotal: false,
  });
  if (ids.length > max) throw tooManyToGet(max);
  return ids;
}

function* batchesOf(messages: readonly Message[], wanted: Wanted): Generator<readonly Message[]> {
  if (!wanted.needsOctets) {
    yield messages;
    return;
  }
  let batch: Message[] = [];
  let octets = 0;
  for (const message of messages) {
    const size = Math.min(message.size, MAX_WHOLE_OCTETS);
    if (batch.length > 0 && octets + size > BATCH_OCTETS) {
      yield batch;
      batch = [];
      octets = 0;
    }
    batch.push(message);
    octets += size;
  }
  yield batch;
}

async function smallBodies(
  store: MailStore,
  messages: readonly Message[],
  wanted: Wanted,
): Promise<ReadonlyMap<BodyId, Buffer>> {
  const small = wanted.needsOctets ? messages.filter(({ size }) => size <= MAX_WHOLE_OCTETS) : [];
  return small.length === 0 ? new Map() : store.readBodies(small.map(({ body }) => body));
}

function sourceOf(message: Message, octets: MessageOctets): EmailSource {
  const { id, thread, size, receivedAt, keywords, mailboxes } = message;
  return {
    metadata: {
      id,
      blobId: messageBlobId(id),
      threadId: thread,
      mailboxIds: objectOf(mailboxes.map(({ mailbox }) => [mailbox, true])),
      keywords: objectOf(keywords.map((keyword) => [keyword, true])),
      size,
      receivedAt: utcDate(receivedAt),
    },
    envelope: message.envelope,
    summary: message.summary,
    structure: message.structure,
    octets,
    blobIdOf: (partId) => partBlobId(id, partId),
  };
}
