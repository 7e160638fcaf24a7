/**
 * Errors as an HTTP client reads them: problem documents (RFC 9457 §3). Promise: nothing of our internals gets into one; a defect is logged
 * once under a short id, and only that id is shown.
 */
import { randomBytes } from 'node:crypto';
import type { Context, Middleware } from 'koa';
import { Deferral, Refusal, type RefusalCode } from '../../mail/refusal.ts';
import type { Log } from '../../server/log.ts';

/** Thrown by a handler, answered as a problem document. All fields are for the peer's eyes. */
export class HttpProblem extends Error {
  override readonly name = 'HttpProblem';
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  constructor(status: number, detail: string, headers: Readonly<Record<string, string>> = {}) {
    super(detail);
    this.status = status;
    this.headers = headers;
  }
}

const STATUS_OF_REFUSAL: Partial<Record<RefusalCode, number>> = {
  notFound: 404,
  blobNotFound: 404,
  forbidden: 403,
  tooLarge: 413,
  overQuota: 507,
  authenticationFailed: 401,
  accountDisabled: 403,
};

/** Seconds after which a deferred request may be tried again. */
export const RETRY_AFTER_S = 5;

/** Answers every error that reaches the top. */
export function answerErrors(log: Log): Middleware {
  return async (ctx, next) => {
    try {
      await next();
      if (ctx.status === 404 && ctx.body === undefined && !ctx.headerSent && ctx.respond !== false) {
        writeProblem(ctx, 404, 'There is nothing at this address.');
      }
    } catch (error) {
      if (ctx.headerSent || ctx.res.destroyed || ctx.req.aborted) {
        // The answer is under way: all that is left is to end the connection, so that nobody takes half an answer for a whole one.
        if (!isPeerGone(error)) log.error({ err: error, path: ctx.path }, 'an answer broke off');
        ctx.respond = false;
        ctx.res.destroy();
        return;
      }
      answerError(ctx, error, log);
    }
  };
}

function answerError(ctx: Context, error: unknown, log: Log): void {
  const { status, detail, headers } = shownError(ctx, error, log);
  for (const [name, value] of Object.entries(headers)) ctx.set(name, value);
  writeProblem(ctx, status, detail);
}

interface ShownError {
  readonly status: number;
  readonly detail: string;
  readonly headers: Readonly<Record<string, string>>;
}

function shownError(ctx: Context, error: unknown, log: Log): ShownError {
  if (error instanceof HttpProblem) return { status: error.status, detail: error.message, headers: error.headers };
  if (error instanceof Refusal) {
    return { status: STATUS_OF_REFUSAL[error.code] ?? 400, detail: error.message, headers: {} };
  }
  if (error instanceof Deferral) {
    log.warn({ err: error, path: ctx.path }, 'a request was deferred');
    const status = error.code === 'limited' ? 429 : 503;
    return { status, detail: error.message, headers: { 'Retry-After': String(RETRY_AFTER_S) } };
  }
  const status = clientStatus(error);
  if (status !== null) return { status, detail: 'The request was not understood.', headers: {} };
  const id = randomBytes(6).toString('hex');
  log.error({ err: error, errorId: id, method: ctx.method, path: ctx.path }, 'a request failed');
  return { status: 500, detail: `Something went wrong here. It was logged as ${id}.`, headers: {} };
}

/** Errors of koa and its router that are the client's: malformed paths and the like. */
function clientStatus(error: unknown): number | null {
  const status = error instanceof Error && 'status' in error ? error.status : null;
  return typeof status === 'number' && status >= 400 && status < 500 ? status : null;
}

function isPeerGone(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : null;
  return (
    code === 'ECONNRESET' ||
    code === 'EPIPE' ||
    code === 'ERR_STREAM_PREMATURE_CLOSE' ||
    code === 'ERR_STREAM_DESTROYED'
  );
}

const TITLES = new Map<number, string>([
  [400, 'Bad Request'],
  [401, 'Unauthorized'],
  [403, 'Forbidden'],
  [404, 'Not Found'],
  [405, 'Method Not Allowed'],
  [408, 'Request Timeout'],
  [413, 'Content Too Large'],
  [429, 'Too Many Requests'],
  [500, 'Internal Server Error'],
  [503, 'Service Unavailable'],
  [507, 'Insufficient Storage'],
]);

function writeProblem(ctx: Context, status: number, detail: string): void {
  ctx.status = status;
  ctx.type = 'application/problem+json';
  ctx.body = JSON.stringify({ type: 'about:blank', title: TITLES.get(status) ?? 'Error', status, detail });
}
