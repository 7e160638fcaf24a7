/**
 * Opens the listeners that the roles ask for and registers how to close them. Each protocol gets its own limits from the configuration; nothing else
 * is decided here.
 */
import { createImmediateDeliverer } from '../delivery/inbound/deliver-at-once.ts';
import { createReceiver } from '../delivery/inbound/receive-to-queue.ts';
import { createSubmitter } from '../delivery/submission/submit-to-queue.ts';
import { startImapServer } from '../protocols/imap/imap-server.ts';
import { startLmtp } from '../protocols/lmtp/start-lmtp.ts';
import { LocalMaildropLocks } from '../protocols/pop3/maildrop-locks.ts';
import { startPop3Server } from '../protocols/pop3/pop3-server.ts';
import { startMx } from '../protocols/smtp/start-mx.ts';
import { startSubmission } from '../protocols/smtp/start-submission.ts';
import { startSubmissions } from '../protocols/smtp/start-submissions.ts';
import type { Role } from '../server/config-schema.ts';
import type { ListenerInfo } from '../server/ready-file.ts';
import { drainMsOf, type ListenerParts } from './listener-parts.ts';
import { startHttp } from './start-http.ts';

/** What is open, in the order of the ports. */
export async function startListeners(parts: ListenerParts): Promise<readonly ListenerInfo[]> {
  const opened: ListenerInfo[] = [];
  const has = (role: Role): boolean => parts.config.server.roles.includes(role);
  if (has('smtp')) opened.push(...(await openMx(parts)));
  if (has('submission')) opened.push(...(await openSubmission(parts)));
  if (has('lmtp')) opened.push(...(await openLmtp(parts)));
  if (has('imap')) opened.push(...(await openImap(parts)));
  if (has('pop3')) opened.push(...(await openPop3(parts)));
  if (has('jmap')) opened.push(...(await startHttp(parts)));
  return opened;
}

function smtpBase({ config, certificate }: ListenerParts) {
  const { limits } = config;
  return {
    host: config.server.host,
    hostname: config.server.hostname,
    tls: certificate,
    limits: {
      maxMessageBytes: limits.messageBytes,
      maxConnections: limits.connections,
      maxConnectionsPerNetwork: limits.connectionsPerAddress,
    },
  };
}

function inboundParts({ store, config, clock }: ListenerParts) {
  return { store, hostname: config.server.hostname, maxMessageBytes: config.limits.messageBytes, clock };
}

async function openMx(parts: ListenerParts): Promise<readonly ListenerInfo[]> {
  const { config, store, log, shutdown } = parts;
  if (config.ports.smtp === null) return [];
  const base = smtpBase(parts);
  const running = await startMx({
    ...base,
    port: config.ports.smtp,
    limits: { ...base.limits, maxRecipients: config.limits.recipientsMx },
    directory: store.directory,
    receiver: createReceiver(inboundParts(parts)),
    log,
  });
  shutdown.onStop('smtp', () => running.close(drainMsOf(config)));
  return [{ name: 'smtp', protocol: 'smtp', host: running.host, port: running.port, tls: 'starttls' }];
}

async function openSubmission(parts: ListenerParts): Promise<readonly ListenerInfo[]> {
  const { config, store, authenticator, log, shutdown } = parts;
  const base = smtpBase(parts);
  const options = {
    ...base,
    limits: { ...base.limits, maxRecipients: config.limits.recipientsSubmission },
    allowPlaintextOnLoopback: config.auth.allowPlaintextOnLoopback,
    store,
    submitter: createSubmitter({ ...inboundParts(parts), maxRecipients: config.limits.recipientsSubmission }),
    authenticator,
    log,
  };
  const opened: ListenerInfo[] = [];
  if (config.ports.submission !== null) {
    const running = await startSubmission({ ...options, port: config.ports.submission });
    shutdown.onStop('submission', () => running.close(drainMsOf(config)));
    opened.push({ name: 'submission', protocol: 'smtp', host: running.host, port: running.port, tls: 'starttls' });
  }
  if (config.ports.submissions !== null) {
    const running = await startSubmissions({ ...options, port: config.ports.submissions });
    shutdown.onStop('submissions', () => running.close(drainMsOf(config)));
    opened.push({ name: 'submissions', protocol: 'smtp', host: running.host, port: running.port, tls: 'implicit' });
  }
  return opened;
}

async function openLmtp(parts: ListenerParts): Promise<readonly ListenerInfo[]> {
  const { config, store, log, shutdown } = parts;
  if (config.ports.lmtp === null) return [];
  const base = smtpBase(parts);
  const running = await startLmtp({
    ...base,
    host: config.lmtp.host,
    port: config.ports.lmtp,
    limits: { maxMessageBytes: config.limits.messageBytes, maxConnections: config.limits.connections },
    directory: store.directory,
    deliverer: createImmediateDeliverer({ ...inboundParts(parts), log }),
    log,
  });
  shutdown.onStop('lmtp', () => running.close(drainMsOf(config)));
  return [{ name: 'lmtp', protocol: 'lmtp', host: running.host, port: running.port, tls: 'starttls' }];
}

async function openImap(parts: ListenerParts): Promise<readonly ListenerInfo[]> {
  const { config, version, store, authenticator, certificate, clock, log, shutdown } = parts;
  if (config.ports.imap === null && config.ports.imaps === null) return [];
  const { host } = config.server;
  const running = await startImapServer({
    store,
    authenticator,
    log,
    clock,
    host,
    port: config.ports.imap,
    tlsPort: config.ports.imaps,
    tls: certificate,
    allowPlaintextOnLoopback: config.auth.allowPlaintextOnLoopback,
    limits: {
      messageOctets: config.limits.messageBytes,
      maxConnections: config.limits.connections,
      maxConnectionsPerAddress: config.limits.connectionsPerAddress,
    },
    version,
  });
  shutdown.onStop('imap', () => running.close(drainMsOf(config)));
  const opened: ListenerInfo[] = [];
  if (running.port !== null) opened.push({ name: 'imap', protocol: 'imap', host, port: running.port, tls: 'starttls' });
  if (running.tlsPort !== null)
    opened.push({ name: 'imaps', protocol: 'imap', host, port: running.tlsPort, tls: 'implicit' });
  return opened;
}

async function openPop3(parts: ListenerParts): Promise<readonly ListenerInfo[]> {
  const { config, store, authenticator, certificate, clock, log, shutdown } = parts;
  const locks = new LocalMaildropLocks();
  const opened: ListenerInfo[] = [];
  for (const name of ['pop3', 'pop3s'] as const) {
    const port = config.ports[name];
    if (port === null) continue;
    const isImplicitTls = name === 'pop3s';
    const running = await startPop3Server({
      store,
      authenticator,
      locks,
      listen: { host: config.server.host, port },
      isImplicitTls,
      tls: certificate,
      allowPlaintextOnLoopback: config.auth.allowPlaintextOnLoopback,
      limits: {
        maxConnections: config.limits.connections,
        maxConnectionsPerAddress: config.limits.connectionsPerAddress,
      },
      log,
      clock,
    });
    shutdown.onStop(name, () => running.close(drainMsOf(config)));
    const tls = isImplicitTls ? 'implicit' : 'starttls';
    opened.push({ name, protocol: 'pop3', host: running.host, port: running.port, tls });
  }
  return opened;
}
