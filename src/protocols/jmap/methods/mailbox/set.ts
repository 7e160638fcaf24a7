/** Mailbox/set (RFC 8621 §2.5): all creations, changes and removals in one mutation. */
import type { MailboxId } from '../../../../mail/ids.ts';
import type { MailboxChange, NewMailbox } from '../../../../storage/mail-store.ts';
import { MAILBOX_ROLES, type MailboxRole } from '../../../../storage/model.ts';
import {
  asBoolean,
  asId,
  asText,
  asUnsigned,
  InvalidValue,
  ObjectReader,
  oneOf,
  type Parser,
} from '../../json/object-reader.ts';
import type { JsonObject } from '../../json/parse-json.ts';
import type { Method, RequestContext } from '../../method-call.ts';
import { invalidProperties } from '../../method-error.ts';
import { answerSet, invalidPatch, Outcomes, readPatch, readSet, stateWithoutChange } from '../../standard/set.ts';
import { stateOf } from '../../standard/state.ts';
import { MAX_MAILBOX_NAME_OCTETS } from './limits.ts';
import { mailboxObject } from './mailbox-object.ts';

export const mailboxSet: Method = async (call) => {
  const { accountId, account, ifInState, create, update, destroy } = await readSet(call);
  const onDestroyRemoveEmails = call.args.withDefault('onDestroyRemoveEmails', asBoolean, false);
  call.args.finish();
  const { request } = call;
  const created = new Outcomes<object>();
  const updated = new Outcomes<object | null>();
  const destroyed = new Outcomes<null>();

  const creations = new Map<string, NewMailbox>();
  for (const [key, object] of create) {
    const mailbox = await created.attempt(key, () => readNewMailbox(object, request, create));
    if (mailbox !== null) creations.set(key, mailbox);
  }
  const removals = destroy.map((id) => ({ key: id, id: request.resolveId(id) as MailboxId }));
  const doomed = new Set(removals.map(({ id }) => id));
  const changes = new Map<MailboxId, { key: string; change: MailboxChange }>();
  const current = update.size === 0 ? [] : (await account.mailboxes()).mailboxes;
  for (const [key, patch] of update) {
    const id = request.resolveId(key) as MailboxId;
    if (doomed.has(id)) updated.refuse(key, { type: 'willDestroy' });
    else {
      const mailbox = current.find((one) => one.id === id);
      const shown = mailbox === undefined ? {} : mailboxObject(mailbox);
      const change = await updated.attempt(key, () => readMailboxChange(patch, request, create, shown));
      if (change !== null) changes.set(id, { key, change });
    }
  }
  if (creations.size + changes.size + removals.length === 0) {
    const state = await stateWithoutChange(account, 'Mailbox', ifInState);
    return answerSet(accountId, { oldState: state, newState: state }, created, updated, destroyed);
  }

  const result = await account.changeMailboxes({
    ...(ifInState === undefined ? {} : { ifInState }),
    create: creations,
    update: new Map([...changes].map(([id, { change }]) => [id, change])),
    destroy: removals.map(({ id }) => id),
    onDestroyRemoveEmails,
  });
  for (const key of creations.keys()) {
    created.settle(key, result.created.get(key), (mailbox) => {
      request.createdIds.set(key, mailbox.id);
      // RFC 8620 §5.3: what the client did not send, or what came out otherwise.
      const sent = create.get(key)!;
      return Object.fromEntries(
        Object.entries(mailboxObject(mailbox)).filter(([name, value]) => name === 'id' || sent[name] !== value),
      );
    });
  }
  for (const [id, { key }] of changes) updated.settle(key, result.updated.get(id), () => null);
  for (const { key, id } of removals) destroyed.settle(key, result.destroyed.get(id), () => null);
  const states = { oldState: stateOf(result.before, 'Mailbox'), newState: stateOf(result.after, 'Mailbox') };
  return answerSet(accountId, states, created, updated, destroyed);
};

