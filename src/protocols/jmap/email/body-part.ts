/** EmailBodyPart objects (RFC 8621 §4.1.4). */
import { charsetOf, fileNameOf, mediaTypeOf, type PartNode } from '../../../mail/format/structure.ts';
import type { AnswerBudget } from '../answer-budget.ts';
import { decodedSize } from './decoded-size.ts';
import { allHeaders, valueOfHeader } from './header-property.ts';
import type { MessageOctets } from './message-octets.ts';
import type { WantedBody } from './wanted.ts';

/** A part with its number: the dotted one of IMAP (RFC 3501 §6.4.5), which the store knows too. Null for a multipart. */
export interface NumberedPart {
  readonly node: PartNode;
  readonly partId: string | null;
  readonly children: readonly NumberedPart[];
}

export function numberParts(root: PartNode): NumberedPart {
  return root.children.length === 0
    ? { node: root, partId: '1', children: [] }
    : { node: root, partId: null, children: root.children.map((child, index) => numbered(child, `${index + 1}`)) };
}

function numbered(node: PartNode, partId: string): NumberedPart {
  return node.children.length === 0
    ? { node, partId, children: [] }
    : { node, partId: null, children: node.children.map((child, index) => numbered(child, `${partId}.${index + 1}`)) };
}

/** Depth first. */
export function* leavesOf(part: NumberedPart): Generator<NumberedPart> {
  if (part.partId !== null) yield part;
  for (const child of part.children) yield* leavesOf(child);
}

export interface PartContext {
  readonly budget: AnswerBudget;
  readonly octets: MessageOctets;
  readonly wanted: WantedBody;
  readonly blobIdOf: (partId: string) => string | null;
}

/** About what a part takes in JSON. */
const PART_OCTETS = 300;

/** `hasSubParts`: for bodyStructure, whose multiparts are shown with what they hold. */
export async function partObject(
  part: NumberedPart,
  context: PartContext,
  hasSubParts: boolean,
): Promise<Record<string, unknown>> {
  const { node, partId, children } = part;
  const { octets, wanted, blobIdOf, budget } = context;
  budget.spend(PART_OCTETS);
  const { properties } = wanted;
  const object: Record<string, unknown> = {};
  const show = (name: string, value: unknown): void => {
    if (properties.has(name)) object[name] = value;
  };
  show('partId', partId);
  show('blobId', partId === null ? null : blobIdOf(partId));
  if (properties.has('size')) object['size'] = partId === null ? 0 : await decodedSize(node, octets);
  show('name', fileNameOf(node));
  show('type', mediaTypeOf(node));
  show('charset', charsetShown(node));
  show('disposition', node.disposition?.type ?? null);
  show('cid', node.id === null ? null : node.id.trim().replace(/^<|>$/g, ''));
  show('language', node.language.length === 0 ? null : node.language);
  show('location', node.location);
  if (properties.has('headers')) object['headers'] = allHeaders(await octets.fields(node), budget);
  for (const header of wanted.headers)
    object[header.property] = valueOfHeader(header, await octets.fields(node), budget);
  if (hasSubParts && partId === null) {
    const subParts: object[] = [];
    for (const child of children) subParts.push(await partObject(child, context, true));
    object['subParts'] = subParts;
  } else {
    show('subParts', null);
  }
  return object;
}

/** RFC 8621 §4.1.4: text without a charset is us-ascii, as MIME says. */
function charsetShown(node: PartNode): string | null {
  return charsetOf(node) ?? (node.type === 'text' ? 'us-ascii' : null);
}
