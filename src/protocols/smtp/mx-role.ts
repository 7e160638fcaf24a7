/**
 * Mail from other servers (RFC 5321): taken for users here and for nobody else, told at RCPT, so that nothing is bounced that could be refused.
 */
import type { Receiver } from '../../delivery/inbound/receiver.ts';
import { routeRecipient } from '../../delivery/routing/route-recipient.ts';
import { Refusal } from '../../mail/refusal.ts';
import type { Directory } from '../../storage/mail-store.ts';
import type { SmtpRole } from '../smtp-session/smtp-role.ts';
import { postmasterOf } from './postmaster.ts';

export interface MxRoleOptions {
  readonly directory: Directory;
  readonly receiver: Receiver;
  readonly hostname: string;
}

export function mxRole({ directory, receiver, hostname }: MxRoleOptions): SmtpRole {
  return {
    protocol: 'smtp',
    mail: async () => undefined,
    postmaster: () => postmasterOf(directory, hostname),
    recipient: async (_client, address, recipient) => {
      const route = await routeRecipient(directory, address, { mayRelay: false, mindQuota: true });
      if (route instanceof Refusal) throw route;
      return { ...recipient, ...route };
    },
    message: async (client, { sender, recipients }, octets) => {
      const origin = client.origin(sender.smtputf8 === true);
      const received = await receiver.receive(octets, { sender, recipients, origin });
      return {
        replies: [{ code: 250, status: '2.0.0', lines: [`ok, queued as ${received.id}`] }],
        onSeen: () => receiver.confirm(received),
        onLost: () => receiver.abandon(received),
      };
    },
  };
}
