/**
 * JMAP over HTTP (RFC 8620): which address is what. `close` ends the event streams, so that a server can drain.
 */
import Router from '@koa/router';
import type { Context, Middleware } from 'koa';
import type { Submitter } from '../../delivery/submission/submitter.ts';
import type { Clock } from '../../server/clock.ts';
import type { Log } from '../../server/log.ts';
import type { AccountInfo, MailStore } from '../../storage/mail-store.ts';
import { answerApi } from './api.ts';
import { answerDownload } from './blobs/download.ts';
import { answerUpload } from './blobs/upload.ts';
import { ConcurrencyLimit } from './concurrency-limit.ts';
import { DEFAULT_LIMITS, type JmapLimits } from './limits.ts';
import type { JmapParts } from './method-call.ts';
import { RequestError, writeRequestError } from './problem.ts';
import { EventStreams } from './push/event-streams.ts';
import { sessionObject } from './session.ts';

export interface JmapOptions {
  readonly store: MailStore;
  readonly submitter: Submitter;
  /** Who asks; throws what the HTTP room answers with 401. */
  readonly authenticate: (ctx: Context) => Promise<AccountInfo>;
  readonly limits?: Partial<JmapLimits>;
  /** Scheme, host and path prefix that clients use; null: as each request says. */
  readonly publicUrl: string | null;
  readonly log: Log;
  readonly clock: Clock;
}

export interface JmapRoutes {
  readonly middleware: Middleware;
  /** Ends the event streams. */
  close(): void;
}

export function jmapRoutes(options: JmapOptions): JmapRoutes {
  const { store, submitter, authenticate, log, clock } = options;
  const limits: JmapLimits = { ...DEFAULT_LIMITS, ...options.limits };
  const parts: JmapParts = { store, submitter, limits, log, clock };
  const requests = new ConcurrencyLimit(limits.maxConcurrentRequests, 'maxConcurrentRequests');
  const uploads = new ConcurrencyLimit(limits.maxConcurrentUpload, 'maxConcurrentUpload');
  const streams = new EventStreams(parts);
  const baseOf = (ctx: Context): string => options.publicUrl?.replace(/\/+$/, '') ?? originOf(ctx);

  const router = new Router();
  router.get('/.well-known/jmap', async (ctx) => {
    const account = await authenticate(ctx);
    // RFC 8620 §2: never stale.
    ctx.set('Cache-Control', 'no-cache, no-store, must-revalidate');
    ctx.body = sessionObject(account, baseOf(ctx), limits);
  });
  router.post('/jmap/api', async (ctx) => {
    const account = await authenticate(ctx);
    await requests.run(account.id, () => answerApi(ctx, account, baseOf(ctx), parts));
  });
  router.post(['/jmap/upload/:accountId', '/jmap/upload/:accountId/'], async (ctx) => {
    const account = await authenticate(ctx);
    await uploads.run(account.id, () => answerUpload(ctx, account, ctx.params['accountId']!, parts));
  });
  router.get('/jmap/download/:accountId/:blobId/:name', async (ctx) => {
    const account = await authenticate(ctx);
    const { accountId, blobId, name } = ctx.params;
    await answerDownload(ctx, account, { accountId: accountId!, blobId: blobId!, name: name! }, parts);
  });
  router.get('/jmap/eventsource', async (ctx) => {
    const account = await authenticate(ctx);
    await streams.answer(ctx, account);
  });

  const routes = router.routes();
  const methods = router.allowedMethods();
  return {
    middleware: async (ctx, next) => {
      try {
        await routes(ctx as never, () => methods(ctx as never, next));
      } catch (error) {
        if (error instanceof RequestError) return writeRequestError(ctx, error);
        throw error;
      }
    },
    close: () => streams.close(),
  };
}

/** From the request: what a client called us is how it reaches us. */
function originOf(ctx: Context): string {
  const host = /^[A-Za-z0-9.\-_[\]:]{1,255}$/.test(ctx.host) ? ctx.host : 'localhost';
  return `${ctx.protocol}://${host}`;
}
