// Stores the structure and the envelope of a message as one compact JSON string each: nested arrays, defaults
// left out. `decode(encode(x))` gives x back. Decoding runs for every FETCH of BODYSTRUCTURE and must stay cheap;
// it trusts its input, which is only ever our own.

import type { Disposition, Envelope, EnvelopeAddress, Parameter, PartNode } from './structure.ts';

/** 0 stands for "nothing" everywhere: it is shorter than null and never a value. */
type Maybe<T> = T | 0;
type PackedParams = readonly string[];
type PackedDisposition = string | readonly [type: string, params: PackedParams, raw?: PackedParams];
type PackedAddresses = readonly Maybe<string>[];
type PackedEnvelope = readonly Maybe<string | PackedAddresses>[];
type PackedRare = readonly [
  raw: Maybe<PackedParams>,
  description: Maybe<string>,
  language: Maybe<readonly string[]>,
  location: Maybe<string>,
  md5: Maybe<string>,
];
type PackedPart = readonly [
  mediaType: string,
  headerStart: number,
  headerLength: number,
  bodyLength: number,
  /** The number of lines plus one, 0 for none. */
  lines?: number,
  params?: Maybe<PackedParams>,
  encoding?: Maybe<string>,
  disposition?: Maybe<PackedDisposition>,
  id?: Maybe<string>,
  children?: Maybe<readonly PackedPart[]>,
  message?: Maybe<readonly [PackedEnvelope, PackedPart]>,
  rare?: Maybe<PackedRare>,
];

/** One JSON string for the tree of parts, embedded messages with their envelopes included. */
export function encodeStructure(node: PartNode): string {
  return JSON.stringify(packPart(node));
}

/** The tree back from `encodeStructure`. */
export function decodeStructure(encoded: string): PartNode {
  return unpackPart(JSON.parse(encoded) as PackedPart);
}

/** One JSON string for an envelope. */
export function encodeEnvelope(envelope: Envelope): string {
  return JSON.stringify(packEnvelope(envelope));
}

/** The envelope back from `encodeEnvelope`. */
export function decodeEnvelope(encoded: string): Envelope {
  return unpackEnvelope(JSON.parse(encoded) as PackedEnvelope);
}

const NO_PARAMS: readonly Parameter[] = Object.freeze([]);
const NO_CHILDREN: readonly PartNode[] = Object.freeze([]);
const NO_LANGUAGE: readonly string[] = Object.freeze([]);
const NO_ADDRESSES: readonly EnvelopeAddress[] = Object.freeze([]);

function packPart(node: PartNode): PackedPart {
  const hasRare =
    node.rawParams || node.description !== null || node.language.length || node.location !== null || node.md5 !== null;
  const packed: unknown[] = [
    `${node.type}/${node.subtype}`,
    node.headerStart,
    node.bodyStart - node.headerStart,
    node.end - node.bodyStart,
    node.lines === null ? 0 : node.lines + 1,
    packParams(node.params),
    node.encoding === '7bit' ? 0 : node.encoding,
    packDisposition(node.disposition),
    node.id ?? 0,
    node.children.length === 0 ? 0 : node.children.map(packPart),
    node.message === null ? 0 : [packEnvelope(node.message.envelope), packPart(node.message.root)],
    hasRare
      ? [
          node.rawParams === null ? 0 : flatten(node.rawParams),
          node.description ?? 0,
          node.language.length === 0 ? 0 : node.language,
          node.location ?? 0,
          node.md5 ?? 0,
        ]
      : 0,
  ];
  while (packed.length > 4 && packed[packed.length - 1] === 0) packed.pop();
  return packed as unknown as PackedPart;
}

function unpackPart(packed: PackedPart): PartNode {
  const slash = packed[0].indexOf('/');
  const bodyStart = packed[1] + packed[2];
  const rare = packed[11] || null;
  const message = packed[10] || null;
  return {
    type: packed[0].slice(0, slash),
    subtype: packed[0].slice(slash + 1),
    params: unpackParams(packed[5]),
    rawParams: rare?.[0] ? unpackParams(rare[0]) : null,
    id: textOrNull(packed[8]),
    description: rare === null ? null : textOrNull(rare[1]),
    encoding: typeof packed[6] === 'string' ? packed[6] : '7bit',
    disposition: unpackDisposition(packed[7]),
    language: rare?.[2] ? rare[2] : NO_LANGUAGE,
    location: rare === null ? null : textOrNull(rare[3]),
    md5: rare === null ? null : textOrNull(rare[4]),
    headerStart: packed[1],
    bodyStart,
    end: bodyStart + packed[3],
    lines: packed[4] ? packed[4] - 1 : null,
    children: packed[9] ? packed[9].map(unpackPart) : NO_CHILDREN,
    message: message === null ? null : { envelope: unpackEnvelope(message[0]), root: unpackPart(message[1]) },
  };
}

