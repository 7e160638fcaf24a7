/**
 * Whether a message needs SMTPUTF8 on its way: an address or its header holds more than ASCII. A client that only said SMTPUTF8 to be safe is no
 * reason to return its mail from a server without it. RFC 6531 §3.2, §3.3.
 */
import type { MailStore } from '../../storage/mail-store.ts';
import type { QueueEntry } from '../../storage/queue-record.ts';

/** Octets of the header that are looked at. */
const MAX_HEADER_OCTETS = 1024 * 1024;

export async function needsUtf8(
  store: Pick<MailStore, 'readBody'>,
  entry: QueueEntry,
  indices: readonly number[],
): Promise<boolean> {
  const addresses = [entry.sender.address, ...indices.map((index) => entry.recipients[index]!.address)];
  if (addresses.some((address) => /[^\x00-\x7f]/.test(address))) return true;
  if (entry.sender.smtputf8 !== true) return false;
  const to = Math.min(entry.body.size, entry.skip + MAX_HEADER_OCTETS);
  let line = 0;
  for await (const chunk of store.readBody(entry.body, { from: entry.skip, to })) {
    for (const octet of chunk) {
      if (octet >= 0x80) return true;
      if (octet === 10) {
        if (line === 0) return false;
        line = 0;
      } else if (octet !== 13) line += 1;
    }
  }
  return false;
}
