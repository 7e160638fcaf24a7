// The preview of a message: the first text that a reader would see, at most 256 characters, white space collapsed,
// quoted lines and signature left out, invisible filler removed. Works on the first octets of the first plain and
// the first HTML part, whichever the indexer met. RFC 8621 §4.1.4, RFC 8970 §3.2.1

import { decodeCharset } from './charset.ts';
import { htmlToText } from './html-text.ts';
import { MAX_PREVIEW_LENGTH, PREVIEW_HTML_OCTETS, PREVIEW_PLAIN_OCTETS } from './limits.ts';
import { OctetBuffer } from './octet-buffer.ts';
import { charsetOf, type PartNode } from './structure.ts';
import { decodeTransfer } from './transfer-decode.ts';

/** Gathers the first encoded octets of one text part; the rest is counted as seen and dropped. */
export class PreviewSource {
  readonly node: PartNode;
  readonly isHtml: boolean;
  readonly #maxOctets: number;
  readonly #octets = new OctetBuffer();

  constructor(node: PartNode) {
    this.node = node;
    this.isHtml = node.subtype === 'html';
    this.#maxOctets = this.isHtml ? PREVIEW_HTML_OCTETS : PREVIEW_PLAIN_OCTETS;
  }

  get isFull(): boolean {
    return this.#octets.length >= this.#maxOctets;
  }

  /** Copies what it keeps. */
  write(octets: Buffer): void {
    this.#octets.append(octets, this.#maxOctets);
  }

  /** The preview text of this part, once; empty when it holds nothing to read. */
  text(): string {
    const octets = decodeTransfer(this.#octets.take(), this.node.encoding);
    const { text } = decodeCharset(octets, charsetOf(this.node));
    return previewOfText(this.isHtml ? htmlToText(text, 4 * MAX_PREVIEW_LENGTH) : readableLines(text));
  }
}

/** Whether a part may give the preview: text that is shown, not attached. */
export function isPreviewable(node: PartNode): boolean {
  if (node.type !== 'text' || (node.subtype !== 'plain' && node.subtype !== 'html')) return false;
  return node.disposition?.type !== 'attachment';
}

/** Collapses white space and cuts at a character. */
export function previewOfText(text: string): string {
  const collapsed = text
    // Soft hyphens, zero-width and direction marks: senders pad previews with them.
    .replace(/\u034f|[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u206a-\u206f\ufeff\ufffd]/g, '')
    .replace(/[\s\u0000-\u001f\u007f\u2800]+/g, ' ')
    .trim();
  if (collapsed.length <= MAX_PREVIEW_LENGTH) return collapsed;
  const cut = collapsed.charCodeAt(MAX_PREVIEW_LENGTH - 1);
  const isHalfPair = cut >= 0xd800 && cut <= 0xdbff;
  return collapsed.slice(0, MAX_PREVIEW_LENGTH - (isHalfPair ? 1 : 0)).trimEnd();
}

/** Lines that are neither quotes nor below a signature mark; all lines when nothing else is there. */
function readableLines(text: string): string {
  const lines = text.split('\n');
  const signature = lines.findIndex((line) => line === '-- ' || line === '-- \r');
  const body = signature > 0 ? lines.slice(0, signature) : lines;
  const own = body.filter((line) => !line.startsWith('>')).join('\n');
  return own.trim() === '' ? text : own;
}