function textOrNull(value: Maybe<string> | undefined): string | null {
  return typeof value === 'string' ? value : null;
}

function flatten(params: readonly Parameter[]): string[] {
  const flat: string[] = [];
  for (const [name, value] of params) flat.push(name, value);
  return flat;
}

function packParams(params: readonly Parameter[]): Maybe<PackedParams> {
  return params.length === 0 ? 0 : flatten(params);
}

function unpackParams(packed: Maybe<PackedParams> | undefined): readonly Parameter[] {
  if (!packed) return NO_PARAMS;
  const params: Parameter[] = [];
  for (let i = 0; i + 1 < packed.length; i += 2) params.push([packed[i]!, packed[i + 1]!]);
  return params;
}

function packDisposition(disposition: Disposition | null): Maybe<PackedDisposition> {
  if (disposition === null) return 0;
  if (disposition.rawParams !== null) {
    return [disposition.type, flatten(disposition.params), flatten(disposition.rawParams)];
  }
  return disposition.params.length === 0 ? disposition.type : [disposition.type, flatten(disposition.params)];
}

function unpackDisposition(packed: Maybe<PackedDisposition> | undefined): Disposition | null {
  if (packed === undefined || packed === 0) return null;
  if (typeof packed === 'string') return { type: packed, params: NO_PARAMS, rawParams: null };
  return {
    type: packed[0],
    params: unpackParams(packed[1]),
    rawParams: packed[2] === undefined ? null : unpackParams(packed[2]),
  };
}

/** Four slots per address: name, mailbox, host, route. */
function packAddresses(addresses: readonly EnvelopeAddress[]): Maybe<PackedAddresses> {
  if (addresses.length === 0) return 0;
  const flat: Maybe<string>[] = [];
  for (const a of addresses) flat.push(a.name ?? 0, a.mailbox ?? 0, a.host ?? 0, a.route ?? 0);
  return flat;
}

function unpackAddresses(packed: Maybe<string | PackedAddresses> | undefined): readonly EnvelopeAddress[] {
  if (!packed || typeof packed === 'string') return NO_ADDRESSES;
  const addresses: EnvelopeAddress[] = [];
  for (let i = 0; i + 3 < packed.length; i += 4) {
    addresses.push({
      name: textOrNull(packed[i]),
      route: textOrNull(packed[i + 3]),
      mailbox: textOrNull(packed[i + 1]),
      host: textOrNull(packed[i + 2]),
    });
  }
  return addresses;
}

function packEnvelope(e: Envelope): PackedEnvelope {
  const packed: Maybe<string | PackedAddresses>[] = [
    e.date ?? 0,
    e.subject ?? 0,
    e.messageId ?? 0,
    packAddresses(e.from),
    packAddresses(e.to),
    packAddresses(e.cc),
    e.inReplyTo ?? 0,
    packAddresses(e.sender),
    packAddresses(e.replyTo),
    packAddresses(e.bcc),
  ];
  while (packed.length > 0 && packed[packed.length - 1] === 0) packed.pop();
  return packed;
}

function unpackEnvelope(packed: PackedEnvelope): Envelope {
  return {
    date: textOrNull(packed[0] as Maybe<string>),
    subject: textOrNull(packed[1] as Maybe<string>),
    from: unpackAddresses(packed[3]),
    sender: unpackAddresses(packed[7]),
    replyTo: unpackAddresses(packed[8]),
    to: unpackAddresses(packed[4]),
    cc: unpackAddresses(packed[5]),
    bcc: unpackAddresses(packed[9]),
    inReplyTo: textOrNull(packed[6] as Maybe<string>),
    messageId: textOrNull(packed[2] as Maybe<string>),
  };
}
