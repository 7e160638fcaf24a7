/** Errors of a whole request (RFC 8620 §3.6.1) as problem documents (RFC 9457 §3). */
import type { Context } from 'koa';

export type RequestErrorType = 'unknownCapability' | 'notJSON' | 'notRequest' | 'limit';

export class RequestError extends Error {
  override readonly name = 'RequestError';
  readonly type: RequestErrorType;
  readonly status: number;
  /** RFC 8620 §3.6.1: which limit, for type `limit`. */
  readonly limit: string | null;
  constructor(type: RequestErrorType, detail: string, options: { limit?: string; status?: number } = {}) {
    super(detail);
    this.type = type;
    this.status = options.status ?? 400;
    this.limit = options.limit ?? null;
  }
}

export function writeRequestError(ctx: Context, error: RequestError): void {
  ctx.status = error.status;
  ctx.type = 'application/problem+json';
  ctx.set('Cache-Control', 'no-store');
  ctx.body = JSON.stringify({
    type: `urn:ietf:params:jmap:error:${error.type}`,
    status: error.status,
    detail: error.message,
    ...(error.limit === null ? {} : { limit: error.limit }),
  });
}
