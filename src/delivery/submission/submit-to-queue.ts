/**
 * The Submitter behind SMTP submission and JMAP: ownership checked, header completed, trace on top, recipients on their lanes.
 *
 * The header is held until it is judged, the text passes through: memory is the header and a few chunks. A refused submission leaves nothing.
 */
import { randomBytes } from 'node:crypto';
import { addressKey, formatAddress, parseAddress } from '../../mail/address.ts';
import { type EnvelopeRecipient, type EnvelopeSender, MAX_RECIPIENTS_SUBMISSION } from '../../mail/envelope.ts';
import { Refusal } from '../../mail/refusal.ts';
import type { Clock } from '../../server/clock.ts';
import type { AccountStore, MailStore } from '../../storage/mail-store.ts';
import type { StagedBody } from '../../storage/model.ts';
import { countedOctets, refuseLoop } from '../inbound/receive-to-queue.ts';
import { receivedField, returnPathLine, type TraceOrigin } from '../inbound/trace-fields.ts';
import { type RoutedRecipient, routeRecipient } from '../routing/route-recipient.ts';
import { completeHeader, readSubmittedHeader, type SubmittedHeader } from './complete-header.ts';
import { type SplitMessage, splitHeader } from './split-header.ts';
import type { EmailSubmissionRequest, PreparedSubmission, Submitter } from './submitter.ts';

export interface SubmitterOptions {
  readonly store: MailStore;
  readonly hostname: string;
  readonly maxMessageBytes: number;
  readonly maxRecipients?: number;
  readonly clock: Clock;
}

/** Octets that trace and completion may add to a message of the largest size. */
const HEAD_ROOM_OCTETS = 8 * 1024;
/** Recipients that are looked up at once. */
const PARALLEL_LOOKUPS = 16;

export function createSubmitter(options: SubmitterOptions): Submitter {
  const { store, maxMessageBytes } = options;
  const maxRecipients = options.maxRecipients ?? MAX_RECIPIENTS_SUBMISSION;

  return {
    checkSender,

    async submit(account, octets, { sender, recipients, origin }) {
      if (recipients.length === 0) throw new Refusal('noRecipients', 'no recipients');
      if (recipients.length > maxRecipients) throw new Refusal('tooMany', `more than ${maxRecipients} recipients`);
      const split = await splitHeader(countedOctets(octets, maxMessageBytes));
      const header = await judged(split, async (read) => checkHeaderSender(account, read));
      const id = store.queue.newId(account.account);
      const { staged, skip } = await stage(options, account, split, header, { sender, recipients, origin, id });
      await store.queue.accept({
        id,
        staged,
        skip,
        sender,
        senderAccount: account.account,
        source: 'submission',
        recipients,
      });
      return { id };
    },

    async prepareEmailSubmission(account, request) {
      const split = await splitHeader(store.readBody(request.body));
      let envelope: PreparedSubmission['envelope'] | null = null;
      let recipients: readonly RoutedRecipient[] = [];
      const header = await judged(split, async (read) => {
        envelope = envelopeOf(request, read, maxRecipients);
        await checkSender(account, envelope.mailFrom.address);
        await checkHeaderSender(account, read);
        recipients = await routeAll(store, envelope.rcptTo);
      });
      const sender = envelope!.mailFrom;
      const { staged, skip } = await stage(options, account, split, header, {
        sender,
        recipients,
        origin: request.origin,
        id: randomBytes(9).toString('base64url'),
      });
      return { envelope: envelope!, recipients, staged, skip };
    },
  };
}

async function checkSender(account: AccountStore, mailFrom: string): Promise<void> {
  // RFC 5321 §4.5.5: a mail client may send notifications with the null reverse-path.
  if (mailFrom === '') return;
  if (await account.maySendAs(mailFrom)) return;
  throw new Refusal('forbiddenMailFrom', `not allowed to send as ${mailFrom}`, { details: [mailFrom] });
}

/** RFC 6409 §6.1: whatever the recipient is shown as the sender belongs to the one who is logged in. */
async function checkHeaderSender(account: AccountStore, header: SubmittedHeader): Promise<void> {
  if (header.fromFields > 1) throw new Refusal('forbiddenFrom', 'more than one From field', { details: header.from });
  if (header.from.length === 0) throw new Refusal('forbiddenFrom', 'no address in a From field');
  for (const address of new Set([...header.from, ...header.sender])) {
    if (!(await account.maySendAs(address))) {
      throw new Refusal('forbiddenFrom', `not allowed to send as ${address}`, { details: [address] });
    }
  }
}

