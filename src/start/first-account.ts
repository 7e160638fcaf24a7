/**
 * The account of the first run: made when there is no account yet, with a random password that is kept in a file only its owner can read.
 * The file is written first: a crash in between leaves a password without an account, and the next start uses it.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAddress } from '../mail/address.ts';
import { Refusal } from '../mail/refusal.ts';
import { type Config, ConfigError } from '../server/config.ts';
import type { Directory } from '../storage/mail-store.ts';

export interface FirstAccount {
  readonly address: string;
  readonly passwordFile: string;
  readonly isNew: boolean;
}

const PASSWORD_OCTETS = 12;

/** Null when none is wanted, or when the accounts were made in another way. @throws ConfigError for an address that is none. */
export async function provideFirstAccount(directory: Directory, config: Config): Promise<FirstAccount | null> {
  const text = config.firstAccount.address;
  if (text === null) return null;
  const address = parseAddress(text);
  if (!address) throw new ConfigError(`firstAccount.address: ${text} is no mail address.`);
  const passwordFile = join(config.data, 'first-account-password');
  const found = await directory.listAccounts({ limit: 1 });
  if (found.length > 0)
    return existsSync(passwordFile) && (await directory.resolve(address))
      ? { address: text, passwordFile, isNew: false }
      : null;
  const password = existingPassword(passwordFile) ?? newPassword(passwordFile);
  try {
    await directory.addDomain(address.domain);
    await directory.createAccount({ address, password });
  } catch (cause) {
    // Another process that started at the same moment was first.
    if (cause instanceof Refusal && cause.code === 'alreadyExists') return null;
    throw cause;
  }
  return { address: text, passwordFile, isNew: true };
}

function existingPassword(file: string): string | null {
  return existsSync(file) ? readFileSync(file, 'utf8').trim() : null;
}

function newPassword(file: string): string {
  const password = randomBytes(PASSWORD_OCTETS).toString('base64url');
  mkdirSync(join(file, '..'), { recursive: true, mode: 0o700 });
  writeFileSync(file, `${password}\n`, { mode: 0o600, flag: 'wx' });
  return password;
}
