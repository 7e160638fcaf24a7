/** A request's body, gathered up to a limit and a deadline while it comes in. */
import type { IncomingMessage } from 'node:http';
import { REQUEST_BODY_DEADLINE_MS } from './limits.ts';
import { RequestError } from './problem.ts';

/** RequestError `limit` as soon as more than `maxOctets` came, or were announced. */
export async function readBody(request: IncomingMessage, maxOctets: number): Promise<Buffer> {
  const tooLarge = (): RequestError =>
    new RequestError('limit', `At most ${maxOctets} octets.`, { limit: 'maxSizeRequest', status: 400 });
  if (Number(request.headers['content-length'] ?? 0) > maxOctets) throw tooLarge();
  const chunks: Buffer[] = [];
  let size = 0;
  // A client that trickles is cut off; there is nobody left to answer.
  const timer = setTimeout(() => request.destroy(), REQUEST_BODY_DEADLINE_MS);
  try {
    for await (const chunk of octetsOfRequest(request)) {
      size += chunk.length;
      if (size > maxOctets) throw tooLarge();
      chunks.push(chunk);
    }
  } finally {
    clearTimeout(timer);
  }
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, size);
}

/** What comes in; stopping early leaves the connection as it is, so that there is a way to answer. */
export function octetsOfRequest(request: IncomingMessage): AsyncIterable<Buffer> {
  return request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
}
