/** What an Email/get or Email/parse asks for, taken from its arguments (RFC 8621 §4.2), and what must be read to answer it. */
import type { MessageField } from '../../../storage/model.ts';
import { asBoolean, asUnsigned, InvalidValue, type ObjectReader } from '../json/object-reader.ts';
import { asPropertyNames } from '../standard/get.ts';
import { type HeaderProperty, parseHeaderProperty } from './header-property.ts';

/** RFC 8621 §4.1.1. */
const METADATA = ['id', 'blobId', 'threadId', 'mailboxIds', 'keywords', 'size', 'receivedAt'] as const;
/** RFC 8621 §4.1.3: shown from the envelope. */
const FROM_ENVELOPE = [
  'messageId',
  'inReplyTo',
  'sender',
  'from',
  'to',
  'cc',
  'bcc',
  'replyTo',
  'subject',
  'sentAt',
] as const;
const FROM_SUMMARY = ['hasAttachment', 'preview'] as const;
/** RFC 8621 §4.1.4. */
const FROM_STRUCTURE = ['bodyStructure', 'bodyValues', 'textBody', 'htmlBody', 'attachments'] as const;

const PLAIN: ReadonlySet<string> = new Set([
  ...METADATA,
  ...FROM_ENVELOPE,
  'references',
  'headers',
  ...FROM_SUMMARY,
  ...FROM_STRUCTURE,
]);
/** RFC 8621 §4.2: without `properties`. */
const DEFAULT_PROPERTIES: ReadonlySet<string> = new Set(
  [...PLAIN].filter((name) => name !== 'headers' && name !== 'bodyStructure'),
);

const BODY_PROPERTIES: ReadonlySet<string> = new Set([
  'partId',
  'blobId',
  'size',
  'headers',
  'name',
  'type',
  'charset',
  'disposition',
  'cid',
  'language',
  'location',
  'subParts',
]);
const DEFAULT_BODY_PROPERTIES: ReadonlySet<string> = new Set(
  [...BODY_PROPERTIES].filter((name) => name !== 'headers' && name !== 'subParts'),
);

export interface WantedBody {
  readonly properties: ReadonlySet<string>;
  readonly headers: readonly HeaderProperty[];
  readonly fetchText: boolean;
  readonly fetchHtml: boolean;
  readonly fetchAll: boolean;
  /** 0: no bound. */
  readonly maxBodyValueBytes: number;
}

export interface Wanted {
  readonly properties: ReadonlySet<string>;
  readonly headers: readonly HeaderProperty[];
  readonly body: WantedBody;
  readonly fields: readonly MessageField[];
  /** Octets of the message itself are needed. */
  readonly needsOctets: boolean;
}

export const isEmailProperty = (name: string): boolean => PLAIN.has(name) || parseHeaderProperty(name) !== null;

/** `defaults`: what comes without `properties`. */
export function readWanted(
  args: ObjectReader,
  given: ReadonlySet<string> | null,
  defaults: ReadonlySet<string> = DEFAULT_PROPERTIES,
): Wanted {
  const properties = given ?? defaults;
  const headers = headersIn(properties);
  const body = readWantedBody(args);
  const has = (names: readonly string[]): boolean => names.some((name) => properties.has(name));
  const needsStructure = has(FROM_STRUCTURE);
  const needsHeader = headers.length > 0 || has(['headers', 'references']);
  const fields: MessageField[] = [];
  if (has(FROM_ENVELOPE)) fields.push('envelope');
  if (has(FROM_SUMMARY)) fields.push('summary');
  if (needsStructure || needsHeader) fields.push('structure');
  const needsParts =
    needsStructure && (has(['bodyStructure', 'textBody', 'htmlBody', 'attachments']) || isFetching(body));
  return { properties, headers, body, fields, needsOctets: needsHeader || needsParts };
}

function isFetching({ fetchText, fetchHtml, fetchAll }: WantedBody): boolean {
  return fetchText || fetchHtml || fetchAll;
}

function readWantedBody(args: ObjectReader): WantedBody {
  const names = args.nullable('bodyProperties', asPropertyNames);
  for (const [index, name] of names?.entries() ?? []) {
    if (!BODY_PROPERTIES.has(name) && parseHeaderProperty(name) === null) {
      throw new InvalidValue(`bodyProperties/${index}`, `${JSON.stringify(name)} is no property of a part`);
    }
  }
  const properties = names === null ? DEFAULT_BODY_PROPERTIES : new Set(names);
  return {
    properties,
    headers: headersIn(properties),
    fetchText: args.withDefault('fetchTextBodyValues', asBoolean, false),
    fetchHtml: args.withDefault('fetchHTMLBodyValues', asBoolean, false),
    fetchAll: args.withDefault('fetchAllBodyValues', asBoolean, false),
    maxBodyValueBytes: args.withDefault('maxBodyValueBytes', asUnsigned, 0),
  };
}

function headersIn(properties: ReadonlySet<string>): readonly HeaderProperty[] {
  return [...properties].map(parseHeaderProperty).filter((property) => property !== null);
}
