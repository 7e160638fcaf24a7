/**
 * Parts from what a client creates (RFC 8621 §4.6): `textBody`, `htmlBody` and `attachments`, or a whole `bodyStructure`, with text in `bodyValues` and the rest in
 * blobs. Fails with SetRefusal: invalidProperties, or blobNotFound with all ids that were not found.
 */
import type { ComposedLeaf, ComposedPart } from '../../../mail/format/compose.ts';
import { messageIdField, textField } from '../../../mail/format/header-fields.ts';
import type { Parameter } from '../../../mail/format/structure.ts';
import { decodeTransferStream } from '../../../mail/format/transfer-decode.ts';
import type { BlobId } from '../../../mail/ids.ts';
import type { AccountStore, MailStore } from '../../../storage/mail-store.ts';
import type { Blob } from '../../../storage/model.ts';
import {
  asBoolean,
  asId,
  asObject,
  asText,
  asUnsigned,
  InvalidValue,
  listOf,
  mapOf,
  ObjectReader,
  type Parser,
} from '../json/object-reader.ts';
import { invalidProperties, SetRefusal } from '../method-error.ts';
import { readPartFields } from './header-input.ts';

export interface PartInput {
  readonly mediaType: string;
  readonly params: readonly Parameter[];
  readonly disposition: { readonly type: string; readonly params: readonly Parameter[] } | null;
  readonly cid: string | null;
  readonly fields: readonly string[];
  readonly content:
    | { readonly kind: 'text'; readonly partId: string }
    | { readonly kind: 'blob'; readonly blobId: BlobId }
    | { readonly kind: 'parts'; readonly parts: readonly PartInput[] };
}

export interface BodyInput {
  readonly root: PartInput | null;
  /** By partId. */
  readonly values: ReadonlyMap<string, string>;
}

