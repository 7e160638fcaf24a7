/**
 * HTTP: JMAP, health and the front page on one listener.
 */
import { isIP } from 'node:net';
import { createSubmitter } from '../delivery/submission/submit-to-queue.ts';
import { basicAuthentication } from '../protocols/http/basic-authentication.ts';
import { createHttpServer } from '../protocols/http/create-http-server.ts';
import type { HealthReport } from '../protocols/http/health.ts';
import { jmapRoutes } from '../protocols/jmap/jmap-routes.ts';
import type { ListenerInfo } from '../server/ready-file.ts';
import type { MailStore } from '../storage/mail-store.ts';
import { drainMsOf, type ListenerParts } from './listener-parts.ts';

export async function startHttp(parts: ListenerParts): Promise<readonly ListenerInfo[]> {
  const { config, store, authenticator, clock, log, shutdown } = parts;
  if (config.ports.http === null) return [];
  const { messageBytes, recipientsSubmission } = config.limits;
  const authenticate = basicAuthentication({
    authenticator,
    realm: 'Waxwing',
    // Plain HTTP carries a password only on this host, or behind a trusted proxy that ended TLS.
    isAllowed: (ctx) => ctx.secure || isLoopback(ctx.ip),
  });
  const submitter = createSubmitter({
    store,
    hostname: config.server.hostname,
    maxMessageBytes: messageBytes,
    maxRecipients: recipientsSubmission,
    clock,
  });
  const jmap = jmapRoutes({
    store,
    submitter,
    authenticate,
    limits: { maxSizeUpload: messageBytes },
    publicUrl: config.server.publicUrl,
    log: log.child({ protocol: 'jmap' }),
    clock,
  });
  const server = await createHttpServer({
    listen: { host: config.server.host, port: config.ports.http },
    middleware: [jmap.middleware],
    health: () => health(store),
    frontPage: () => ({
      name: 'Waxwing',
      lines: [
        ['Version', parts.version],
        ['JMAP', '/.well-known/jmap'],
      ],
    }),
    log: log.child({ protocol: 'http' }),
    isBehindProxy: config.server.trustProxy,
  });
  shutdown.onStop('http', async () => {
    jmap.close();
    await server.close(drainMsOf(config));
  });
  return [{ name: 'http', protocol: 'http', host: server.host, port: server.port, tls: 'none' }];
}

async function health(store: MailStore): Promise<HealthReport> {
  const [ms, versions] = await Promise.allSettled([store.ping(), store.describe()]);
  const isRecordUp = ms.status === 'fulfilled';
  const isBellUp = versions.status === 'fulfilled' && versions.value.redis !== null;
  return {
    // Without Redis mail goes on, more slowly: still ready.
    isReady: isRecordUp,
    checks: [
      {
        name: 'record',
        isOk: isRecordUp,
        sentence: isRecordUp
          ? `MongoDB answers in ${ms.value.toFixed(1)} ms.`
          : 'MongoDB does not answer: mail is refused for now, nothing is lost.',
      },
      {
        name: 'schedule',
        isOk: isBellUp,
        sentence: isBellUp ? 'Redis answers.' : 'Redis does not answer: delivery and push go on by polling MongoDB.',
      },
    ],
  };
}

const isLoopback = (address: string): boolean =>
  address === '::1' ||
  (isIP(address.replace(/^::ffff:/, '')) === 4 && address.replace(/^::ffff:/, '').startsWith('127.'));
