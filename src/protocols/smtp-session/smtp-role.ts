/**
 * What a listener does with the commands of its clients: the mail side of MX, submission and LMTP, free of the wire. The connection asks the
 * role in the order of the transaction and translates what it throws.
 */
import type { TraceOrigin } from '../../delivery/inbound/trace-fields.ts';
import type { RoutedRecipient } from '../../delivery/routing/route-recipient.ts';
import type { Address } from '../../mail/address.ts';
import type { EnvelopeRecipient, EnvelopeSender } from '../../mail/envelope.ts';
import type { SmtpReply } from '../../mail/status-code.ts';
import type { AccountInfo, AccountStore } from '../../storage/mail-store.ts';
import type { Authenticator } from '../sasl/authenticate.ts';

export interface SmtpUser {
  readonly account: AccountInfo;
  readonly store: AccountStore;
}

/** One client, as a role may see it. */
export interface SmtpClient {
  readonly remoteAddress: string;
  readonly user: SmtpUser | null;
  /** For the Received field. `isInternationalised`: the transaction asked for SMTPUTF8. */
  origin(isInternationalised: boolean): TraceOrigin;
}

export interface Transaction {
  readonly sender: EnvelopeSender;
  readonly recipients: readonly RoutedRecipient[];
}

export interface Acceptance {
  /** One for SMTP; LMTP answers for each recipient in order (RFC 2033 §4.2). */
  readonly replies: readonly SmtpReply[];
  /** Called when the client's next octets show that it saw the replies (P2). */
  readonly onSeen?: () => void;
  /** Called instead when the connection ended before that. */
  readonly onLost?: () => void;
}

export interface SmtpRole {
  readonly protocol: 'smtp' | 'lmtp';
  /** Present: AUTH is offered, and required before MAIL (RFC 6409 §4.3). */
  readonly login?: SmtpLogin;
  /** Throws a Refusal or Deferral for a sender that is not wanted. */
  mail(client: SmtpClient, sender: EnvelopeSender): Promise<void>;
  /** Where `<Postmaster>` without a domain goes (RFC 5321 §4.1.1.3). */
  postmaster(): Promise<Address>;
  /** Throws a Refusal or Deferral for a recipient that is not taken. */
  recipient(client: SmtpClient, address: Address, recipient: EnvelopeRecipient): Promise<RoutedRecipient>;
  /** Reads the octets to their end, or throws; a broken-off message makes them throw. Answers only for what is committed (P1). */
  message(client: SmtpClient, transaction: Transaction, octets: AsyncIterable<Buffer>): Promise<Acceptance>;
}

export interface SmtpLogin {
  readonly authenticator: Authenticator;
  readonly openAccount: (account: AccountInfo) => Promise<AccountStore>;
}
