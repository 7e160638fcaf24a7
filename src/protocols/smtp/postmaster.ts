/**
 * Where `RCPT TO:<Postmaster>` without a domain goes: to the postmaster of the first domain here (RFC 5321 §4.1.1.3, §4.5.1).
 */
import type { Address } from '../../mail/address.ts';
import type { Directory } from '../../storage/mail-store.ts';

export async function postmasterOf(directory: Directory, hostname: string): Promise<Address> {
  const [first] = await directory.listDomains();
  return { local: 'postmaster', domain: first ?? hostname.toLowerCase() };
}
