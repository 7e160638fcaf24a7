/**
 * Reads of a message what a search needs of its octets: the decoded header, and which needles its text parts hold. All text parts are read to their
 * end, by their charset and transfer encoding; those of embedded messages too, with the subject and addresses of these. Memory: a few chunks.
 */
import { CharsetDecoder } from '../../mail/format/charset.ts';
import { decodeWords } from '../../mail/format/encoded-words.ts';
import { headerText, parseHeaderBlock } from '../../mail/format/header-block.ts';
import { foldForSearch } from '../../mail/format/search-fold.ts';
import { charsetOf, type PartNode } from '../../mail/format/structure.ts';
import { decodeStructure } from '../../mail/format/structure-codec.ts';
import { createTransferDecoder } from '../../mail/format/transfer-decode.ts';
import type { BodyStore } from '../bodies/body-store.ts';
import type { Facts } from './evaluate.ts';
import { NeedleFinder } from './needle-finder.ts';
import type { SearchRow } from './search-context.ts';

/** What of the octets the search asks for. */
export interface Wanted {
  readonly header: boolean;
  readonly needles: ReadonlySet<string>;
}

type Octets = (from: number, to: number) => AsyncIterable<Buffer> | Iterable<Buffer>;

/** `whole` are the octets where they are at hand. */
export async function readFacts(
  bodies: BodyStore,
  row: Pick<SearchRow, 'body' | 'structure'>,
  wanted: Wanted,
  whole: Buffer | undefined,
): Promise<Facts> {
  const root = decodeStructure(row.structure);
  const octets: Octets =
    whole === undefined ? (from, to) => bodies.read(row.body, { from, to }) : (from, to) => [whole.subarray(from, to)];
  const header = wanted.header ? foldedHeader(await gathered(octets(0, root.bodyStart))) : [];
  const finder = new NeedleFinder(wanted.needles);
  if (wanted.needles.size > 0) await searchParts(root, octets, finder);
  return { header, inBody: finder.found };
}

async function searchParts(node: PartNode, octets: Octets, finder: NeedleFinder): Promise<void> {
  if (finder.isDone) return;
  for (const child of node.children) await searchParts(child, octets, finder);
  if (node.message !== null) {
    const inner = node.message.root;
    finder.begin(false);
    for (const [, value] of foldedHeader(await gathered(octets(inner.headerStart, inner.bodyStart)))) {
      finder.write(`${value}\n`);
    }
    finder.end();
    await searchParts(inner, octets, finder);
  } else if (node.type === 'text' && node.children.length === 0) {
    await searchText(node, octets, finder);
  }
}

async function searchText(node: PartNode, octets: Octets, finder: NeedleFinder): Promise<void> {
  const transfer = createTransferDecoder(node.encoding);
  const charset = new CharsetDecoder(charsetOf(node));
  finder.begin(node.subtype === 'html');
  for await (const piece of octets(node.bodyStart, node.end)) {
    finder.write(charset.write(transfer.write(piece)));
    if (finder.isDone) return;
  }
  finder.write(charset.write(transfer.end()) + charset.end());
  finder.end();
}

function foldedHeader(octets: Buffer): Facts['header'] {
  return parseHeaderBlock(octets).fields.map((field): [string, string] => [
    field.key,
    foldForSearch(decodeWords(headerText(field.value))),
  ]);
}

async function gathered(source: AsyncIterable<Buffer> | Iterable<Buffer>): Promise<Buffer> {
  const all: Buffer[] = [];
  for await (const piece of source) all.push(piece);
  return all.length === 1 ? all[0]! : Buffer.concat(all);
}
