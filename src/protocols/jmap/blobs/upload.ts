/**
 * `POST /jmap/upload/{accountId}/` (RFC 8620 §6.1): the octets go to the store as they come. The type is what the client says, never sniffed. A broken
 * upload leaves nothing behind.
 */
import type { Context } from 'koa';
import type { AccountId } from '../../../mail/ids.ts';
import { Refusal } from '../../../mail/refusal.ts';
import type { AccountInfo } from '../../../storage/mail-store.ts';
import type { JmapParts } from '../method-call.ts';
import { RequestError } from '../problem.ts';
import { octetsOfRequest } from '../read-body.ts';

const MEDIA_TYPE = /^[A-Za-z0-9!#$&^_.+-]{1,127}\/[A-Za-z0-9!#$&^_.+-]{1,127}$/;

export async function answerUpload(
  ctx: Context,
  principal: AccountInfo,
  accountId: string,
  { store, limits }: JmapParts,
): Promise<void> {
  const account = await store.openAccount(principal.id, accountId as AccountId);
  const tooLarge = (): RequestError =>
    new RequestError('limit', `At most ${limits.maxSizeUpload} octets in one upload.`, {
      limit: 'maxSizeUpload',
      status: 413,
    });
  if (Number(ctx.get('Content-Length') || 0) > limits.maxSizeUpload) throw tooLarge();
  const given = ctx.get('Content-Type').split(';', 1)[0]!.trim();
  const type = MEDIA_TYPE.test(given) ? given.toLowerCase() : 'application/octet-stream';
  try {
    const staged = await store.receiveBody(octetsOfRequest(ctx.req), {
      maxBytes: limits.maxSizeUpload,
      near: account.account,
    });
    const blob = await account.saveUpload(staged, type);
    ctx.status = 201;
    ctx.set('Cache-Control', 'no-store');
    ctx.body = { accountId: account.account, blobId: blob.id, type: blob.type, size: staged.ref.size };
  } catch (error) {
    if (error instanceof Refusal && error.code === 'tooLarge') throw tooLarge();
    throw error;
  }
}
