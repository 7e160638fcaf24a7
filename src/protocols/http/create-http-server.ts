/**
 * The HTTP server: one koa application on one listener. What it serves comes from outside as middleware; what every answer shares is here: error
 * documents, CORS, safe headers, gzip, health, the front page, and deadlines against slow clients.
 */
import { createServer as createPlainServer, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { SecureContextOptions } from 'node:tls';
import Koa, { type Middleware } from 'koa';
import type { Log } from '../../server/log.ts';
import { compress } from './compress.ts';
import { allowAnyOrigin } from './cors.ts';
import { type FrontPage, frontPage } from './front-page.ts';
import { type HealthReport, healthEndpoint } from './health.ts';
import { answerErrors } from './problem.ts';
import { drainUnreadBody } from './unread-body.ts';

export interface HttpServerOptions {
  readonly listen: { readonly host: string; readonly port: number };
  /** Present: HTTPS. */
  readonly tls?: SecureContextOptions;
  /** In their order; the last word is a 404. */
  readonly middleware: readonly Middleware[];
  readonly health: () => Promise<HealthReport>;
  readonly frontPage: () => FrontPage;
  readonly log: Log;
  /** Believe X-Forwarded-For, -Proto and -Host: only behind a proxy that sets them. */
  readonly isBehindProxy?: boolean;
}

export interface HttpServer {
  readonly host: string;
  readonly port: number;
  readonly isTls: boolean;
  /** Takes no new connections, lets requests end, and cuts off what is left after `graceMs`. */
  close(graceMs: number): Promise<void>;
}

/** From the first octet of a connection to the end of a request's header. */
export const HEADERS_TIMEOUT_MS = 15_000;
/** From the first octet to the last of a request's body: a message of 50 MB over a slow line. */
export const REQUEST_TIMEOUT_MS = 600_000;
/** Longer than a usual proxy's 60 s, so that we never close under its hands. */
export const KEEP_ALIVE_MS = 65_000;
/** A peer that neither sends nor takes anything for so long, in the middle of a request or an answer, is cut off. */
export const STALL_TIMEOUT_MS = 120_000;
const MAX_HEADER_OCTETS = 16_384;
const MAX_HEADERS = 100;

/** Resolves when it listens. Fails with the listener's error (EADDRINUSE, EACCES). */
export async function createHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const application = createApplication(options);
  const handle = application.callback();
  const serverOptions = {
    headersTimeout: HEADERS_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    maxHeaderSize: MAX_HEADER_OCTETS,
    connectionsCheckingInterval: 5_000,
  };
  const server: Server =
    options.tls === undefined
      ? createPlainServer(serverOptions, handle)
      : createTlsServer({ minVersion: 'TLSv1.2', ...serverOptions, ...options.tls }, handle);
  server.maxHeadersCount = MAX_HEADERS;
  server.timeout = STALL_TIMEOUT_MS;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.listen.port, options.listen.host, () => {
      server.off('error', reject);
      server.on('error', (error) => options.log.error({ err: error }, 'the HTTP listener failed'));
      resolve();
    });
  });
  const { port } = server.address() as AddressInfo;
  return {
    host: options.listen.host,
    port,
    isTls: options.tls !== undefined,
    close: (graceMs) => closeServer(server, graceMs),
  };
}

/** The application without a listener. */
export function createApplication(options: Omit<HttpServerOptions, 'listen' | 'tls'>): Koa {
  const application = new Koa({ proxy: options.isBehindProxy ?? false });
  // Koa tells of errors that happen after the answer began, such as a client that went away in a download: no defect of ours.
  application.silent = true;
  application.on('error', (error: unknown) => options.log.info({ err: error }, 'an HTTP answer was not finished'));
  application.use(safeHeaders);
  application.use(drainUnreadBody);
  application.use(compress);
  application.use(answerErrors(options.log));
  application.use(allowAnyOrigin);
  application.use(healthEndpoint(options.health));
  application.use(frontPage(options.frontPage));
  for (const middleware of options.middleware) application.use(middleware);
  return application;
}

const safeHeaders: Middleware = async (ctx, next) => {
  ctx.set('X-Content-Type-Options', 'nosniff');
  ctx.set('Referrer-Policy', 'no-referrer');
  ctx.set('X-Frame-Options', 'DENY');
  await next();
};

async function closeServer(server: Server, graceMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const timer = setTimeout(() => server.closeAllConnections(), graceMs);
  await closed;
  clearTimeout(timer);
}
