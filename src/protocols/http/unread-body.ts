/**
 * When a request is answered before its body was read, such as one that is too large or has no login, the rest is read and dropped for a moment, so that a
 * client which first sends and then listens gets its answer (RFC 9112 §9.6). What is still not whole then costs the connection.
 */
import type { IncomingMessage } from 'node:http';
import type { Middleware } from 'koa';

const MAX_DRAIN_MS = 3_000;
/** More than this is not worth the line. */
const MAX_DRAIN_OCTETS = 64 * 1024 * 1024;

export const drainUnreadBody: Middleware = async (ctx, next) => {
  await next();
  if (ctx.respond === false || ctx.req.complete || ctx.req.destroyed) return;
  await drain(ctx.req);
  if (!ctx.req.complete) ctx.set('Connection', 'close');
};

function drain(request: IncomingMessage): Promise<void> {
  return new Promise((resolve) => {
    let octets = 0;
    const done = (): void => {
      clearTimeout(timer);
      request.off('data', onData).off('end', done).off('close', done).off('error', done);
      resolve();
    };
    const onData = (chunk: Buffer): void => {
      octets += chunk.length;
      if (octets > MAX_DRAIN_OCTETS) done();
    };
    const timer = setTimeout(done, MAX_DRAIN_MS);
    request.on('data', onData).on('end', done).on('close', done).on('error', done);
    request.resume();
  });
}
