/** An Email as JMAP shows it (RFC 8621 §4.1), with the properties asked for and no others. */
import { emailAddresses } from '../../../mail/format/address-list.ts';
import { bodyParts } from '../../../mail/format/body-parts.ts';
import { formatIsoWithZone, parseDateTime } from '../../../mail/format/date-time.ts';
import { decodeWords } from '../../../mail/format/encoded-words.ts';
import { asMessageIds } from '../../../mail/format/header-forms.ts';
import { parseMessageIds } from '../../../mail/format/message-ids.ts';
import type { Envelope, EnvelopeAddress, PartNode } from '../../../mail/format/structure.ts';
import type { AnswerBudget } from '../answer-budget.ts';
import { leavesOf, type NumberedPart, numberParts, type PartContext, partObject } from './body-part.ts';
import { bodyValues } from './body-values.ts';
import { allHeaders, valueOfHeader } from './header-property.ts';
import type { MessageOctets } from './message-octets.ts';
import type { Wanted } from './wanted.ts';

/** What an Email is made of, be it stored or only parsed. */
export interface EmailSource {
  /** The properties of RFC 8621 §4.1.1, as shown. */
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly envelope: Envelope | undefined;
  readonly summary: { readonly preview: string; readonly hasAttachment: boolean } | undefined;
  readonly structure: PartNode | undefined;
  readonly octets: MessageOctets;
  readonly blobIdOf: (partId: string) => string | null;
}

export async function emailObject(
  source: EmailSource,
  wanted: Wanted,
  budget: AnswerBudget,
): Promise<Record<string, unknown>> {
  const { properties } = wanted;
  const object: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(source.metadata)) if (properties.has(name)) object[name] = value;
  if (source.envelope !== undefined) {
    budget.spend(addressCount(source.envelope) * ADDRESS_OCTETS);
    for (const [name, show] of ENVELOPE_PROPERTIES) if (properties.has(name)) object[name] = show(source.envelope);
  }
  if (source.summary !== undefined) {
    if (properties.has('hasAttachment')) object['hasAttachment'] = source.summary.hasAttachment;
    if (properties.has('preview')) object['preview'] = source.summary.preview;
  }
  if (source.structure !== undefined) {
    await addHeaders(object, source.structure, source.octets, wanted, budget);
    await addBody(object, source.structure, source, wanted, budget);
  }
  return object;
}

const ENVELOPE_PROPERTIES: ReadonlyMap<string, (envelope: Envelope) => unknown> = new Map<
  string,
  (envelope: Envelope) => unknown
>([
  ['messageId', ({ messageId }) => idsOf(messageId)],
  ['inReplyTo', ({ inReplyTo }) => idsOf(inReplyTo)],
  ['sender', ({ sender }) => addressesOf(sender)],
  ['from', ({ from }) => addressesOf(from)],
  ['to', ({ to }) => addressesOf(to)],
  ['cc', ({ cc }) => addressesOf(cc)],
  ['bcc', ({ bcc }) => addressesOf(bcc)],
  ['replyTo', ({ replyTo }) => addressesOf(replyTo)],
  ['subject', ({ subject }) => (subject === null ? null : decodeWords(subject).normalize('NFC'))],
  ['sentAt', ({ date }) => dateOf(date)],
]);

/** About what an address takes in JSON. */
const ADDRESS_OCTETS = 60;

function addressCount({ from, sender, replyTo, to, cc, bcc }: Envelope): number {
  return from.length + sender.length + replyTo.length + to.length + cc.length + bcc.length;
}

function idsOf(text: string | null): readonly string[] | null {
  if (text === null) return null;
  const { ids } = parseMessageIds(text);
  return ids.length === 0 ? null : ids;
}

function addressesOf(addresses: readonly EnvelopeAddress[]): object | null {
  return addresses.length === 0 ? null : emailAddresses(addresses);
}

function dateOf(text: string | null): string | null {
  const sentAt = text === null ? null : parseDateTime(text);
  return sentAt === null ? null : formatIsoWithZone(sentAt);
}

async function addHeaders(
  object: Record<string, unknown>,
  root: PartNode,
  octets: MessageOctets,
  { properties, headers }: Wanted,
  budget: AnswerBudget,
): Promise<void> {
  if (headers.length === 0 && !properties.has('headers') && !properties.has('references')) return;
  const fields = await octets.fields(root);
  if (properties.has('headers')) object['headers'] = allHeaders(fields, budget);
  if (properties.has('references')) {
    const references = fields.findLast(({ key }) => key === 'references');
    object['references'] = references === undefined ? null : asMessageIds(references.value);
  }
  for (const header of headers) object[header.property] = valueOfHeader(header, fields, budget);
}

async function addBody(
  object: Record<string, unknown>,
  root: PartNode,
  { octets, blobIdOf }: EmailSource,
  { properties, body: wanted }: Wanted,
  budget: AnswerBudget,
): Promise<void> {
  const tree = numberParts(root);
  const context: PartContext = { octets, wanted, blobIdOf, budget };
  const byNode = new Map([...leavesOf(tree)].map((part) => [part.node, part]));
  const lists = bodyParts(root);
  for (const name of ['textBody', 'htmlBody', 'attachments'] as const) {
    if (!properties.has(name)) continue;
    const parts: object[] = [];
    for (const node of lists[name]) parts.push(await partObject(byNode.get(node)!, context, false));
    object[name] = parts;
  }
  if (properties.has('bodyStructure')) object['bodyStructure'] = await partObject(tree, context, true);
  if (!properties.has('bodyValues')) return;
  const fetched: NumberedPart[] = [];
  if (wanted.fetchAll) fetched.push(...leavesOf(tree));
  if (wanted.fetchText) fetched.push(...lists.textBody.map((node) => byNode.get(node)!));
  if (wanted.fetchHtml) fetched.push(...lists.htmlBody.map((node) => byNode.get(node)!));
  object['bodyValues'] = await bodyValues(fetched, octets, wanted.maxBodyValueBytes, budget);
}
