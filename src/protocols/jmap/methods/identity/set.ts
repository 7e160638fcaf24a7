/** Identity/set (RFC 8621 §6.3): identities follow the account's addresses; here every change is refused, object by object. */
import type { Method } from '../../method-call.ts';
import { answerSet, Outcomes, readSet, stateMismatch } from '../../standard/set.ts';
import { stateOf } from '../../standard/state.ts';

const FORBIDDEN = { type: 'forbidden', description: "Identities are made from the account's addresses." } as const;

export const identitySet: Method = async (call) => {
  const { accountId, account, ifInState, create, update, destroy } = await readSet(call);
  call.args.finish();
  const { state, identities } = await account.identities();
  if (ifInState !== undefined && state.states.Identity !== ifInState) throw stateMismatch();
  const created = new Outcomes<object>();
  const updated = new Outcomes<object | null>();
  const destroyed = new Outcomes<null>();
  const isThere = (id: string): boolean => identities.some((identity) => identity.id === id);
  for (const key of create.keys()) created.refuse(key, FORBIDDEN);
  for (const id of update.keys()) updated.refuse(id, isThere(id) ? FORBIDDEN : { type: 'notFound' });
  for (const id of destroy) destroyed.refuse(id, isThere(id) ? FORBIDDEN : { type: 'notFound' });
  const now = stateOf(state.states, 'Identity');
  return answerSet(accountId, { oldState: now, newState: now }, created, updated, destroyed);
};
