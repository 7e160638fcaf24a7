/** Identity/get (RFC 8621 §6.1). */
import type { Identity } from '../../../../storage/model.ts';
import type { Method } from '../../method-call.ts';
import { answerGet, readGet } from '../../standard/get.ts';
import { stateOf } from '../../standard/state.ts';

const PROPERTIES: ReadonlySet<string> = new Set<keyof Identity>([
  'id',
  'name',
  'email',
  'replyTo',
  'bcc',
  'textSignature',
  'htmlSignature',
  'mayDelete',
]);

export const identityGet: Method = async (call) => {
  const get = await readGet(call, (name) => PROPERTIES.has(name));
  call.args.finish();
  const { state, identities } = await get.account.identities();
  const max = call.request.parts.limits.maxObjectsInGet;
  return answerGet(get, stateOf(state.states, 'Identity'), identities, max);
};
