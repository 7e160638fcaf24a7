/**
 * Blobs (RFC 8620 §6): a whole message, a part of one, or an upload of the account. The octets are read with `readBody` over the blob's range.
 */
import { MessageIndexer } from '../../mail/format/message-indexer.ts';
import { fileNameOf, mediaTypeOf, type PartNode } from '../../mail/format/structure.ts';
import { decodeStructure } from '../../mail/format/structure-codec.ts';
import { decodeTransferStream } from '../../mail/format/transfer-decode.ts';
import { type AccountId, type BlobId, newUploadBlobId, parseBlobId } from '../../mail/ids.ts';
import { Refusal } from '../../mail/refusal.ts';
import type { Clock } from '../../server/clock.ts';
import type { BodyStore } from '../bodies/body-store.ts';
import { insertSmallBodies } from '../bodies/small-bodies.ts';
import type { Blob, StagedBody } from '../model.ts';
import type { Database } from '../mongo/database.ts';
import type { UploadRow } from '../mongo/documents.ts';
import { orUnavailable, runTransaction, TRANSACTION_LIMIT_MS } from '../mongo/transaction.ts';

/** Null: not there, or not this account's. */
export async function blob(database: Database, account: AccountId, id: BlobId): Promise<Blob | null> {
  const name = parseBlobId(id);
  if (name === null) return null;
  if (name.kind === 'upload') {
    const row = await orUnavailable(() => database.uploads.findOne({ account, _id: name.blob }));
    return row && uploadBlob(row);
  }
  const projection = { body: 1, ...(name.kind === 'part' && { structure: 1 }) };
  const row = await orUnavailable(() => database.messages.findOne({ account, _id: name.email }, { projection }));
  if (row === null) return null;
  if (name.kind === 'message') {
    const { body } = row;
    return { id, body, from: 0, to: body.size, encoding: 'identity', type: 'message/rfc822', name: null };
  }
  const part = partAt(decodeStructure(row.structure), name.partId);
  return (
    part && {
      id,
      body: row.body,
      from: part.bodyStart,
      to: part.end,
      encoding: part.encoding === 'base64' || part.encoding === 'quoted-printable' ? part.encoding : 'identity',
      type: mediaTypeOf(part),
      name: fileNameOf(part),
    }
  );
}

/** Keeps an upload for a day (RFC 8620 §6.1 asks for an hour at least); its body and its row in one transaction. */
export async function saveUpload(
  database: Database,
  account: AccountId,
  clock: Clock,
  staged: StagedBody,
  type: string,
): Promise<Blob> {
  const now = clock.now();
  const row: UploadRow = { _id: newUploadBlobId(now.getTime()), account, body: staged.ref, type, at: now };
  const options = { deadline: now.getTime() + TRANSACTION_LIMIT_MS, now: () => clock.now().getTime() };
  await orUnavailable(() =>
    runTransaction(database, options, async (session, isInDoubt) => {
      const known =
        isInDoubt && (await database.uploads.findOne({ account, _id: row._id }, { session, projection: { _id: 1 } }));
      if (!known) {
        await insertSmallBodies(database, session, [staged], now);
        await database.uploads.insertOne(row, { session });
      }
      return { commit: true, value: undefined };
    }),
  );
  return uploadBlob(row);
}

/**
 * The octets of a blob as a message that can be appended. A whole body is referred to again, and made young for the sweep; a part becomes a body
 * of its own. Refusal 'blobNotFound' when the octets went meanwhile.
 */
export async function stageBlob(bodies: BodyStore, account: AccountId, source: Blob): Promise<StagedBody> {
  const { body, from, to, encoding } = source;
  if (encoding === 'identity' && from === 0 && to === body.size) {
    const kept = await orUnavailable(() => bodies.touch(body.id));
    if (kept === null) throw new Refusal('blobNotFound', 'there is no such blob any more', { details: [source.id] });
    const indexer = new MessageIndexer();
    for await (const octets of bodies.read(body)) indexer.push(octets);
    return { ref: body, index: indexer.finish(), sha256: kept.sha256 };
  }
  const octets = bodies.read(body, { from, to });
  const decoded = encoding === 'identity' ? octets : decodeTransferStream(octets, encoding);
  return bodies.receive(decoded, { maxBytes: to - from, near: account });
}

function uploadBlob(row: UploadRow): Blob {
  const { _id, body, type } = row;
  return { id: _id, body, from: 0, to: body.size, encoding: 'identity', type, name: null };
}

/** '1.2' is the second child of the first child of the root; the only part of a message without multipart is '1' (RFC 3501 §6.4.5). */
export function partAt(root: PartNode, partId: string): PartNode | null {
  if (root.children.length === 0) return partId === '1' ? root : null;
  let node: PartNode | undefined = root;
  for (const number of partId.split('.')) {
    node = node.children[Number(number) - 1];
    if (node === undefined) return null;
  }
  return node;
}
