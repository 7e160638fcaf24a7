/**
 * The last step of a local delivery: octets that wait become a message in the recipient's Inbox. Shared by LMTP and the queue worker; the one
 * place where filtering rules will choose another mailbox.
 *
 * Promises. One transaction; the same `dedupe` key again stores nothing and answers the first message, so a repeated attempt is harmless (P2).
 * Throws Refusal 'notFound' (the account or its Inbox is gone), 'overQuota'; Deferral 'unavailable'. RFC 5321 §4.4 (final delivery).
 */
import type { AccountId } from '../../mail/ids.ts';
import type { AppendedMessage, MailStore } from '../../storage/mail-store.ts';
import type { StagedBody } from '../../storage/model.ts';

export interface LocalDelivery {
  /** The reverse-path; '' is the null one. */
  readonly sender: string;
  /** The address as the sender wrote it, with its +detail. */
  readonly recipient: string;
  /** Names this delivery for ever: `queueId/recipientIndex` of a worker. */
  readonly dedupe?: string;
  readonly receivedAt: Date;
}

/** `staged` is the whole message, Return-Path first. */
export async function deliverLocally(
  store: MailStore,
  account: AccountId,
  staged: StagedBody,
  delivery: LocalDelivery,
): Promise<AppendedMessage> {
  const handle = await store.openAccount(account, account);
  const { messages } = await handle.append([
    {
      staged,
      mailboxes: { role: 'inbox' },
      keywords: [],
      receivedAt: delivery.receivedAt,
      ...(delivery.dedupe === undefined ? {} : { dedupe: delivery.dedupe }),
    },
  ]);
  return messages[0]!;
}
