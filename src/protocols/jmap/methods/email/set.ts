/** Email/set (RFC 8621 §4.6): one mutation. Changes of emails that this very call creates follow in a second one. */
import type { EmailId } from '../../../../mail/ids.ts';
import type { EmailChange, NewMessage } from '../../../../storage/mail-store.ts';
import { changeEmails } from '../../email/change-emails.ts';
import { readNewEmail } from '../../email/email-input.ts';
import { readEmailPatch } from '../../email/email-patch.ts';
import type { JsonObject } from '../../json/parse-json.ts';
import type { Method } from '../../method-call.ts';
import { answerSet, Outcomes, readSet, stateWithoutChange } from '../../standard/set.ts';

export const emailSet: Method = async (call) => {
  const { accountId, account, ifInState, create, update, destroy } = await readSet(call);
  call.args.finish();
  const { request } = call;
  const outcomes = {
    created: new Outcomes<object>(),
    updated: new Outcomes<object | null>(),
    destroyed: new Outcomes<null>(),
  };
  const { created, updated, destroyed } = outcomes;
  const mailboxes = new Set<string>(
    create.size + update.size === 0 ? [] : (await account.mailboxes()).mailboxes.map(({ id }) => id),
  );
  // Before octets are written for nothing.
  const before = await stateWithoutChange(account, 'Email', ifInState);

  const isOfThisCall = (key: string): boolean => key.startsWith('#') && create.has(key.slice(1));
  const changesOf = async (wanted: (key: string) => boolean) => {
    const keys = new Map<EmailId, string>();
    const changes = new Map<EmailId, EmailChange>();
    const removals = destroy.filter(wanted).map((key) => request.resolveId(key) as EmailId);
    const doomed = new Set(removals);
    for (const [key, patch] of update) {
      if (!wanted(key)) continue;
      const id = request.resolveId(key) as EmailId;
      if (doomed.has(id)) updated.refuse(key, { type: 'willDestroy' });
      else await addChange(key, id, patch, keys, changes);
    }
    return { keys, changes, removals };
  };
  const addChange = async (
    key: string,
    id: EmailId,
    patch: JsonObject,
    keys: Map<EmailId, string>,
    changes: Map<EmailId, EmailChange>,
  ): Promise<void> => {
    const change = await updated.attempt(key, () => readEmailPatch(patch, id, request, mailboxes));
    if (change === null) return;
    keys.set(id, key);
    changes.set(id, change);
  };

  const creations = new Map<string, NewMessage>();
  for (const [key, object] of create) {
    const message = await created.attempt(key, () => readNewEmail(object, request, account, mailboxes));
    if (message !== null) creations.set(key, message);
  }
  const first = await changesOf((key) => !isOfThisCall(key));
  let states = { oldState: before, newState: before };
  if (creations.size + first.changes.size + first.removals.length > 0) {
    states = await changeEmails(
      account,
      {
        ...(ifInState === undefined ? {} : { ifInState }),
        create: creations,
        update: first.changes,
        destroy: first.removals,
      },
      outcomes,
      request,
      first.keys,
    );
  }
  const second = await changesOf(isOfThisCall);
  if (second.changes.size + second.removals.length > 0) {
    const batch = { update: second.changes, destroy: second.removals };
    const { newState } = await changeEmails(account, batch, outcomes, request, second.keys);
    states = { oldState: states.oldState, newState };
  }
  return answerSet(accountId, states, created, updated, destroyed);
};
