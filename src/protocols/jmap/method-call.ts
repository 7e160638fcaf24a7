/** What a method sees: its arguments, the accounts that the caller may reach, the creation ids of the request, and the parts that main.ts passed in. */

import type { Submitter } from '../../delivery/submission/submitter.ts';
import type { AccountId } from '../../mail/ids.ts';
import { Refusal } from '../../mail/refusal.ts';
import type { Clock } from '../../server/clock.ts';
import type { Log } from '../../server/log.ts';
import type { AccountInfo, AccountStore, MailStore } from '../../storage/mail-store.ts';
import { AnswerBudget } from './answer-budget.ts';
import type { ObjectReader } from './json/object-reader.ts';
import { asId } from './json/object-reader.ts';
import type { JmapLimits } from './limits.ts';
import { MethodError } from './method-error.ts';

export interface JmapParts {
  readonly store: MailStore;
  readonly submitter: Submitter;
  readonly limits: JmapLimits;
  readonly log: Log;
  readonly clock: Clock;
}

/** One request of one caller. */
export class RequestContext {
  readonly parts: JmapParts;
  readonly principal: AccountInfo;
  /** Address of the peer, for trace fields. */
  readonly peer: string;
  readonly createdIds: Map<string, string>;
  readonly budget = new AnswerBudget();
  readonly #accounts = new Map<string, Promise<AccountStore>>();

  constructor(parts: JmapParts, principal: AccountInfo, peer: string, createdIds: Map<string, string>) {
    this.parts = parts;
    this.principal = principal;
    this.peer = peer;
    this.createdIds = createdIds;
  }

  /** MethodError accountNotFound for every account that the caller has no right to know of. */
  async account(id: string): Promise<AccountStore> {
    let handle = this.#accounts.get(id);
    if (handle === undefined) {
      handle = this.parts.store.openAccount(this.principal.id, id as AccountId);
      this.#accounts.set(id, handle);
    }
    try {
      return await handle;
    } catch (error) {
      this.#accounts.delete(id);
      if (error instanceof Refusal) throw new MethodError('accountNotFound', 'There is no such account.');
      throw error;
    }
  }

  /** RFC 8620 §5.3: '#k' is the id that creation k got; one that is not known stays as it is and is nobody's id. */
  resolveId(id: string): string {
    return id.startsWith('#') ? (this.createdIds.get(id.slice(1)) ?? id) : id;
  }
}

export interface MethodCall {
  readonly name: string;
  readonly args: ObjectReader;
  readonly request: RequestContext;
  /** Runs another method after this one; its answer follows under the same call id (RFC 8620 §5.4, RFC 8621 §7.5). */
  alsoCall(name: string, args: object): void;
}

/** Answers the arguments of the response. */
export type Method = (call: MethodCall) => Promise<object>;

/** RFC 8620 §5.1: `accountId` is never guessed. */
export async function accountOf(call: MethodCall): Promise<{ accountId: string; account: AccountStore }> {
  const accountId = call.args.required('accountId', asId);
  return { accountId, account: await call.request.account(accountId) };
}
