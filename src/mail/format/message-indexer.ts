// The streaming MIME indexer: octets in, `MessageIndex` out. Any split of the octets gives the same index. Never throws
// on any input: what is broken or beyond a limit becomes an opaque leaf and is named in `defects`. Memory: the header
// being read (at most 1 MB), the first kilobytes of the first text parts, and the tree itself; bodies pass through.
// A boundary line is exactly "--", the boundary, an optional "--", and blanks: a longer boundary that begins with a
// shorter one (RFC 2046 §5.1.1 would take the prefix) is never mistaken for it. RFC 2045, RFC 2046, RFC 5322

import { hasAttachment } from './body-parts.ts';
import { envelopeOf, type FieldsByName, fieldsByName, headerValues, noteEightBit } from './envelope-fields.ts';
import { parseHeaderBlock } from './header-block.ts';
import * as limits from './limits.ts';
import { type LineEvents, LineScanner } from './line-scanner.ts';
import { OctetBuffer } from './octet-buffer.ts';
import { OpenParts } from './open-parts.ts';
import { becomeOpaque, becomePlainText, opaquePart, type PartDraft, partFromHeader } from './part-header.ts';
import { isPreviewable, PreviewSource } from './preview.ts';
import type { Defect, MessageIndex } from './structure.ts';
import { isIdentityEncoding } from './transfer-decode.ts';

/** Indexes octets that are all there. */
export function indexMessage(octets: Buffer): MessageIndex {
  const indexer = new MessageIndexer();
  indexer.push(octets);
  return indexer.finish();
}

export class MessageIndexer {
  readonly #tree = new TreeBuilder();

  /** Takes the next octets; the buffer is not kept. */
  push(chunk: Buffer): void {
    this.#tree.scanner.push(chunk);
  }

  /** The index; call once, after the last chunk. */
  finish(): MessageIndex {
    const { scanner } = this.#tree;
    scanner.finish();
    const { size, lines } = scanner;
    const { defects, root, fields, previews } = this.#tree.finish(size);
    if (scanner.bareLineFeeds > 0) defects.add('bare-line-feed');
    if (scanner.hasNul) defects.add('nul-octet');
    const values = headerValues(fields, defects);
    let preview = '';
    for (const source of previews) preview ||= source.text();
    return {
      root,
      size,
      crlfSize: size + scanner.bareLineFeeds,
      lines,
      bodyStart: root.bodyStart,
      ...values,
      preview,
      hasAttachment: hasAttachment(root),
      defects: [...defects].sort(),
    };
  }
}

/** Turns the scanner's events into the tree of parts. */
class TreeBuilder implements LineEvents {
  readonly scanner = new LineScanner(this);
  /** Whether the header of a part is being read; false in bodies, preambles and epilogues. */
  isHeader = true;
  readonly #open = new OpenParts();
  readonly #defects = new Set<Defect>();
  readonly #header = new OctetBuffer();
  #headerStart = 0;
  #headerBudget = limits.MAX_TOTAL_HEADER_OCTETS;
  #partCount = 0;
  #root: PartDraft | null = null;
  #rootFields: FieldsByName = new Map();
  #plain: PreviewSource | null = null;
  #html: PreviewSource | null = null;
  #sink: PreviewSource | null = null;

  mayBeBoundary(third: number): boolean {
    return this.#open.mayBeBoundary(third);
  }

