/** A store, a schedule and a delivery worker on the real services, for tests of the queue. */

import { takeMsOf } from '../../../src/delivery/queue/queue-worker.ts';
import { RedisSchedule } from '../../../src/delivery/queue/redis-schedule.ts';
import { DEFAULT_RETRY_POLICY } from '../../../src/delivery/queue/retry-schedule.ts';
import {
  newOwner,
  type OutboundOptions,
  type RunningDelivery,
  startDelivery,
} from '../../../src/delivery/queue/start-delivery.ts';
import { routeRecipient } from '../../../src/delivery/routing/route-recipient.ts';
import { parseAddress } from '../../../src/mail/address.ts';
import type { EnvelopeRecipient, EnvelopeSender } from '../../../src/mail/envelope.ts';
import type { AccountId, QueueId } from '../../../src/mail/ids.ts';
import { Refusal } from '../../../src/mail/refusal.ts';
import { type Clock, systemClock } from '../../../src/server/clock.ts';
import type { DnsResolver } from '../../../src/server/dns-resolver.ts';
import { type Log, silentLog } from '../../../src/server/log.ts';
import type { AccountStore, MailStore } from '../../../src/storage/mail-store.ts';
import type { Mailbox } from '../../../src/storage/model.ts';
import { openMailStore } from '../../../src/storage/open-store.ts';
import type { QueueEntry } from '../../../src/storage/queue-record.ts';
import { mongodbUri } from '../../support/services.ts';

export interface WorldOptions {
  readonly database: string;
  readonly keyPrefix: string;
  readonly redisUrl: string;
  readonly outbound?: Partial<OutboundOptions>;
  readonly resolver?: DnsResolver;
  readonly clock?: Clock;
  readonly log?: Log;
  readonly leaseMs?: number;
}

const nothingThere: DnsResolver = {
  mx: async () => ({ kind: 'noDomain' }),
  a: async () => ({ kind: 'noDomain' }),
  aaaa: async () => ({ kind: 'noDomain' }),
  txt: async () => ({ kind: 'noDomain' }),
};

export class DeliveryWorld {
  readonly store: MailStore;
  readonly schedule: RedisSchedule;
  readonly #options: WorldOptions;
  readonly #owner: string;
  delivery: RunningDelivery | null = null;

  private constructor(store: MailStore, options: WorldOptions) {
    this.store = store;
    this.#options = options;
    this.#owner = newOwner();
    const { clock = systemClock, log = silentLog, keyPrefix, redisUrl, leaseMs = 30_000 } = options;
    this.schedule = new RedisSchedule({
      url: redisUrl,
      keyPrefix,
      owner: this.#owner,
      takeMs: takeMsOf(leaseMs),
      clock,
      log,
    });
  }

  static async open(options: WorldOptions): Promise<DeliveryWorld> {
    const { clock = systemClock, log = silentLog, database, keyPrefix, redisUrl } = options;
    const store = await openMailStore({ uri: mongodbUri(), database, redisUrl, keyPrefix, clock, log });
    const world = new DeliveryWorld(store, options);
    await world.schedule.open();
    return world;
  }

  start(): RunningDelivery {
    const { clock = systemClock, log = silentLog, resolver = nothingThere, leaseMs, outbound } = this.#options;
    this.delivery = startDelivery({
      store: this.store,
      schedule: this.schedule,
      owner: this.#owner,
      host: 'mail.here.test',
      resolver,
      clock,
      log,
      random: () => 0.5,
      outbound: {
        ...DEFAULT_RETRY_POLICY,
        mode: 'deliver',
        smarthost: null,
        allowPrivateAddresses: true,
        connectionsPerDomain: 20,
        ...outbound,
      },
      ...(leaseMs === undefined ? {} : { leaseMs }),
    });
    return this.delivery;
  }

  async accept(
    to: readonly (string | EnvelopeRecipient)[],
    body: Buffer,
    sender: EnvelopeSender = { address: 'sender@here.test' },
  ): Promise<QueueId> {
    const id = this.store.queue.newId();
    const staged = await this.store.receiveBody(one(body), { maxBytes: 50_000_000, near: id });
    const recipients = [];
    for (const given of to) {
      const recipient = typeof given === 'string' ? { address: given } : given;
      const route = await routeRecipient(this.store.directory, parseAddress(recipient.address)!, { mayRelay: true });
      if (route instanceof Refusal) throw route;
      recipients.push({ ...recipient, ...route });
    }
    await this.store.queue.accept({ id, staged, skip: 0, sender, senderAccount: null, source: 'smtp', recipients });
    return id;
  }

  async account(address: string): Promise<AccountStore> {
    const parsed = parseAddress(address)!;
    if (!(await this.store.directory.isLocalDomain(parsed.domain))) await this.store.directory.addDomain(parsed.domain);
    const { id } = await this.store.directory.createAccount({ address: parsed, password: 'correct horse battery' });
    return this.store.openAccount(id, id as AccountId);
  }

  async close(): Promise<void> {
    await this.delivery?.stop();
    await this.schedule.close();
    await this.store.close();
  }
}

async function* one(body: Buffer): AsyncGenerator<Buffer> {
  yield body;
}

export async function inboxOf(account: AccountStore): Promise<Mailbox> {
  const { mailboxes } = await account.mailboxes();
  return mailboxes.find(({ role }) => role === 'inbox')!;
}

/** Resolves when the Inbox holds that many messages. */
export async function untilInbox(account: AccountStore, total: number): Promise<Mailbox> {
  for (;;) {
    let unfollow = (): void => undefined;
    const changed = new Promise<void>((resolve) => {
      unfollow = account.follow(() => resolve());
    });
    const inbox = await inboxOf(account);
    if (inbox.total < total) await changed;
    unfollow();
    if (inbox.total >= total) return inbox;
  }
}

/** Resolves when no recipient of the entry is left to be worked on. */
export async function untilFinal(store: MailStore, id: QueueId): Promise<QueueEntry> {
  for (;;) {
    const entry = await store.queue.get(id);
    if (entry?.recipients.every(({ state }) => ['sent', 'bounced', 'expired', 'cancelled'].includes(state)))
      return entry;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
