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
    for await (const chunk of request as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > maxOctets) throw tooLarge();
      chunks.push(chunk);
    }
  } finally {
    clearTimeout(timer);
  }
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, size);
}
