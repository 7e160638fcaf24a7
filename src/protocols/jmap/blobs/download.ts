/**
 * `GET /jmap/download/{accountId}/{blobId}/{name}?accept={type}` (RFC 8620 §6.2). A part comes with its transfer encoding undone, streamed. What is shown is the
 * sender's, so a browser is told to trust none of it. A blob never changes: it may be kept for ever. Ranges where the octets stand as they are.
 */
import { Readable } from 'node:stream';
import type { Context } from 'koa';
import { decodeTransferStream } from '../../../mail/format/transfer-decode.ts';
import type { AccountId, BlobId } from '../../../mail/ids.ts';
import { Refusal } from '../../../mail/refusal.ts';
import type { AccountInfo } from '../../../storage/mail-store.ts';
import type { Blob } from '../../../storage/model.ts';
import type { JmapParts } from '../method-call.ts';
import { contentDisposition } from './content-disposition.ts';
import { parseRange } from './parse-range.ts';

export interface DownloadName {
  readonly accountId: string;
  readonly blobId: string;
  readonly name: string;
}

const MEDIA_TYPE = /^[A-Za-z0-9!#$&^_.+-]{1,127}\/[A-Za-z0-9!#$&^_.+-]{1,127}(?:; ?charset=[A-Za-z0-9_:.-]{1,64})?$/;

export async function answerDownload(
  ctx: Context,
  principal: AccountInfo,
  { accountId, blobId, name }: DownloadName,
  { store }: JmapParts,
): Promise<void> {
  const account = await store.openAccount(principal.id, accountId as AccountId);
  const blob = await account.blob(blobId as BlobId);
  if (blob === null) throw new Refusal('blobNotFound', 'There is no such blob.');
  const etag = `"${blob.id}"`;
  ctx.set('Cache-Control', 'private, immutable, max-age=31536000');
  ctx.set('ETag', etag);
  if (ctx.get('If-None-Match') === etag) {
    ctx.status = 304;
    return;
  }
  const accept = [ctx.query['accept'] ?? ''].flat()[0]!;
  ctx.set('Content-Type', MEDIA_TYPE.test(accept) ? accept : 'application/octet-stream');
  ctx.set('Content-Disposition', contentDisposition(name));
  ctx.set('Content-Security-Policy', "sandbox; default-src 'none'");
  ctx.set('X-Content-Type-Options', 'nosniff');
  ctx.set('Cross-Origin-Resource-Policy', 'cross-origin');
  if (blob.encoding === 'identity') return answerOctets(ctx, blob, etag, (range) => store.readBody(blob.body, range));
  ctx.set('Accept-Ranges', 'none');
  ctx.status = 200;
  ctx.body = Readable.from(
    decodeTransferStream(store.readBody(blob.body, { from: blob.from, to: blob.to }), blob.encoding),
    { objectMode: false },
  );
}

/** RFC 9110 §14: one range; several, or one that is no range, are answered with the whole. */
function answerOctets(
  ctx: Context,
  blob: Blob,
  etag: string,
  read: (range: { readonly from: number; readonly to: number }) => AsyncIterable<Buffer>,
): void {
  const size = blob.to - blob.from;
  ctx.set('Accept-Ranges', 'bytes');
  const ifRange = ctx.get('If-Range');
  const range = ifRange === '' || ifRange === etag ? parseRange(ctx.get('Range'), size) : null;
  if (range === 'unsatisfiable') {
    ctx.status = 416;
    ctx.set('Content-Range', `bytes */${size}`);
    ctx.set('Cache-Control', 'no-store');
    ctx.body = '';
    return;
  }
  ctx.status = range === null ? 200 : 206;
  const { from, to } = range ?? { from: 0, to: size };
  if (range !== null) ctx.set('Content-Range', `bytes ${from}-${to - 1}/${size}`);
  const type = ctx.response.get('Content-Type');
  ctx.body =
    from === to
      ? Buffer.alloc(0)
      : Readable.from(read({ from: blob.from + from, to: blob.from + to }), { objectMode: false });
  ctx.set('Content-Type', type);
  ctx.length = to - from;
}