/** Reads and judges the header; closes the source when it is refused. */
async function judged(
  split: SplitMessage,
  judge: (header: SubmittedHeader) => Promise<void>,
): Promise<SubmittedHeader> {
  const header = readSubmittedHeader(split.header);
  try {
    await judge(header);
    return header;
  } catch (error) {
    await split.discard();
    throw error;
  }
}

/** RFC 8621 §7: without an envelope, the header says who gets it. Refusals 'noRecipients', 'tooMany', 'invalidRecipients'. */
function envelopeOf(
  request: EmailSubmissionRequest,
  header: SubmittedHeader,
  maxRecipients: number,
): PreparedSubmission['envelope'] {
  const given = request.envelope;
  const mailFrom: EnvelopeSender = given?.mailFrom ?? { address: request.identityEmail };
  const wanted = given?.rcptTo ?? header.recipients.map((address) => ({ address }));
  const rcptTo = new Map<string, EnvelopeRecipient>();
  const invalid: string[] = [];
  for (const recipient of wanted) {
    const address = parseAddress(recipient.address);
    if (address === null) invalid.push(recipient.address);
    else if (!rcptTo.has(addressKey(address))) {
      rcptTo.set(addressKey(address), { ...recipient, address: formatAddress(address) });
    }
  }
  if (invalid.length > 0) throw new Refusal('invalidRecipients', 'not a mail address', { details: invalid });
  if (rcptTo.size === 0) throw new Refusal('noRecipients', 'nobody to send it to');
  if (rcptTo.size > maxRecipients) throw new Refusal('tooMany', `more than ${maxRecipients} recipients`);
  return { mailFrom, rcptTo: [...rcptTo.values()] };
}

/** In the order of `recipients`. Refusal 'invalidRecipients' with those that nobody can be reached by. */
async function routeAll(store: MailStore, recipients: readonly EnvelopeRecipient[]): Promise<RoutedRecipient[]> {
  const routed: RoutedRecipient[] = [];
  const refused: string[] = [];
  for (let from = 0; from < recipients.length; from += PARALLEL_LOOKUPS) {
    const batch = recipients.slice(from, from + PARALLEL_LOOKUPS);
    const routes = await Promise.all(
      batch.map(({ address }) => routeRecipient(store.directory, parseAddress(address)!, { mayRelay: true })),
    );
    for (const [i, route] of routes.entries()) {
      if (route instanceof Refusal) refused.push(batch[i]!.address);
      else routed.push({ ...batch[i]!, ...route });
    }
  }
  if (refused.length > 0) throw new Refusal('invalidRecipients', 'no such user here', { details: refused });
  return routed;
}

async function stage(
  options: SubmitterOptions,
  account: AccountStore,
  split: SplitMessage,
  header: SubmittedHeader,
  facts: {
    readonly sender: EnvelopeSender;
    readonly recipients: readonly RoutedRecipient[];
    readonly origin: TraceOrigin;
    readonly id: string;
  },
): Promise<{ readonly staged: StagedBody; readonly skip: number }> {
  const { store, clock, hostname, maxMessageBytes } = options;
  const now = clock.now();
  const returnPath = returnPathLine(facts.sender.address);
  const received = receivedField({
    origin: facts.origin,
    by: hostname,
    id: facts.id,
    recipients: facts.recipients,
    at: now,
  });
  const domain = header.from[0]?.split('@').at(-1) ?? hostname;
  const completed = completeHeader(header, {
    now,
    messageId: `${randomBytes(15).toString('base64url')}@${/^[A-Za-z0-9.-]+$/.test(domain) ? domain : hostname}`,
  });
  const head = Buffer.concat([returnPath, received, completed]);
  const maxBytes = maxMessageBytes + HEAD_ROOM_OCTETS;
  const staged = await store.receiveBody(split.rest, { maxBytes, head, near: account.account });
  refuseLoop(staged.index.receivedCount);
  return { staged, skip: returnPath.length };
}
