/**
 * gzip for whole JSON and text answers of some size (RFC 9110 §8.4.1.3). Streams (downloads, event streams) pass untouched. Compression runs on
 * the thread pool, not on the event loop.
 */
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Middleware } from 'koa';

const gzipOctets = promisify(gzip);
/** Below this a packet is a packet. */
export const MIN_COMPRESSED_OCTETS = 1_400;
/** Most of the gain for a third of the time of level 6. */
const LEVEL = 3;

export const compress: Middleware = async (ctx, next) => {
  await next();
  const body = octetsOf(ctx.body);
  if (body === null) return;
  if (ctx.respond === false || ctx.status === 206 || ctx.res.hasHeader('Content-Encoding')) return;
  if (!/^(?:application\/(?:[a-z.+-]+\+)?json|text\/)/.test(ctx.response.type)) return;
  ctx.vary('Accept-Encoding');
  if (body.length < MIN_COMPRESSED_OCTETS || !ctx.acceptsEncodings('gzip')) return;
  // acceptsEncodings('gzip') falls back to identity by answering false; an absent Accept-Encoding accepts anything, but plain is safer.
  if (ctx.get('Accept-Encoding') === '') return;
  const type = ctx.response.get('Content-Type');
  ctx.body = await gzipOctets(body, { level: LEVEL });
  ctx.set('Content-Type', type);
  ctx.set('Content-Encoding', 'gzip');
};

/** Null for streams and for nothing. An object is what koa would write as JSON. */
function octetsOf(body: unknown): Buffer | null {
  if (typeof body === 'string') return Buffer.from(body);
  if (Buffer.isBuffer(body)) return body;
  const isPlain = typeof body === 'object' && body !== null && !(body instanceof Readable);
  return isPlain ? Buffer.from(JSON.stringify(body)) : null;
}
