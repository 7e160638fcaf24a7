/**
 * Mail from users of ours (RFC 6409): logged in, from an address that is theirs, to anybody.
 */
import { routeRecipient } from '../../delivery/routing/route-recipient.ts';
import type { Submitter } from '../../delivery/submission/submitter.ts';
import { Refusal } from '../../mail/refusal.ts';
import type { MailStore } from '../../storage/mail-store.ts';
import type { Authenticator } from '../sasl/authenticate.ts';
import type { SmtpClient, SmtpRole, SmtpUser } from '../smtp-session/smtp-role.ts';
import { postmasterOf } from './postmaster.ts';

export interface SubmissionRoleOptions {
  readonly store: MailStore;
  readonly submitter: Submitter;
  readonly authenticator: Authenticator;
  readonly hostname: string;
}

export function submissionRole({ store, submitter, authenticator, hostname }: SubmissionRoleOptions): SmtpRole {
  const { directory } = store;
  return {
    protocol: 'smtp',
    login: { authenticator, openAccount: ({ id }) => store.openAccount(id, id) },
    mail: (client, sender) => submitter.checkSender(userOf(client).store, sender.address),
    postmaster: () => postmasterOf(directory, hostname),
    recipient: async (_client, address, recipient) => {
      // A full mailbox is no reason to refuse: the queue waits for room.
      const route = await routeRecipient(directory, address, { mayRelay: true });
      if (route instanceof Refusal) throw route;
      return { ...recipient, ...route };
    },
    message: async (client, { sender, recipients }, octets) => {
      const origin = client.origin(sender.smtputf8 === true);
      const { id } = await submitter.submit(userOf(client).store, octets, { sender, recipients, origin });
      return { replies: [{ code: 250, status: '2.0.0', lines: [`ok, queued as ${id}`] }] };
    },
  };
}

/** The connection lets nobody in who isn't logged in; this is the second lock. */
function userOf(client: SmtpClient): SmtpUser {
  if (client.user === null) throw new Refusal('forbiddenToSend', 'authentication required');
  return client.user;
}
