/**
 * EmailSubmission/set (RFC 8621 §7.5). Creations become rows of the one queue in one transaction; `undoStatus: canceled` takes back what is not on its way;
 * what onSuccessUpdateEmail and onSuccessDestroyEmail ask for is an Email/set whose answer follows in the same response.
 */
import { MAX_RECIPIENTS_SUBMISSION } from '../../../../mail/envelope.ts';
import type { EmailId, SubmissionId } from '../../../../mail/ids.ts';
import { Refusal } from '../../../../mail/refusal.ts';
import type { AccountStore, NewSubmission } from '../../../../storage/mail-store.ts';
import type { Identity } from '../../../../storage/model.ts';
import { asId, asObject, listOf, mapOf, ObjectReader } from '../../json/object-reader.ts';
import { type JsonObject, objectOf } from '../../json/parse-json.ts';
import type { Method, MethodCall, RequestContext } from '../../method-call.ts';
import { invalidProperties, type SetError, SetRefusal } from '../../method-error.ts';
import { answerSet, Outcomes, readPatch, readSet, stateWithoutChange } from '../../standard/set.ts';
import { stateOf } from '../../standard/state.ts';
import { asEnvelope } from './envelope-input.ts';
import { submissionObject } from './submission-object.ts';

export const emailSubmissionSet: Method = async (call) => {
  const { accountId, account, ifInState, create, update, destroy } = await readSet(call);
  const onUpdate = call.args.nullable('onSuccessUpdateEmail', mapOf(asObject)) ?? new Map<string, JsonObject>();
  const onDestroy = call.args.nullable('onSuccessDestroyEmail', listOf(asId)) ?? [];
  call.args.finish();
  const { request } = call;
  const created = new Outcomes<object>();
  const updated = new Outcomes<object | null>();
  const destroyed = new Outcomes<null>();
  const oldState = await stateWithoutChange(account, 'EmailSubmission', ifInState);
  const states = { oldState, newState: oldState };
  /** Of every submission that this call made or changed: the email it sends. */
  const emails = new Map<string, EmailId>();

  const prepared = new Map<string, NewSubmission>();
  const identities = create.size === 0 ? [] : (await account.identities()).identities;
  for (const [key, object] of create) {
    const submission = await created.attempt(key, () => prepare(object, request, account, identities));
    if (submission !== null) prepared.set(key, submission);
  }
  if (prepared.size > 0) {
    const { before, modseq, submissions } = await account.submit([...prepared.values()]);
    states.oldState = stateOf(before, 'EmailSubmission');
    states.newState = String(modseq);
    for (const [index, key] of [...prepared.keys()].entries()) {
      const submission = submissions[index]!;
      request.createdIds.set(key, submission.id);
      emails.set(`#${key}`, submission.email).set(submission.id, submission.email);
      const { identityId, emailId, ...shown } = submissionObject(submission);
      created.done.set(key, shown);
    }
  }
  for (const [key, patch] of update) {
    const change = await updated.attempt(key, () => cancel(patch, request.resolveId(key) as SubmissionId, account));
    if (change === null) continue;
    if (change.modseq !== null) states.newState = String(change.modseq);
    emails.set(key, change.email).set(request.resolveId(key), change.email);
    updated.done.set(key, null);
  }
  for (const key of destroy)
    destroyed.refuse(key, await refuseDestroy(request.resolveId(key) as SubmissionId, account));
  followUp(call, accountId, emails, onUpdate, onDestroy);
  return answerSet(accountId, states, created, updated, destroyed);
};

