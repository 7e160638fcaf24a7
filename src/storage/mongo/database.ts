/**
 * The connection to MongoDB and its typed collections. Every write is acknowledged by a majority with its journal, every read outside a
 * transaction is of majority-committed data (P1). Fails with Deferral 'unavailable' when the servers can't be reached on opening.
 */
import { type Collection, type Db, MongoClient, type MongoClientOptions } from 'mongodb';
import { Deferral } from '../../mail/refusal.ts';
import {
  type AccountRow,
  type AddressRow,
  type BodyAddressRow,
  type BodyChunkRow,
  type BodyFileRow,
  type BodyUnfinishedRow,
  type ChangeLogRow,
  COLLECTIONS,
  type DomainRow,
  type IdentityRow,
  type MailboxRow,
  type MessageRow,
  type MetaRow,
  type QueueRow,
  type SubmissionRow,
  type UploadRow,
} from './documents.ts';

export interface Database {
  readonly client: MongoClient;
  readonly db: Db;
  readonly accounts: Collection<AccountRow>;
  readonly addresses: Collection<AddressRow>;
  readonly domains: Collection<DomainRow>;
  readonly mailboxes: Collection<MailboxRow>;
  readonly messages: Collection<MessageRow>;
  readonly changes: Collection<ChangeLogRow>;
  readonly identities: Collection<IdentityRow>;
  readonly submissions: Collection<SubmissionRow>;
  readonly uploads: Collection<UploadRow>;
  readonly bodyFiles: Collection<BodyFileRow>;
  readonly bodyChunks: Collection<BodyChunkRow>;
  readonly bodyAddresses: Collection<BodyAddressRow>;
  readonly bodyUnfinished: Collection<BodyUnfinishedRow>;
  readonly queue: Collection<QueueRow>;
  readonly meta: Collection<MetaRow>;
}

export interface DatabaseOptions {
  readonly uri: string;
  /** Name of the database. */
  readonly database: string;
  /** How long an operation waits for a server that can take it. */
  readonly serverSelectionMs?: number;
  /** For tests: command monitoring, fail points. */
  readonly client?: MongoClientOptions;
}

const SERVER_SELECTION_MS = 10_000;

/** Connects and hands out the collections; makes nothing: see `prepareDatabase` in indexes.ts. */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  const client = new MongoClient(options.uri, {
    appName: 'waxwing',
    writeConcern: { w: 'majority', journal: true },
    readConcern: { level: 'majority' },
    readPreference: 'primary',
    retryWrites: true,
    retryReads: true,
    ignoreUndefined: true,
    serverSelectionTimeoutMS: options.serverSelectionMs ?? SERVER_SELECTION_MS,
    ...options.client,
  });
  try {
    await client.connect();
  } catch (cause) {
    await client.close();
    throw new Deferral('unavailable', 'the mail store is not available', { cause });
  }
  const db = client.db(options.database);
  return {
    client,
    db,
    accounts: db.collection<AccountRow>(COLLECTIONS.accounts),
    addresses: db.collection<AddressRow>(COLLECTIONS.addresses),
    domains: db.collection<DomainRow>(COLLECTIONS.domains),
    mailboxes: db.collection<MailboxRow>(COLLECTIONS.mailboxes),
    messages: db.collection<MessageRow>(COLLECTIONS.messages),
    changes: db.collection<ChangeLogRow>(COLLECTIONS.changes),
    identities: db.collection<IdentityRow>(COLLECTIONS.identities),
    submissions: db.collection<SubmissionRow>(COLLECTIONS.submissions),
    uploads: db.collection<UploadRow>(COLLECTIONS.uploads),
    bodyFiles: db.collection<BodyFileRow>(COLLECTIONS.bodyFiles),
    bodyChunks: db.collection<BodyChunkRow>(COLLECTIONS.bodyChunks),
    bodyAddresses: db.collection<BodyAddressRow>(COLLECTIONS.bodyAddresses),
    bodyUnfinished: db.collection<BodyUnfinishedRow>(COLLECTIONS.bodyUnfinished),
    queue: db.collection<QueueRow>(COLLECTIONS.queue),
    meta: db.collection<MetaRow>(COLLECTIONS.meta),
  };
}
