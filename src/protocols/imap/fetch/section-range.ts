/**
 * Where a section lies in the octets of its message (RFC 9051 §6.4.5.1, RFC 3501 §6.4.5). Pure.
 *
 * Part numbers: the parts of a multipart are counted; what is no multipart has a part 1, itself. Inside a message/rfc822 part the numbers go
 * on in the message it holds.
 */
import type { PartNode } from '../../../mail/format/structure.ts';
import type { Partial, Section } from '../grammar/fetch-items.ts';

/** Half-open, in octets of the whole message. */
export interface OctetRange {
  readonly from: number;
  readonly to: number;
}

/** Null: the message has no such part, which is answered NIL. For header fields it is the header block that they are in. */
export function rangeOfSection(root: PartNode, size: number, section: Section): OctetRange | null {
  if (section.path.length === 0) return ofMessage(root, size, section.what);
  const part = findPart(root, section.path);
  if (part === null) return null;
  switch (section.what) {
    case 'all':
      return { from: part.bodyStart, to: part.end };
    case 'mime':
      return { from: part.headerStart, to: part.bodyStart };
    default:
      // HEADER and TEXT of a part are those of the message it holds.
      return part.message === null ? null : ofMessage(part.message.root, part.message.root.end, section.what);
  }
}

function ofMessage(root: PartNode, end: number, what: Section['what']): OctetRange {
  switch (what) {
    case 'all':
      return { from: root.headerStart, to: end };
    case 'text':
      return { from: root.bodyStart, to: end };
    default:
      return { from: root.headerStart, to: root.bodyStart };
  }
}

/** The part of that number, or null. */
export function findPart(root: PartNode, path: readonly number[]): PartNode | null {
  // `node` is a message of which the parts are counted, or a part that may hold some.
  let node = root;
  let isMessage = true;
  for (const number of path) {
    if (!isMessage && node.message !== null) {
      node = node.message.root;
      isMessage = true;
    }
    if (node.children.length > 0) {
      const child = node.children[number - 1];
      if (child === undefined) return null;
      node = child;
    } else if (!isMessage || number !== 1) {
      return null;
    }
    isMessage = false;
  }
  return node;
}

/** `<offset.length>` of a range: what lies beyond the end is cut off, perhaps all of it. */
export function cutRange(range: OctetRange, partial: Partial | null): OctetRange {
  if (partial === null) return range;
  const from = Math.min(range.from + partial.offset, range.to);
  return { from, to: Math.min(from + partial.length, range.to) };
}
