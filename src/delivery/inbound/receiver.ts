/**
 * Taking a message over from another mail server: the face that SMTP and LMTP see. `receive-to-queue.ts` is behind it.
 *
 * Promises. `receive` returns only after body and queue row are committed (P1); then we, not the sender, answer for the message (RFC 5321 §4.2.5).
 * A refused or broken-off message leaves nothing. The same octets from the same sender again, after a connection that broke before the
 * sender's next command, are not stored twice for a recipient (P2).
 */
import type { EnvelopeSender } from '../../mail/envelope.ts';
import type { QueueId } from '../../mail/ids.ts';
import type { RoutedRecipient } from '../routing/route-recipient.ts';
import type { TraceOrigin } from './trace-fields.ts';

export interface Receiver {
  /**
   * `octets` as sent, dots undone; it throws when the message breaks off or breaks a rule, and then nothing stays.
   * Refusals: 'tooLarge', 'tooMany' (a mail loop). Deferral 'unavailable'.
   */
  receive(octets: AsyncIterable<Buffer>, reception: Reception): Promise<Received>;
  /** The sender's next command arrived, so it saw our 250. */
  confirm(received: Received): void;
  /** The connection ended before the sender's next command. One of the two is called for every reception. */
  abandon(received: Received): void;
}

export interface Reception {
  readonly sender: EnvelopeSender;
  readonly recipients: readonly RoutedRecipient[];
  readonly origin: TraceOrigin;
}

export interface Received {
  /** Shown in the 250. For a resend the id of the first reception. */
  readonly id: QueueId;
  /** All recipients had the message already. */
  readonly isResend: boolean;
  /** Every entry that the sender now knows to be accepted. */
  readonly entries: readonly QueueId[];
}
