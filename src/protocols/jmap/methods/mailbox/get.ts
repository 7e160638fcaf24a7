/** Mailbox/get (RFC 8621 §2.1). */
import type { Method } from '../../method-call.ts';
import { answerGet, readGet } from '../../standard/get.ts';
import { stateOf } from '../../standard/state.ts';
import { MAILBOX_PROPERTIES, mailboxObject } from './mailbox-object.ts';

export const mailboxGet: Method = async (call) => {
  const get = await readGet(call, (name) => MAILBOX_PROPERTIES.has(name));
  call.args.finish();
  const { state, mailboxes } = await get.account.mailboxes();
  const max = call.request.parts.limits.maxObjectsInGet;
  return answerGet(get, stateOf(state.states, 'Mailbox'), mailboxes.map(mailboxObject), max);
};
