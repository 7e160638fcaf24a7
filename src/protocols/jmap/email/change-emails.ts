/** Runs creations, changes and removals of Emails as one mutation and tells each outcome: what Email/set and Email/import share. */
import { type EmailId, messageBlobId } from '../../../mail/ids.ts';
import type { AccountStore, AppendedMessage, EmailBatch } from '../../../storage/mail-store.ts';
import type { RequestContext } from '../method-call.ts';
import type { Outcomes } from '../standard/set.ts';
import { stateOf } from '../standard/state.ts';

export interface EmailOutcomes {
  readonly created: Outcomes<object>;
  readonly updated: Outcomes<object | null>;
  readonly destroyed: Outcomes<null>;
}

/** `keys`: what the client called an email that is changed or removed, where that was a reference. */
export async function changeEmails(
  account: AccountStore,
  batch: EmailBatch,
  outcomes: EmailOutcomes,
  request: RequestContext,
  keys: ReadonlyMap<EmailId, string> = new Map(),
): Promise<{ readonly oldState: string; readonly newState: string }> {
  const result = await account.changeEmails(batch);
  for (const [key, outcome] of result.created) {
    // A mailbox that went away since it was looked up.
    if (!outcome.ok && outcome.refusal.code === 'notFound') {
      outcomes.created.refuse(key, { type: 'invalidProperties', properties: ['mailboxIds'] });
      continue;
    }
    outcomes.created.settle(key, outcome, (message) => {
      request.createdIds.set(key, message.id);
      return createdEmail(message);
    });
  }
  for (const [id, outcome] of result.updated) outcomes.updated.settle(keys.get(id) ?? id, outcome, () => null);
  for (const [id, outcome] of result.destroyed) outcomes.destroyed.settle(id, outcome, () => null);
  return { oldState: stateOf(result.before, 'Email'), newState: stateOf(result.after, 'Email') };
}

/** RFC 8621 §4.6. */
function createdEmail({ id, thread, size }: AppendedMessage): object {
  return { id, blobId: messageBlobId(id), threadId: thread, size };
}
