/**
 * The Receiver behind SMTP from other servers: octets under their trace fields into a body, body and one row for all recipients into the queue.
 *
 * One body, one row, one journaled commit, whatever the number of recipients. Whoever breaks off or is refused leaves nothing that refers to
 * the body; a large one that was streamed already is swept by the store.
 */

import { Refusal } from '../../mail/refusal.ts';
import type { Clock } from '../../server/clock.ts';
import type { MailStore } from '../../storage/mail-store.ts';
import type { Received, Receiver, Reception } from './receiver.ts';
import { ReceptionDigest, recogniseResend } from './resend-recognition.ts';
import { receivedField, returnPathLine } from './trace-fields.ts';

/** RFC 5321 §6.3: a message with more Received fields goes round in circles; at least 100 is its advice for the count, 50 is what the trade uses. */
export const MAX_RECEIVED_FIELDS = 50;

export interface ReceiverOptions {
  readonly store: Pick<MailStore, 'receiveBody' | 'queue'>;
  readonly hostname: string;
  readonly maxMessageBytes: number;
  readonly clock: Clock;
}

export function createReceiver(options: ReceiverOptions): Receiver {
  const { store, clock, hostname, maxMessageBytes } = options;
  const { queue } = store;
  /** Receptions of one digest in this process wait for each other: a resend may come while the first is still being committed. */
  const underWay = new Map<string, Promise<unknown>>();

  async function acceptOnce(digest: string, work: () => Promise<Received>): Promise<Received> {
    const before = underWay.get(digest);
    const run = before === undefined ? work() : before.then(work, work);
    underWay.set(digest, run);
    try {
      return await run;
    } finally {
      if (underWay.get(digest) === run) underWay.delete(digest);
    }
  }

  return {
    async receive(octets, reception: Reception): Promise<Received> {
      const { sender, recipients, origin } = reception;
      const acceptedAt = clock.now();
      const id = queue.newId();
      const returnPath = returnPathLine(sender.address);
      const received = receivedField({ origin, by: hostname, id, recipients, at: acceptedAt });
      const head = Buffer.concat([returnPath, received]);
      const digest = new ReceptionDigest(sender.address);
      const staged = await store.receiveBody(countedOctets(octets, maxMessageBytes, digest), {
        maxBytes: maxMessageBytes + head.length,
        head,
        near: id,
      });
      refuseLoop(staged.index.receivedCount);
      const hex = digest.hex();
      return acceptOnce(hex, async () => {
        const { remaining, known, resendDigest } = await recogniseResend(queue, hex, recipients);
        if (remaining.length === 0) return { id: known[0]!, isResend: true, entries: known };
        await queue.accept({
          id,
          staged,
          skip: returnPath.length,
          sender,
          senderAccount: null,
          source: 'smtp',
          recipients: remaining,
          resendDigest,
        });
        return { id, isResend: false, entries: [...known, id] };
      });
    },

    confirm({ entries }) {
      for (const entry of entries) queue.confirm(entry);
    },

    abandon({ entries }) {
      for (const entry of entries) queue.abandon(entry);
    },
  };
}

/** Refusal 'tooMany' for a message that was here, or anywhere, too often; our own field is counted with the rest. */
export function refuseLoop(receivedCount: number): void {
  if (receivedCount > MAX_RECEIVED_FIELDS + 1) throw new Refusal('tooMany', 'too many hops, this is a mail loop');
}

/** The octets as they come, digested, until there are more than `maxBytes`: Refusal 'tooLarge'. */
export async function* countedOctets(
  octets: AsyncIterable<Buffer>,
  maxBytes: number,
  digest?: { update(octets: Buffer): void },
): AsyncGenerator<Buffer> {
  let size = 0;
  for await (const piece of octets) {
    size += piece.length;
    if (size > maxBytes) throw new Refusal('tooLarge', `message is larger than ${maxBytes} octets`);
    digest?.update(piece);
    yield piece;
  }
}
