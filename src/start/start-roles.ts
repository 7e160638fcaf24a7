/**
 * Starts the parts that the roles name, in the order in which they need each other, and registers how to stop them: listeners end first, then the
 * queue is drained, the record closes last.
 */

import { feedSchedule } from '../delivery/queue/feed-schedule.ts';
import { DEFAULT_LEASE_MS, takeMsOf } from '../delivery/queue/queue-worker.ts';
import { RedisSchedule } from '../delivery/queue/redis-schedule.ts';
import { newOwner, startDelivery } from '../delivery/queue/start-delivery.ts';
import { createAuthenticator } from '../protocols/sasl/authenticate.ts';
import { LocalLoginBrake } from '../protocols/sasl/login-brake.ts';
import { loadCertificate } from '../server/certificate.ts';
import { systemClock } from '../server/clock.ts';
import type { Config } from '../server/config.ts';
import { systemResolver } from '../server/dns-resolver.ts';
import type { Log } from '../server/log.ts';
import { type ListenerInfo, removeReadyFile, writeReadyFile } from '../server/ready-file.ts';
import type { Shutdown } from '../server/shutdown.ts';
import { openMailStore } from '../storage/open-store.ts';
import { provideFirstAccount } from './first-account.ts';
import { startBlock } from './start-block.ts';
import { startListeners } from './start-listeners.ts';

/** The block that tells what is up. */
export async function startRoles(config: Config, version: string, log: Log, shutdown: Shutdown): Promise<string> {
  const clock = systemClock;
  const { roles, drainSeconds } = config.server;
  const certificate = await loadCertificate(config);
  const store = await openMailStore({
    uri: config.mongodb.uri,
    database: config.mongodb.database,
    redisUrl: config.redis.url,
    keyPrefix: config.redis.keyPrefix,
    clock,
    log,
  });
  shutdown.onStop('the store', () => store.close());
  const account = await provideFirstAccount(store.directory, config);

  const owner = newOwner();
  const schedule = new RedisSchedule({
    url: config.redis.url,
    keyPrefix: config.redis.keyPrefix,
    owner,
    takeMs: takeMsOf(DEFAULT_LEASE_MS),
    clock,
    log,
  });
  shutdown.onStop('the schedule', () => schedule.close());
  if (roles.includes('delivery')) {
    const delivery = startDelivery({
      store,
      schedule,
      owner,
      host: config.server.hostname,
      outbound: {
        mode: config.outbound.mode,
        smarthost: smarthostOf(config),
        allowPrivateAddresses: config.outbound.allowPrivateAddresses,
        connectionsPerDomain: config.outbound.connectionsPerDomain,
        retrySeconds: config.outbound.retrySeconds,
        delayNoticeSeconds: config.outbound.delayNoticeSeconds,
        giveUpSeconds: config.outbound.giveUpSeconds,
      },
      resolver: systemResolver(),
      clock,
      log,
    });
    shutdown.onStop('delivery', () => delivery.stop(drainSeconds * 1_000));
  } else {
    const stopFeeding = feedSchedule(store.queue, schedule, log);
    shutdown.onStop('the feed of the schedule', async () => stopFeeding());
  }

  const authenticator = createAuthenticator(store.directory, new LocalLoginBrake(clock));
  const listeners = await startListeners({
    config,
    version,
    store,
    authenticator,
    certificate,
    clock,
    log,
    shutdown,
  });
  const http = httpUrl(listeners);
  writeReadyFile(config.data, {
    pid: process.pid,
    http,
    listeners,
    account: account && { address: account.address, passwordFile: account.passwordFile },
    services: {
      mongodbUri: config.mongodb.uri,
      mongodbDatabase: config.mongodb.database,
      redisUrl: config.redis.url,
      redisKeyPrefix: config.redis.keyPrefix,
    },
  });
  shutdown.onStop('the ready file', async () => removeReadyFile(config.data));
  log.info({ listeners, roles }, 'up');
  return startBlock({
    version,
    config,
    services: await store.describe(),
    listeners,
    http,
    account,
    certificate: certificate.origin,
  });
}

function smarthostOf({ outbound }: Config): { readonly host: string; readonly port: number } | null {
  const match = /^(?:\[(.+)\]|(.+)):(\d+)$/.exec(outbound.smarthost ?? '');
  return match ? { host: match[1] ?? match[2] ?? '', port: Number(match[3]) } : null;
}

function httpUrl(listeners: readonly ListenerInfo[]): string | null {
  const listener = listeners.find(({ protocol }) => protocol === 'http');
  if (!listener) return null;
  const host = ['::', '0.0.0.0'].includes(listener.host) ? 'localhost' : listener.host;
  return `http://${host.includes(':') ? `[${host}]` : host}:${listener.port}`;
}
