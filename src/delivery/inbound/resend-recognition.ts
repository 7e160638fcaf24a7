/**
 * Recognises a message that the sender gives us again because the connection broke before it could see our 250 (P2; RFC 5321 §4.5.3.2.6
 * warns of it, RFC 1047 tells the story).
 *
 * A reception is known by its digest: sender and octets as sent. It stays unconfirmed until the sender's next command. A second reception of
 * the digest takes the recipients away that an unconfirmed one has; what is left is accepted under a digest that is chained to the first, so
 * that a third one finds both. Equal octets that were confirmed are a new message.
 */
import { createHash } from 'node:crypto';
import { addressKey, parseAddress } from '../../mail/address.ts';
import type { QueueId } from '../../mail/ids.ts';
import type { QueueRecord } from '../../storage/queue-record.ts';
import type { RoutedRecipient } from '../routing/route-recipient.ts';

/** Entries that one message may be spread over; more than a few mean that somebody plays with us. */
const MAX_CHAIN = 16;

export interface Recognition {
  /** Recipients that don't have the message yet. */
  readonly remaining: readonly RoutedRecipient[];
  /** Unconfirmed receptions of it, the first first. */
  readonly known: readonly QueueId[];
  /** For the row of the remaining ones. */
  readonly resendDigest: string;
}

/** A running digest of one reception; octets are fed as they pass. */
export class ReceptionDigest {
  readonly #hash = createHash('sha256');

  constructor(sender: string) {
    this.#hash.update(`${sender}\0`);
  }

  update(octets: Buffer): void {
    this.#hash.update(octets);
  }

  hex(): string {
    return this.#hash.digest('hex');
  }
}

/** One indexed query where nothing is known, which is nearly always. */
export async function recogniseResend(
  queue: Pick<QueueRecord, 'findUnconfirmed' | 'get'>,
  digest: string,
  recipients: readonly RoutedRecipient[],
): Promise<Recognition> {
  let resendDigest = digest;
  let remaining = recipients;
  const known: QueueId[] = [];
  while (remaining.length > 0 && known.length < MAX_CHAIN) {
    const id = await queue.findUnconfirmed(resendDigest);
    const entry = id === null ? null : await queue.get(id);
    if (id === null || entry === null) break;
    const had = new Set(entry.recipients.map(({ address }) => keyOf(address)));
    remaining = remaining.filter(({ address }) => !had.has(keyOf(address)));
    known.push(id);
    resendDigest = createHash('sha256').update(`${resendDigest} ${id}`).digest('hex');
  }
  return { remaining, known, resendDigest };
}

function keyOf(address: string): string {
  const parsed = parseAddress(address);
  return parsed === null ? address : addressKey(parsed);
}
