/**
 * Accounts, addresses and domains: who is here, and whose password this is. One directory row an address, keyed by it, so that no look-up is a scatter
 * query; listing accounts and removing one are the named exceptions.
 *
 * Promise: an unknown user, a wrong password and a disabled account are answered alike and in the same time. Failure: Refusal, or Deferral
 * 'unavailable' when MongoDB can't be reached.
 */
import { MongoServerError } from 'mongodb';
import { type Address, addressKey, normaliseDomain, parseAddress, withoutDetail } from '../../mail/address.ts';
import type { AccountId } from '../../mail/ids.ts';
import { Refusal } from '../../mail/refusal.ts';
import type { Clock } from '../../server/clock.ts';
import type { AccountInfo, Directory, NewAccount } from '../mail-store.ts';
import type { Database } from '../mongo/database.ts';
import { type AccountRow, quotaOf } from '../mongo/documents.ts';
import { orUnavailable } from '../mongo/transaction.ts';
import { createAccount } from './create-account.ts';
import { Glimpses } from './glimpses.ts';
import { Passwords } from './passwords.ts';
import { removeAccount } from './remove-account.ts';
import { VerifiedCredentials } from './verified-credentials.ts';

const LIST_LIMIT = 1_000;
/**
 * How long another process may not yet know of a new domain, or that an account was removed or its quota changed. That an address is not there is never
 * remembered: a new account receives at once. Passwords are not concerned: see VerifiedCredentials.
 */
export const DIRECTORY_CACHE_MS = 2_000;

