/** Thread/get (RFC 8621 §3.1). */
import type { ThreadId } from '../../../../mail/ids.ts';
import type { AccountStore } from '../../../../storage/mail-store.ts';
import type { Method } from '../../method-call.ts';
import { answerGet, readGet, tooManyToGet } from '../../standard/get.ts';
import { stateOf } from '../../standard/state.ts';

const PROPERTIES: ReadonlySet<string> = new Set(['id', 'emailIds']);

export const threadGet: Method = async (call) => {
  const get = await readGet(call, (name) => PROPERTIES.has(name));
  call.args.finish();
  const max = call.request.parts.limits.maxObjectsInGet;
  const { states } = await get.account.state();
  const ids = get.ids ?? (await allThreads(get.account, max));
  const threads = ids.length === 0 ? [] : await get.account.threads(ids as readonly ThreadId[]);
  const objects = threads.map(({ id, emails }) => ({ id, emailIds: emails }));
  return answerGet({ ...get, ids }, stateOf(states, 'Thread'), objects, max);
};

/** `ids: null` is all of them, or requestTooLarge (RFC 8620 §5.1). */
async function allThreads(account: AccountStore, max: number): Promise<readonly string[]> {
  const { ids } = await account.queryEmails({
    filter: { op: 'all' },
    sort: [],
    collapseThreads: true,
    position: 0,
    limit: max + 1,
    calculateTotal: false,
  });
  if (ids.length > max) throw tooManyToGet(max);
  return [...new Set((await account.messages(ids)).map(({ thread }) => thread))];
}