  octets(run: Buffer): void {
    if (this.isHeader) this.#keepHeader(run);
    else if (this.#sink !== null && !this.#sink.isFull) this.#sink.write(run);
  }

  blankLine(end: number): void {
    this.#endHeader(end);
  }

  dashLine(line: Buffer, start: number, end: number, lineEndBefore: number): boolean {
    const match = this.#open.match(line);
    if (match === null) return false;
    // A header that a boundary cuts off: its part has an empty body.
    while (this.isHeader) {
      this.#defects.add('header-without-end');
      this.#endHeader(start);
    }
    this.#sink = null;
    this.#open.closeAbove(match.depth, start, lineEndBefore, this.scanner.lines, this.#defects);
    if (match.isClose) {
      this.#open.closeBoundary();
      return true;
    }
    const spent = this.#spentLimit();
    if (spent !== null) {
      this.#defects.add(spent);
      this.#open.forgetBoundaries();
      this.#attach(opaquePart(end, end));
      return true;
    }
    this.#beginHeader(end);
    return true;
  }

  finish(size: number): {
    root: PartDraft;
    fields: FieldsByName;
    defects: Set<Defect>;
    previews: readonly PreviewSource[];
  } {
    while (this.isHeader) {
      if (size > 0) this.#defects.add('header-without-end');
      this.#endHeader(size);
    }
    this.#open.closeAbove(-1, size, 0, this.scanner.lines, this.#defects);
    const previews = [this.#plain, this.#html].filter((source) => source !== null);
    return { root: this.#root!, fields: this.#rootFields, defects: this.#defects, previews };
  }

  #beginHeader(start: number): void {
    this.isHeader = true;
    this.#headerStart = start;
  }

  #keepHeader(run: Buffer): void {
    const maxLength = Math.min(limits.MAX_HEADER_OCTETS, this.#headerBudget);
    if (!this.#header.append(run, maxLength)) this.#defects.add('header-too-large');
  }

  #endHeader(bodyStart: number): void {
    this.isHeader = false;
    const octets = this.#header.take();
    this.#headerBudget -= octets.length;
    const block = parseHeaderBlock(octets);
    if (block.malformedLines > 0) this.#defects.add('header-malformed');
    if (block.isCut) this.#defects.add('too-many-fields');
    noteEightBit(octets, this.#defects);
    const fields = fieldsByName(block.fields);
    const part = partFromHeader(fields, this.#headerStart, bodyStart, this.#open.isInDigest);
    if (part.params.length >= limits.MAX_PARAMETERS) this.#defects.add('too-many-parameters');
    if (this.#root === null) {
      this.#root = part;
      this.#rootFields = fields;
    }
    const parent = this.#open.top;
    if (parent !== null && parent.kind === 'message') {
      parent.part.message = { envelope: envelopeOf(fields, this.#defects), root: part };
    }
    this.#attach(part);
  }

  /** Hangs the part into the tree and decides what its body is. */
  #attach(part: PartDraft): void {
    this.#partCount += 1;
    const parent = this.#open.top;
    if (parent !== null && parent.kind === 'multipart') parent.part.children.push(part);
    if (part.type === 'multipart') this.#openMultipart(part);
    else if (part.type === 'message' && (part.subtype === 'rfc822' || part.subtype === 'global'))
      this.#openMessage(part);
    else this.#openLeaf(part);
  }

  #openMultipart(part: PartDraft): void {
    const boundary = boundaryOf(part);
    if (boundary === '' || boundary.length > limits.MAX_BOUNDARY_LENGTH) {
      // RFC 2046 §5.1.1 wants a boundary; without one the body can only be shown as it is (RFC 2045 §5.2).
      this.#defects.add(boundary === '' ? 'boundary-missing' : 'boundary-too-long');
      becomePlainText(part);
      this.#openLeaf(part);
    } else if (this.#open.depth >= limits.MAX_DEPTH) {
      this.#openTooDeep(part);
    } else {
      this.#open.push({ kind: 'multipart', part, boundary, firstLine: this.scanner.lines });
    }
  }

  #openMessage(part: PartDraft): void {
    const spent = this.#spentLimit();
    if (!isIdentityEncoding(part.encoding)) {
      this.#defects.add('message-encoded');
      this.#openLeaf(part);
    } else if (this.#open.depth >= limits.MAX_DEPTH) {
      this.#openTooDeep(part);
    } else if (spent !== null) {
      this.#defects.add(spent);
      becomeOpaque(part);
      this.#openLeaf(part);
    } else {
      this.#open.push({ kind: 'message', part, boundary: null, firstLine: this.scanner.lines });
      this.#beginHeader(part.bodyStart);
    }
  }

  /** What forbids one more part: the last one allowed holds the opaque rest. */
  #spentLimit(): Defect | null {
    if (this.#partCount >= limits.MAX_PARTS - 1) return 'too-many-parts';
    return this.#headerBudget <= 0 ? 'header-too-large' : null;
  }

  #openTooDeep(part: PartDraft): void {
    this.#defects.add('too-deep');
    becomeOpaque(part);
    this.#openLeaf(part);
  }

  #openLeaf(part: PartDraft): void {
    const isEmbedded = this.#open.isInMessage;
    this.#open.push({ kind: 'leaf', part, boundary: null, firstLine: this.scanner.lines });
    if (isEmbedded || !isPreviewable(part)) return;
    if (part.subtype === 'html' ? this.#html !== null : this.#plain !== null) return;
    this.#sink = new PreviewSource(part);
    if (part.subtype === 'html') this.#html = this.#sink;
    else this.#plain = this.#sink;
  }
}

/** As written: a boundary is compared octet by octet, so nothing in it is decoded. */
function boundaryOf(part: PartDraft): string {
  for (const [name, value] of part.rawParams ?? part.params) if (name === 'boundary') return value.trimEnd();
  return '';
}
