/**
 * Cross-origin access for web clients (WHATWG Fetch, "CORS protocol"): any origin, never with credentials of the browser, since a client sends its own
 * Authorization. A preflight is answered here, on every path, before anybody asks for a login, and may be kept for a day.
 */
import type { Middleware } from 'koa';

const PREFLIGHT_MAX_AGE_S = 86_400;
const METHODS = 'GET, HEAD, POST, PUT, DELETE, OPTIONS';
/** '*' does not cover Authorization, so all are named. */
const REQUEST_HEADERS =
  'Authorization, Content-Type, Accept, Range, If-None-Match, If-Range, Last-Event-ID, Cache-Control';
const EXPOSED_HEADERS =
  'Content-Disposition, Content-Length, Content-Range, Accept-Ranges, ETag, Retry-After, WWW-Authenticate';

export const allowAnyOrigin: Middleware = async (ctx, next) => {
  ctx.set('Access-Control-Allow-Origin', '*');
  if (ctx.method === 'OPTIONS' && ctx.get('Access-Control-Request-Method') !== '') {
    ctx.set('Access-Control-Allow-Methods', METHODS);
    ctx.set('Access-Control-Allow-Headers', REQUEST_HEADERS);
    ctx.set('Access-Control-Max-Age', String(PREFLIGHT_MAX_AGE_S));
    // A browser caches by this header, and proxies must not.
    ctx.set('Cache-Control', 'no-store');
    ctx.status = 204;
    return;
  }
  ctx.set('Access-Control-Expose-Headers', EXPOSED_HEADERS);
  await next();
};
