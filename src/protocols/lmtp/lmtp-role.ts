/**
 * Final delivery asked for by another mail server on this site (RFC 2033): in the mailbox before the answer, an answer for each recipient.
 */
import type { DeliveryFailure, ImmediateDeliverer, LocalRecipient } from '../../delivery/inbound/deliver-at-once.ts';
import { routeRecipient } from '../../delivery/routing/route-recipient.ts';
import { Refusal } from '../../mail/refusal.ts';
import type { SmtpReply } from '../../mail/status-code.ts';
import type { Log } from '../../server/log.ts';
import type { Directory } from '../../storage/mail-store.ts';
import { INTERNAL_ERROR, replyToError } from '../smtp-session/smtp-replies.ts';
import type { SmtpRole } from '../smtp-session/smtp-role.ts';

export interface LmtpRoleOptions {
  readonly directory: Directory;
  readonly deliverer: ImmediateDeliverer;
  readonly hostname: string;
  readonly log: Log;
}

export function lmtpRole({ directory, deliverer, hostname, log }: LmtpRoleOptions): SmtpRole {
  const answerFor = (id: string, recipient: LocalRecipient, failure: DeliveryFailure): SmtpReply => {
    if (failure === null) return { code: 250, status: '2.1.5', lines: [`<${recipient.address}> delivered as ${id}`] };
    const answer = replyToError(failure.error, 'rcpt');
    if (answer === null) log.error({ id, account: recipient.account, cause: failure.error }, 'delivery failed');
    return answer ?? INTERNAL_ERROR;
  };
  return {
    protocol: 'lmtp',
    mail: async () => undefined,
    postmaster: async () => ({ local: 'postmaster', domain: (await directory.listDomains())[0] ?? hostname }),
    recipient: async (_client, address, recipient) => {
      const route = await routeRecipient(directory, address, { mayRelay: false, mindQuota: true });
      if (route instanceof Refusal) throw route;
      return { ...recipient, ...route };
    },
    message: async (client, { sender, recipients }, octets) => {
      const local = recipients.filter((recipient): recipient is LocalRecipient => recipient.account !== undefined);
      const origin = client.origin(sender.smtputf8 === true);
      const { id, outcomes, confirm, abandon } = await deliverer.deliver(octets, { sender, recipients: local, origin });
      return {
        replies: local.map((recipient, i) => answerFor(id, recipient, outcomes[i]!)),
        onSeen: confirm,
        onLost: abandon,
      };
    },
  };
}