const MAX_PARTS = 1_000;
const TOKEN = /^[A-Za-z0-9!#$&^_.+-]{1,127}$/;
const MEDIA_TYPE = /^[A-Za-z0-9!#$&^_.+-]{1,127}\/[A-Za-z0-9!#$&^_.+-]{1,127}$/;

/** Takes the body properties of an Email. `names`: the field names that the Email itself has, which its root part must not repeat. */
export function readBodyInput(reader: ObjectReader, names: Set<string>): BodyInput {
  const values = reader.nullable('bodyValues', mapOf(asBodyValue)) ?? new Map<string, string>();
  const textBody = reader.nullable('textBody', listOf(asPart('text/plain')));
  const htmlBody = reader.nullable('htmlBody', listOf(asPart('text/html')));
  const attachments = reader.nullable('attachments', listOf(asPart(null))) ?? [];
  const structure = reader.nullable('bodyStructure', asPart('text/plain', names));
  if (structure !== null) {
    for (const name of ['textBody', 'htmlBody', 'attachments']) {
      if (reader.has(name)) throw invalidProperties(['bodyStructure', name], `"bodyStructure" excludes "${name}".`);
    }
    checkParts([structure], values);
    return { root: structure, values };
  }
  const text = onlyOne(textBody, 'textBody', 'text/plain');
  const html = onlyOne(htmlBody, 'htmlBody', 'text/html');
  const root = arrange(text, html, attachments);
  if (root !== null) checkParts([root], values);
  return { root, values };
}

/** RFC 8621 §4.6: exactly one part of that type. */
function onlyOne(parts: readonly PartInput[] | null, property: string, mediaType: string): PartInput | null {
  if (parts === null) return null;
  const [part, ...more] = parts;
  if (part === undefined || more.length > 0 || part.mediaType !== mediaType) {
    throw invalidProperties([property], `"${property}" is one part of type ${mediaType}.`);
  }
  return part;
}

/** mixed( alternative( text, related( html, pictures ) ), attachments ), without the levels that hold one part. */
function arrange(text: PartInput | null, html: PartInput | null, attachments: readonly PartInput[]): PartInput | null {
  const isRelated = (part: PartInput): boolean =>
    html !== null && part.cid !== null && part.disposition?.type !== 'attachment';
  const pictures = attachments.filter(isRelated);
  const rest = attachments.filter((part) => !isRelated(part)).map(attached);
  const rich = html === null ? null : multipart('related', [html, ...pictures]);
  const body = multipart(
    'alternative',
    [text, rich].filter((part) => part !== null),
  );
  return multipart('mixed', [...(body === null ? [] : [body]), ...rest]);
}

function multipart(subtype: string, parts: readonly PartInput[]): PartInput | null {
  // A lone attachment must not become the body.
  const isAlone = parts.length === 1 && !(subtype === 'mixed' && parts[0]!.disposition?.type === 'attachment');
  if (parts.length === 0 || isAlone) return parts[0] ?? null;
  const content = { kind: 'parts', parts } as const;
  return { mediaType: `multipart/${subtype}`, params: [], disposition: null, cid: null, fields: [], content };
}

function attached(part: PartInput): PartInput {
  return part.disposition === null ? { ...part, disposition: { type: 'attachment', params: [] } } : part;
}

/** RFC 8621 §4.6: a partId is one of bodyValues, and parts are few. */
function checkParts(roots: readonly PartInput[], values: ReadonlyMap<string, string>): void {
  let count = 0;
  const visit = (part: PartInput): void => {
    count += 1;
    if (count > MAX_PARTS) throw invalidProperties(['bodyStructure'], `At most ${MAX_PARTS} parts.`);
    const { content } = part;
    if (content.kind === 'parts') content.parts.forEach(visit);
    if (content.kind === 'text' && !values.has(content.partId)) {
      throw invalidProperties(['bodyValues'], `There is no body value ${JSON.stringify(content.partId)}.`);
    }
    if (content.kind === 'text' && !part.mediaType.startsWith('text/')) {
      throw invalidProperties(['bodyStructure'], 'A body value is of a text type.');
    }
  };
  roots.forEach(visit);
}

const asBodyValue: Parser<string> = (json, path) => {
  const reader = new ObjectReader(asObject(json, path), path);
  const value = reader.required('value', asText);
  for (const name of ['isEncodingProblem', 'isTruncated']) {
    if (reader.withDefault(name, asBoolean, false)) throw new InvalidValue(`${path}/${name}`, 'must be false');
  }
  reader.finish();
  return value;
};

/** `defaultType` null: that of the blob. */
function asPart(defaultType: string | null, messageFields?: Set<string>): Parser<PartInput> {
  return (json, path) => {
    const reader = new ObjectReader(asObject(json, path), path);
    const partId = reader.nullable('partId', asText);
    const blobId = reader.nullable('blobId', asId);
    const subParts = reader.nullable('subParts', listOf(asPart('text/plain')));
    const given = reader.nullable('type', asMediaType);
    const charset = reader.nullable('charset', asToken);
    const name = reader.nullable('name', asText);
    const disposition = reader.nullable('disposition', asToken);
    const cid = reader.nullable('cid', asContentId);
    const language = reader.nullable('language', listOf(asToken));
    const location = reader.nullable('location', asText);
    const size = reader.nullable('size', asUnsigned);
    const fields = readPartFields(reader, new Set(messageFields));
    reader.finish();
    const mediaType = given ?? (subParts === null ? (defaultType ?? '') : 'multipart/mixed');
    const isMultipart = mediaType.startsWith('multipart/');
    const sources = [partId, blobId, subParts].filter((source) => source !== null).length;
    if (sources !== 1 || (subParts !== null) !== isMultipart) {
      throw new InvalidValue(path, 'has one of partId, blobId and, for a multipart, subParts');
    }
    if (subParts?.length === 0) throw new InvalidValue(`${path}/subParts`, 'must not be empty');
    // RFC 8621 §4.6: the server chooses how to write a body value.
    if (partId !== null && charset !== null) throw new InvalidValue(`${path}/charset`, 'must be omitted with partId');
    if (partId !== null && size !== null) throw new InvalidValue(`${path}/size`, 'must be omitted with partId');
    const content =
      subParts !== null
        ? ({ kind: 'parts', parts: subParts } as const)
        : partId !== null
          ? ({ kind: 'text', partId } as const)
          : ({ kind: 'blob', blobId: blobId as BlobId } as const);
    return {
      mediaType,
      params: [
        ...(charset === null ? [] : [['charset', charset] as const]),
        ...(name === null || isMultipart ? [] : [['name', name] as const]),
      ],
      disposition:
        disposition === null
          ? null
          : { type: disposition.toLowerCase(), params: name === null ? [] : [['filename', name] as const] },
      cid,
      fields: [
        ...(cid === null ? [] : [messageIdField('Content-ID', [cid])]),
        ...(language === null || language.length === 0 ? [] : [textField('Content-Language', language.join(', '))]),
        ...(location === null ? [] : [textField('Content-Location', location)]),
        ...fields,
      ],
      content,
    };
  };
}

const asMediaType: Parser<string> = (json, path) => {
  const type = asText(json, path);
  if (!MEDIA_TYPE.test(type)) throw new InvalidValue(path, 'must be a media type such as text/plain');
  return type.toLowerCase();
};

const asToken: Parser<string> = (json, path) => {
  const token = asText(json, path);
  if (!TOKEN.test(token)) throw new InvalidValue(path, 'must be a token');
  return token;
};

const asContentId: Parser<string> = (json, path) => {
  const id = asText(json, path);
  if (!/^[\x21-\x3b\x3d\x3f-\x7e]{1,900}$/.test(id))
    throw new InvalidValue(path, 'must be a content id without brackets');
  return id;
};

/** Looks the blobs up and gives what `composeMessage` writes. SetRefusal blobNotFound (RFC 8621 §4.6). */
export async function composedPart(
  { root, values }: BodyInput,
  store: MailStore,
  account: AccountStore,
): Promise<ComposedPart> {
  if (root === null) return { kind: 'leaf', mediaType: 'text/plain', body: '' };
  const blobs = new Map<BlobId, Blob>();
  const notFound = new Set<string>();
  const find = async ({ content }: PartInput): Promise<void> => {
    if (content.kind === 'parts') for (const part of content.parts) await find(part);
    if (content.kind !== 'blob' || blobs.has(content.blobId) || notFound.has(content.blobId)) return;
    const blob = await account.blob(content.blobId);
    if (blob === null) notFound.add(content.blobId);
    else blobs.set(content.blobId, blob);
  };
  await find(root);
  if (notFound.size > 0) {
    throw new SetRefusal({ type: 'blobNotFound', description: 'A blob is not there.', notFound: [...notFound] });
  }
  const build = (part: PartInput): ComposedPart => {
    const { content, mediaType, params, fields } = part;
    if (content.kind === 'parts') {
      const subtype = mediaType.slice('multipart/'.length);
      return { kind: 'multipart', subtype, params, fields, parts: content.parts.map(build) };
    }
    const body: ComposedLeaf['body'] =
      content.kind === 'text' ? values.get(content.partId)! : () => octetsOf(store, blobs.get(content.blobId)!);
    const blobType = content.kind === 'blob' ? blobs.get(content.blobId)!.type : '';
    return {
      kind: 'leaf',
      mediaType: mediaType !== '' ? mediaType : MEDIA_TYPE.test(blobType) ? blobType : 'application/octet-stream',
      params,
      fields,
      disposition: part.disposition,
      body,
    };
  };
  return build(root);
}

export function octetsOf(store: MailStore, blob: Blob): AsyncIterable<Buffer> {
  return decodeTransferStream(store.readBody(blob.body, { from: blob.from, to: blob.to }), blob.encoding);
}