export class AccountDirectory implements Directory {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #passwords = new Passwords();
  readonly #verified: VerifiedCredentials;
  readonly #verifying = new Map<string, Promise<AccountRow | null>>();
  readonly #domains: Glimpses<string, boolean>;
  readonly #resolved: Glimpses<string, AccountInfo>;
  readonly #there: Glimpses<AccountId, true>;

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
    this.#domains = new Glimpses(clock, DIRECTORY_CACHE_MS);
    this.#resolved = new Glimpses(clock, DIRECTORY_CACHE_MS);
    this.#there = new Glimpses(clock, DIRECTORY_CACHE_MS);
    this.#verified = new VerifiedCredentials(clock);
  }

  async createAccount(spec: NewAccount): Promise<AccountInfo> {
    const passwordHash = await this.#passwords.hash(spec.password);
    const row = await orUnavailable(() => createAccount(this.#database, spec, passwordHash, this.#clock.now()));
    // Its address may have been resolved another way until now, without its detail.
    this.#resolved.clear();
    return infoOf(row);
  }

  /** Ascending by id; `after` is the last id of the page before. */
  async listAccounts(
    options: { readonly after?: string; readonly limit?: number } = {},
  ): Promise<readonly AccountInfo[]> {
    const filter = options.after === undefined ? {} : { _id: { $gt: options.after as AccountId } };
    const found = await orUnavailable(() =>
      this.#database.accounts
        .find(filter, { sort: { _id: 1 }, limit: Math.min(options.limit ?? LIST_LIMIT, LIST_LIMIT) })
        .toArray(),
    );
    return found.map(infoOf);
  }

  async findAccount(id: AccountId): Promise<AccountInfo | null> {
    const row = await orUnavailable(() => this.#database.accounts.findOne({ _id: id }));
    return row && this.#seen(row);
  }

  async removeAccount(id: AccountId): Promise<void> {
    try {
      await orUnavailable(() => removeAccount(this.#database, id, this.#clock.now()));
    } finally {
      this.#resolved.clear();
      this.#there.delete(id);
    }
  }

  /** What was verified with the old password is void at once, in every process: see VerifiedCredentials. */
  async setPassword(id: AccountId, password: string): Promise<void> {
    const passwordHash = await this.#passwords.hash(password);
    const done = await orUnavailable(() => this.#database.accounts.updateOne({ _id: id }, { $set: { passwordHash } }));
    if (done.matchedCount === 0) throw new Refusal('notFound', 'there is no such account');
  }

  /** Adding one that exists changes nothing. Refusal 'invalid' when it isn't a domain. */
  async addDomain(domain: string): Promise<void> {
    const name = normaliseDomain(domain);
    if (name === null) throw new Refusal('invalid', 'this is not a domain', { details: ['domain'] });
    await orUnavailable(async () => {
      try {
        await this.#database.domains.insertOne({ _id: name, createdAt: this.#clock.now() });
      } catch (error) {
        if (!(error instanceof MongoServerError && error.code === DUPLICATE_KEY)) throw error;
      }
    });
    this.#domains.delete(name);
  }

  async listDomains(): Promise<readonly string[]> {
    const rows = await orUnavailable(() => this.#database.domains.find({}, { sort: { _id: 1 } }).toArray());
    return rows.map((row) => row._id);
  }

  async isLocalDomain(domain: string): Promise<boolean> {
    const name = normaliseDomain(domain);
    if (name === null) return false;
    const known = this.#domains.get(name);
    if (known !== undefined) return known;
    const row = await orUnavailable(() => this.#database.domains.findOne({ _id: name }, { projection: { _id: 1 } }));
    this.#domains.put(name, row !== null);
    return row !== null;
  }

  /** The quota in the answer may be DIRECTORY_CACHE_MS old: delivery itself has the last word. */
  async resolve(address: Address): Promise<AccountInfo | null> {
    const key = addressKey(address);
    const known = this.#resolved.get(key);
    if (known !== undefined) return known;
    const info = await orUnavailable(async () => {
      const account = await this.#accountOf(address);
      const row = account && (await this.#database.accounts.findOne({ _id: account }));
      return row && this.#seen(row);
    });
    if (info !== null) this.#resolved.put(key, info);
    return info;
  }

  /** Whether there is such an account, or was DIRECTORY_CACHE_MS ago. Every mutation looks again inside its transaction. */
  async isThere(id: AccountId): Promise<boolean> {
    return this.#there.get(id) ?? (await this.findAccount(id)) !== null;
  }

  #seen(row: AccountRow): AccountInfo {
    this.#there.put(row._id, true);
    return infoOf(row);
  }

  async authenticate(address: string, password: string): Promise<AccountInfo> {
    const parsed = parseAddress(address.trim());
    const key = parsed === null ? null : addressKey(parsed);
    const digest = this.#verified.digest(key ?? address, password);
    const row = await orUnavailable(async () => {
      const known = await this.#stillVerified(digest, key);
      if (known !== null) return known;
      // Ten requests of one client with the same credentials cost one argon2.
      const running = this.#verifying.get(digest);
      if (running !== undefined) return running;
      const verifying = this.#verify(digest, key, password).finally(() => this.#verifying.delete(digest));
      this.#verifying.set(digest, verifying);
      return verifying;
    });
    if (row === null) throw new Refusal('authenticationFailed', 'authentication failed');
    return this.#seen(row);
  }

  async #stillVerified(digest: string, key: string | null): Promise<AccountRow | null> {
    const verified = this.#verified.find(digest);
    if (verified === null || key === null) return null;
    const row = await this.#database.accounts.findOne({ _id: verified.account });
    if (row !== null && row.passwordHash === verified.passwordHash && !row.isDisabled && owns(row, key)) return row;
    this.#verified.forget(digest);
    return null;
  }

  async #verify(digest: string, key: string | null, password: string): Promise<AccountRow | null> {
    const entry = key === null ? null : await this.#database.addresses.findOne({ _id: key });
    const row = entry && (await this.#database.accounts.findOne({ _id: entry.account }));
    const isRight = await this.#passwords.verify(row?.passwordHash ?? null, password);
    if (row === null || !isRight || row.isDisabled) return null;
    this.#verified.remember(digest, { account: row._id, passwordHash: row.passwordHash });
    return row;
  }

  async #accountOf(address: Address): Promise<AccountId | null> {
    const bare = withoutDetail(address) ?? address;
    const [exact, plain] = [addressKey(address), addressKey(bare)];
    const found = await this.#database.addresses.find({ _id: { $in: [...new Set([exact, plain])] } }).toArray();
    const entry = found.find((row) => row._id === exact) ?? found[0];
    if (entry !== undefined) return entry.account;
    // RFC 5321 §4.5.1, RFC 2142 §2 and §4: these exist in every domain, in any case.
    if (!/^(?:postmaster|abuse)$/i.test(bare.local)) return null;
    const domain = await this.#database.domains.findOne({ _id: address.domain });
    return domain?.postmaster ?? null;
  }
}
const DUPLICATE_KEY = 11000;

function owns(row: AccountRow, key: string): boolean {
  return row.addresses.some((shown) => {
    const address = parseAddress(shown);
    return address !== null && addressKey(address) === key;
  });
}

function infoOf(row: AccountRow): AccountInfo {
  return { id: row._id, addresses: row.addresses, name: row.name, isDisabled: row.isDisabled, quota: quotaOf(row) };
}
