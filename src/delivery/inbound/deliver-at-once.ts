/**
 * LMTP's way in: the message is in the mailboxes before the answer, one answer for each recipient (RFC 2033 §4.2). No queue row.
 *
 * A small body travels in the transaction of the first mailbox that takes it, the others refer to it then. A client that lost our answer and gives the same
 * octets again within the window has them stored once for each recipient (P2); after its next command they are a new message.
 */

import { addressKey, parseAddress } from '../../mail/address.ts';
import type { EnvelopeSender } from '../../mail/envelope.ts';
import type { AccountId } from '../../mail/ids.ts';
import { newBucket, newQueueId } from '../../mail/ids.ts';
import type { Clock } from '../../server/clock.ts';
import type { Log } from '../../server/log.ts';
import type { MailStore } from '../../storage/mail-store.ts';
import type { StagedBody } from '../../storage/model.ts';
import type { RoutedRecipient } from '../routing/route-recipient.ts';
import { deliverLocally } from './deliver-to-mailbox.ts';
import { countedOctets, refuseLoop } from './receive-to-queue.ts';
import { ReceptionDigest } from './resend-recognition.ts';
import { SeenAnswers } from './seen-answers.ts';
import { receivedField, returnPathLine, type TraceOrigin } from './trace-fields.ts';

/** For how long equal octets whose answer was not seen count as a repetition. */
export const RESEND_WINDOW_MS = 5 * 24 * 3_600_000;
/** A client that says nothing for so long after our answer may be cut off without our knowing it. */
const SILENCE_MS = 60_000;
/** Recipients that are delivered to at once. */
const PARALLEL_RECIPIENTS = 16;

export type LocalRecipient = RoutedRecipient & { readonly account: AccountId };
export interface ImmediateReception {
  readonly sender: EnvelopeSender;
  readonly recipients: readonly LocalRecipient[];
  readonly origin: TraceOrigin;
}
/** Null: it is in the mailbox, durably. Else what was thrown: a Refusal, a Deferral, or a defect of ours. */
export type DeliveryFailure = { readonly error: unknown } | null;
export interface ImmediateDelivery {
  /** For the answer and the log. */
  readonly id: string;
  /** In the order of the recipients. */
  readonly outcomes: readonly DeliveryFailure[];
  /** The client saw the answers. */
  readonly confirm: () => void;
  /** The connection ended before that. One of the two is called. */
  readonly abandon: () => void;
}

export interface ImmediateDeliverer {
  /** Throws as Receiver.receive does when the message as a whole is refused or breaks off. */
  deliver(octets: AsyncIterable<Buffer>, reception: ImmediateReception): Promise<ImmediateDelivery>;
  close(): Promise<void>;
}

export interface ImmediateDelivererOptions {
  readonly store: MailStore;
  readonly hostname: string;
  readonly maxMessageBytes: number;
  readonly clock: Clock;
  readonly log: Log;
}

export function createImmediateDeliverer(options: ImmediateDelivererOptions): ImmediateDeliverer {
  const { store, hostname, maxMessageBytes, clock, log } = options;
  const seen = new SeenAnswers(
    async (account, keys) => (await store.openAccount(account, account)).forgetDedupe(keys),
    clock,
    log,
  );

  /** Keys of deliveries whose client is still connected and hasn't gone on, or that are under way. */
  const connected = new Map<string, number>();
  const isConnected = (key: string): boolean => clock.now().getTime() - (connected.get(key) ?? 0) < SILENCE_MS;

  return {
    async deliver(octets, { sender, recipients, origin }) {
      const receivedAt = clock.now();
      const first = recipients[0]!.account;
      const id = newQueueId(newBucket(), receivedAt.getTime());
      const head = Buffer.concat([
        returnPathLine(sender.address),
        receivedField({ origin, by: hostname, id, recipients, at: receivedAt }),
      ]);
      const digest = new ReceptionDigest(sender.address);
      const staged = await store.receiveBody(countedOctets(octets, maxMessageBytes, digest), {
        maxBytes: maxMessageBytes + head.length,
        head,
        near: first,
      });
      refuseLoop(staged.index.receivedCount);
      const window = Math.floor(receivedAt.getTime() / RESEND_WINDOW_MS);
      const prefix = `lmtp:${window}:${digest.hex()}:`;

      /** Keys of this delivery; a second one of the same octets on another living connection is another message and has none. */
      const own = new Set<string>();
      const deliverOne = async (recipient: LocalRecipient, body: StagedBody): Promise<Result> => {
        const key = prefix + keyOf(recipient.address);
        const dedupe = isConnected(key) ? undefined : key;
        try {
          if (dedupe !== undefined) {
            connected.set(key, clock.now().getTime());
            own.add(key);
            await seen.settle(key);
          }
          const { isRepeat } = await deliverLocally(store, recipient.account, body, {
            sender: sender.address,
            recipient: recipient.address,
            ...(dedupe !== undefined && { dedupe }),
            receivedAt,
          });
          return { failure: null, isBodyStored: !isRepeat };
        } catch (error) {
          return { failure: { error }, isBodyStored: false };
        }
      };
      const outcomes = await deliverAll(recipients, staged, deliverOne);
      return {
        id,
        outcomes,
        confirm: () => {
          for (const [i, recipient] of recipients.entries()) {
            const key = prefix + keyOf(recipient.address);
            if (outcomes[i] === null && own.has(key)) seen.add(recipient.account, key);
          }
          for (const key of own) connected.delete(key);
        },
        abandon: () => {
          for (const key of own) connected.delete(key);
        },
      };
    },
    close: () => seen.close(),
  };
}

interface Result {
  readonly failure: DeliveryFailure;
  /** A mailbox refers to this very body now. A repetition stored nothing. */
  readonly isBodyStored: boolean;
}

/** One after another until the body is durable, the rest side by side. */
async function deliverAll(
  recipients: readonly LocalRecipient[],
  staged: StagedBody,
  deliverOne: (recipient: LocalRecipient, body: StagedBody) => Promise<Result>,
): Promise<readonly DeliveryFailure[]> {
  const outcomes: DeliveryFailure[] = [];
  let isStored = staged.octets === undefined;
  while (!isStored && outcomes.length < recipients.length) {
    const { failure, isBodyStored } = await deliverOne(recipients[outcomes.length]!, staged);
    outcomes.push(failure);
    isStored = isBodyStored;
  }
  const { octets: _octets, ...durable } = staged;
  while (outcomes.length < recipients.length) {
    const batch = recipients.slice(outcomes.length, outcomes.length + PARALLEL_RECIPIENTS);
    const results = await Promise.all(batch.map((recipient) => deliverOne(recipient, durable)));
    outcomes.push(...results.map(({ failure }) => failure));
  }
  return outcomes;
}

function keyOf(address: string): string {
  const parsed = parseAddress(address);
  return parsed === null ? address : addressKey(parsed);
}
