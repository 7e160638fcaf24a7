/** All commands by name, and those that have a UID form (RFC 9051 §6.4.9). */
import { append } from './append.ts';
import { authenticate } from './authenticate.ts';
import { capability } from './capability.ts';
import { close, unselect } from './close.ts';
import type { Command } from './command.ts';
import { copy, move } from './copy.ts';
import { create } from './create.ts';
import { deleteMailbox } from './delete.ts';
import { enable } from './enable.ts';
import { expunge } from './expunge.ts';
import { fetch } from './fetch.ts';
import { id } from './id.ts';
import { idle } from './idle.ts';
import { list, lsub } from './list.ts';
import { login } from './login.ts';
import { logout } from './logout.ts';
import { namespace } from './namespace.ts';
import { check, noop } from './noop.ts';
import { getQuota, getQuotaRoot } from './quota.ts';
import { rename } from './rename.ts';
import { search } from './search.ts';
import { examine, select } from './select.ts';
import { starttls } from './starttls.ts';
import { status } from './status.ts';
import { store } from './store.ts';
import { subscribe, unsubscribe } from './subscribe.ts';

const byName = (commands: readonly Command[]): ReadonlyMap<string, Command> =>
  new Map(commands.map((command) => [command.name, command]));

export const COMMANDS = byName([
  append,
  authenticate,
  capability,
  check,
  close,
  copy,
  create,
  deleteMailbox,
  enable,
  examine,
  expunge,
  fetch,
  getQuota,
  getQuotaRoot,
  id,
  idle,
  list,
  login,
  logout,
  lsub,
  move,
  namespace,
  noop,
  rename,
  search,
  select,
  starttls,
  status,
  store,
  subscribe,
  unselect,
  unsubscribe,
]);

export const UID_COMMANDS = byName([copy, expunge, fetch, move, search, store]);
