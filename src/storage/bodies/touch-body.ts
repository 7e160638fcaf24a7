/**
 * Refreshes the age of a body that somebody is about to refer to, so that the sweep lets it live for another grace time.
 * Null: the body is gone (the sweep was faster); whoever asked must bring the octets again.
 */
import type { BodyId } from '../../mail/ids.ts';
import type { Database } from '../mongo/database.ts';
import type { BodyMetadata } from '../mongo/documents.ts';

export async function touchBody(
  database: Pick<Database, 'bodyFiles'>,
  body: BodyId,
  now: Date,
): Promise<BodyMetadata | null> {
  const file = await database.bodyFiles.findOneAndUpdate(
    { _id: body },
    { $max: { 'metadata.touchedAt': now } },
    { returnDocument: 'after', projection: { metadata: 1 } },
  );
  return file?.metadata ?? null;
}
