// Which parts a client shows as the body and which it offers as attachments: the algorithm of RFC 8621 §4.1.4, part
// for part, and `hasAttachment` on top of it. Recursion is bounded by the indexer's depth limit.

import { fileNameOf, type PartNode } from './structure.ts';

export interface BodyParts {
  readonly textBody: readonly PartNode[];
  readonly htmlBody: readonly PartNode[];
  readonly attachments: readonly PartNode[];
}

/** Flattens a structure into the three lists of RFC 8621 §4.1.4. */
export function bodyParts(root: PartNode): BodyParts {
  const textBody: PartNode[] = [];
  const htmlBody: PartNode[] = [];
  const attachments: PartNode[] = [];
  collect([root], 'mixed', false, textBody, htmlBody, attachments);
  return { textBody, htmlBody, attachments };
}

/** RFC 8621 §4.1.4: at least one attachment that is not marked inline. */
export function hasAttachment(root: PartNode): boolean {
  return bodyParts(root).attachments.some((part) => part.disposition?.type !== 'inline');
}

function isInlineMedia(part: PartNode): boolean {
  return part.type === 'image' || part.type === 'audio' || part.type === 'video';
}

function isText(part: PartNode, subtype: 'plain' | 'html'): boolean {
  return part.type === 'text' && part.subtype === subtype;
}

function collect(
  parts: readonly PartNode[],
  multipartType: string,
  isInAlternative: boolean,
  textList: PartNode[] | null,
  htmlList: PartNode[] | null,
  attachments: PartNode[],
): void {
  let textBody = textList;
  let htmlBody = htmlList;
  const textLength = textBody?.length ?? -1;
  const htmlLength = htmlBody?.length ?? -1;
  for (const [index, part] of parts.entries()) {
    if (part.children.length > 0) {
      const isAlternative = isInAlternative || part.subtype === 'alternative';
      collect(part.children, part.subtype, isAlternative, textBody, htmlBody, attachments);
      continue;
    }
    if (!isBodyPart(part, index, multipartType)) {
      attachments.push(part);
      continue;
    }
    if (multipartType === 'alternative') {
      if (isText(part, 'plain')) textBody?.push(part);
      else if (isText(part, 'html')) htmlBody?.push(part);
      else attachments.push(part);
      continue;
    }
    if (isInAlternative) {
      if (isText(part, 'plain')) htmlBody = null;
      if (isText(part, 'html')) textBody = null;
    }
    textBody?.push(part);
    htmlBody?.push(part);
    if ((textBody === null || htmlBody === null) && isInlineMedia(part)) attachments.push(part);
  }
  if (multipartType !== 'alternative' || textBody === null || htmlBody === null) return;
  // Only one of the two was found: it stands for both.
  if (textBody.length === textLength && htmlBody.length !== htmlLength) textBody.push(...htmlBody.slice(htmlLength));
  else if (htmlBody.length === htmlLength && textBody.length !== textLength)
    htmlBody.push(...textBody.slice(textLength));
}

function isBodyPart(part: PartNode, index: number, multipartType: string): boolean {
  if (part.disposition?.type === 'attachment') return false;
  if (!isText(part, 'plain') && !isText(part, 'html') && !isInlineMedia(part)) return false;
  if (index === 0) return true;
  // In multipart/related only the first part is shown; a later text with a file name is taken as attached.
  return multipartType !== 'related' && (isInlineMedia(part) || fileNameOf(part) === null);
}
