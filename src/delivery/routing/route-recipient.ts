/**
 * Where a recipient's mail goes: into a mailbox here, or out by the queue lane of its domain. The one place that decides it for SMTP, LMTP,
 * submission and JMAP alike, so that no road in relays what another refuses.
 *
 * A refusal is an answer here, not an exception: a list of recipients is judged one by one. Deferral('unavailable') is thrown when the
 * directory can't be reached. RFC 5321 §3.6.2 (relaying), §4.5.1 (postmaster).
 */
import type { Address } from '../../mail/address.ts';
import type { EnvelopeRecipient } from '../../mail/envelope.ts';
import type { AccountId } from '../../mail/ids.ts';
import { Refusal } from '../../mail/refusal.ts';
import type { AccountInfo, Directory } from '../../storage/mail-store.ts';
import { type Lane, LOCAL_LANE } from '../../storage/queue-record.ts';

export type Route = LocalRoute | RemoteRoute;
export interface LocalRoute {
  readonly lane: typeof LOCAL_LANE;
  readonly account: AccountId;
}
/** The lane is the domain in A-labels, or an address literal in brackets. */
export interface RemoteRoute {
  readonly lane: Lane;
  readonly account?: never;
}

export interface RoutingOptions {
  /** The client is a user of ours: foreign domains are allowed. */
  readonly mayRelay: boolean;
  /** Refuse a full mailbox in the session, before its mail is taken (MX). Elsewhere the queue waits for room. */
  readonly mindQuota?: boolean;
}

/** A recipient with its way: what a queue row keeps of it. */
export type RoutedRecipient = EnvelopeRecipient & { readonly lane: Lane; readonly account?: AccountId };

/** Refusals: 'notFound' (no such user here), 'accountDisabled', 'overQuota', 'forbidden' (we don't relay). */
export async function routeRecipient(
  directory: Directory,
  address: Address,
  options: RoutingOptions,
): Promise<Route | Refusal> {
  if (!(await directory.isLocalDomain(address.domain))) {
    if (options.mayRelay) return { lane: address.domain };
    return new Refusal('forbidden', 'relaying denied', { details: [address.domain] });
  }
  const account = await directory.resolve(address);
  if (account === null) return new Refusal('notFound', 'no such user here');
  if (account.isDisabled) return new Refusal('accountDisabled', 'mailbox disabled, not accepting messages');
  if (options.mindQuota && isFull(account)) return new Refusal('overQuota', 'mailbox full');
  return { lane: LOCAL_LANE, account: account.id };
}

function isFull({ quota }: AccountInfo): boolean {
  return (
    (quota.maxBytes !== null && quota.usedBytes >= quota.maxBytes) ||
    (quota.maxMessages !== null && quota.usedMessages >= quota.maxMessages)
  );
}