const SETTABLE = ['name', 'parentId', 'role', 'sortOrder', 'isSubscribed'] as const;
type Settable = (typeof SETTABLE)[number];

function readNewMailbox(
  object: JsonObject,
  request: RequestContext,
  create: ReadonlyMap<string, JsonObject>,
): NewMailbox {
  const reader = new ObjectReader(object);
  const name = reader.required('name', asMailboxName);
  const mailbox: NewMailbox = {
    name,
    parent: parentOf(reader.nullable('parentId', asId), request, create),
    role: reader.nullable('role', asRole),
    sortOrder: reader.withDefault('sortOrder', asSortOrder, 0),
    isSubscribed: reader.withDefault('isSubscribed', asBoolean, false),
  };
  reader.finish();
  return mailbox;
}

/** `shown`: the mailbox as it is now: a server-set property may be given if it is what it is (RFC 8620 §5.3). */
function readMailboxChange(
  patch: JsonObject,
  request: RequestContext,
  create: ReadonlyMap<string, JsonObject>,
  shown: { readonly [property: string]: unknown },
): MailboxChange {
  const values: Record<string, JsonObject[string]> = Object.create(null);
  for (const [pointer, value] of readPatch(patch)) {
    const name = pointer[0]!;
    if (pointer.length === 1 && (SETTABLE as readonly string[]).includes(name)) values[name] = value;
    else if (pointer.length > 1 && name !== 'myRights')
      throw invalidPatch(`"${pointer.join('/')}" is no property of a mailbox`);
    else if (pointer.length > 1 || !isSame(shown[name], value)) {
      throw invalidProperties([pointer.join('/')], 'The server sets this property, or it is unknown.');
    }
  }
  const reader = new ObjectReader(values);
  const has = (name: Settable): boolean => reader.has(name);
  return {
    ...(has('name') ? { name: reader.required('name', asMailboxName) } : {}),
    ...(has('parentId') ? { parent: parentOf(reader.nullable('parentId', asId), request, create) } : {}),
    ...(has('role') ? { role: reader.nullable('role', asRole) } : {}),
    // RFC 8620 §5.3: null in a patch is the default.
    ...(has('sortOrder') ? { sortOrder: reader.nullable('sortOrder', asSortOrder) ?? 0 } : {}),
    ...(has('isSubscribed') ? { isSubscribed: reader.nullable('isSubscribed', asBoolean) ?? false } : {}),
  };
}

function isSame(shown: unknown, given: unknown): boolean {
  return shown !== undefined && JSON.stringify(shown) === JSON.stringify(given);
}

/** '#k' of this very call stays for the store to resolve; of an earlier one it is known. */
function parentOf(
  id: string | null,
  request: RequestContext,
  create: ReadonlyMap<string, JsonObject>,
): MailboxId | `#${string}` | null {
  if (id === null) return null;
  if (id.startsWith('#') && create.has(id.slice(1))) return id as `#${string}`;
  return request.resolveId(id) as MailboxId;
}

const asRole: Parser<MailboxRole> = oneOf(...MAILBOX_ROLES);

/** RFC 8621 §2: at most 2^31-1. */
const asSortOrder: Parser<number> = (value, path) => {
  const order = asUnsigned(value, path);
  if (order > 2 ** 31 - 1) throw new InvalidValue(path, 'must be less than 2^31');
  return order;
};

/** RFC 8621 §2: Net-Unicode (RFC 5198), no control characters, not empty. */
const asMailboxName: Parser<string> = (value, path) => {
  const name = asText(value, path);
  if (name === '' || /[\x00-\x1f\x7f-\x9f\u2028\u2029]/.test(name))
    throw new InvalidValue(path, 'must be text without control characters');
  if (Buffer.byteLength(name) > MAX_MAILBOX_NAME_OCTETS) {
    throw new InvalidValue(path, `must have at most ${MAX_MAILBOX_NAME_OCTETS} octets`);
  }
  return name;
};
