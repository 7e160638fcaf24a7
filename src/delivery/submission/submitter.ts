/**
 * Taking a message over from a user of ours: the face that SMTP submission and JMAP EmailSubmission see (RFC 6409, RFC 8621 §7).
 *
 * Promises. The sender owns MAIL FROM and the header From (RFC 6409 §6.1), checked through the account's own handle. What leaves has no Bcc,
 * has a Date and a Message-ID (RFC 6409 §8) and is otherwise kept to the octet. `submit` returns only after the commit (P1).
 */
import type { EnvelopeRecipient, EnvelopeSender } from '../../mail/envelope.ts';
import type { QueueId } from '../../mail/ids.ts';
import type { AccountStore } from '../../storage/mail-store.ts';
import type { BodyRef, StagedBody } from '../../storage/model.ts';
import type { TraceOrigin } from '../inbound/trace-fields.ts';
import type { RoutedRecipient } from '../routing/route-recipient.ts';

export interface Submitter {
  /** MAIL FROM is the account's own, or ''. Refusal 'forbiddenMailFrom', 'accountDisabled'. */
  checkSender(account: AccountStore, mailFrom: string): Promise<void>;

  /**
   * SMTP: header checked and completed as it passes, body and queue row committed.
   * Refusals: 'forbiddenMailFrom', 'forbiddenFrom', 'noRecipients', 'tooMany', 'tooLarge', 'invalid' (no header that can be read).
   */
  submit(
    account: AccountStore,
    octets: AsyncIterable<Buffer>,
    submission: SmtpSubmission,
  ): Promise<{ readonly id: QueueId }>;

  /**
   * JMAP: makes what `AccountStore.submit` needs of an Email that is stored already; nothing is committed here.
   * Refusals (RFC 8621 §7.5): 'forbiddenMailFrom', 'forbiddenFrom', 'noRecipients', 'invalidRecipients' (details: the addresses),
   * 'tooMany' (RFC 8621 tooManyRecipients), 'tooLarge'.
   */
  prepareEmailSubmission(account: AccountStore, request: EmailSubmissionRequest): Promise<PreparedSubmission>;
}

export interface SmtpSubmission {
  readonly sender: EnvelopeSender;
  readonly recipients: readonly RoutedRecipient[];
  readonly origin: TraceOrigin;
}

export interface EmailSubmissionRequest {
  readonly body: BodyRef;
  /** The address of the identity: MAIL FROM when no envelope is given. */
  readonly identityEmail: string;
  /** Null: MAIL FROM is the identity's, recipients are To, Cc and Bcc of the header, each once (RFC 8621 §7). */
  readonly envelope: { readonly mailFrom: EnvelopeSender; readonly rcptTo: readonly EnvelopeRecipient[] } | null;
  readonly origin: TraceOrigin;
}

export interface PreparedSubmission {
  readonly envelope: { readonly mailFrom: EnvelopeSender; readonly rcptTo: readonly EnvelopeRecipient[] };
  /** `envelope.rcptTo` with its ways, in the same order. */
  readonly recipients: readonly RoutedRecipient[];
  readonly staged: StagedBody;
  readonly skip: number;
}