async function prepare(
  object: JsonObject,
  request: RequestContext,
  account: AccountStore,
  identities: readonly Identity[],
): Promise<NewSubmission> {
  const { clock, submitter } = request.parts;
  const reader = new ObjectReader(object);
  const identityId = request.resolveId(reader.required('identityId', asId));
  const emailId = request.resolveId(reader.required('emailId', asId));
  const envelope = reader.nullable('envelope', asEnvelope(clock.now()));
  reader.finish();
  const identity = identities.find(({ id }) => id === identityId);
  if (identity === undefined) throw invalidProperties(['identityId'], 'There is no such identity.');
  const [email] = await account.messages([emailId as EmailId]);
  if (email === undefined) throw invalidProperties(['emailId'], 'There is no such email.');
  if (envelope !== null && envelope.rcptTo.length > MAX_RECIPIENTS_SUBMISSION) throw tooManyRecipients();
  try {
    const ready = await submitter.prepareEmailSubmission(account, {
      body: email.body,
      identityEmail: identity.email,
      envelope: envelope === null ? null : { mailFrom: envelope.mailFrom, rcptTo: envelope.rcptTo },
      origin: { protocol: 'HTTP', helo: null, remoteAddress: request.peer },
    });
    return { ...ready, identity: identity.id, email: email.id, sendAt: envelope?.holdUntil ?? clock.now() };
  } catch (error) {
    throw error instanceof Refusal ? submissionRefusal(error) : error;
  }
}

/** RFC 8621 §7.5: the words of this method for what the submitter refuses. */
function submissionRefusal(refusal: Refusal): Error {
  const description = refusal.message;
  switch (refusal.code) {
    case 'invalidRecipients':
      return new SetRefusal({ type: 'invalidRecipients', description, invalidRecipients: refusal.details });
    case 'tooMany':
      return tooManyRecipients();
    case 'invalid':
      return new SetRefusal({ type: 'invalidEmail', description, properties: refusal.details });
    default:
      return refusal;
  }
}

function tooManyRecipients(): SetRefusal {
  return new SetRefusal({ type: 'tooManyRecipients', maxRecipients: MAX_RECIPIENTS_SUBMISSION });
}

/** The only change there is: `undoStatus` to `canceled`. Null modseq: it was so already. */
async function cancel(
  patch: JsonObject,
  id: SubmissionId,
  account: AccountStore,
): Promise<{ readonly modseq: number | null; readonly email: EmailId }> {
  const submission = (await account.submissions([id])).submissions[0];
  if (submission === undefined) throw new SetRefusal({ type: 'notFound' });
  let isCancel = false;
  for (const [pointer, value] of readPatch(patch)) {
    const path = pointer.join('/');
    const isSame = path !== 'envelope' && path !== 'deliveryStatus' && submissionObject(submission)[path] === value;
    if (path === 'undoStatus' && value === 'canceled') isCancel = true;
    else if (!isSame) throw invalidProperties([path], "This property can't be changed so.");
  }
  if (!isCancel || submission.undoStatus === 'canceled') return { modseq: null, email: submission.email };
  const { modseq } = await account.cancelSubmission(id);
  return { modseq, email: submission.email };
}

/** RFC 8621 §7.5 lets a server keep its records. */
async function refuseDestroy(id: SubmissionId, account: AccountStore): Promise<SetError> {
  const { submissions } = await account.submissions([id]);
  if (submissions.length === 0) return { type: 'notFound' };
  return { type: 'forbidden', description: 'A submission stays on record until it is cleared away by age.' };
}

/** RFC 8621 §7.5: one implicit Email/set for all that succeeded. */
function followUp(
  call: MethodCall,
  accountId: string,
  emails: ReadonlyMap<string, EmailId>,
  onUpdate: ReadonlyMap<string, JsonObject>,
  onDestroy: readonly string[],
): void {
  const update = new Map<string, JsonObject>();
  for (const [key, patch] of onUpdate) {
    const email = emails.get(key) ?? emails.get(call.request.resolveId(key));
    if (email !== undefined) update.set(email, patch);
  }
  const destroy = onDestroy
    .map((key) => emails.get(key) ?? emails.get(call.request.resolveId(key)))
    .filter((id) => id !== undefined);
  if (update.size === 0 && destroy.length === 0) return;
  call.alsoCall('Email/set', { accountId, update: objectOf(update), destroy });
}
