/**
 * Header fields from the properties of an Email or part that a client creates (RFC 8621 §4.6): convenience properties and `header:Name:asForm:all`, each field
 * once, in a form that suits it. Values become whole safe fields. Fails with SetRefusal or InvalidValue.
 */
import type { AddressGroup } from '../../../mail/format/address-list.ts';
import {
  addressField,
  dateField,
  groupedAddressField,
  messageIdField,
  rawField,
  textField,
  urlField,
} from '../../../mail/format/header-fields.ts';
import type { EmailAddress } from '../../../mail/format/structure.ts';
import { asDate, asObject, asText, InvalidValue, listOf, ObjectReader, type Parser } from '../json/object-reader.ts';
import { invalidProperties } from '../method-error.ts';
import { type HeaderForm, type HeaderProperty, parseHeaderProperty } from './header-property.ts';

/** RFC 8621 §4.1.2: in the order in which they are written. */
const CONVENIENCE: ReadonlyMap<string, readonly [name: string, form: HeaderForm]> = new Map([
  ['from', ['From', 'Addresses']],
  ['sender', ['Sender', 'Addresses']],
  ['replyTo', ['Reply-To', 'Addresses']],
  ['to', ['To', 'Addresses']],
  ['cc', ['Cc', 'Addresses']],
  ['bcc', ['Bcc', 'Addresses']],
  ['subject', ['Subject', 'Text']],
  ['sentAt', ['Date', 'Date']],
  ['messageId', ['Message-ID', 'MessageIds']],
  ['inReplyTo', ['In-Reply-To', 'MessageIds']],
  ['references', ['References', 'MessageIds']],
]);

/** Fields that we write ourselves from other properties. */
const OF_THE_STRUCTURE: ReadonlySet<string> = new Set([
  'content-type',
  'content-transfer-encoding',
  'content-disposition',
  'content-id',
  'content-language',
  'content-location',
  'mime-version',
]);

/** Takes the header properties of an Email; `names` collects the lower-case field names that are given. */
export function readMessageFields(reader: ObjectReader, names: Set<string>): string[] {
  const fields: string[] = [];
  for (const [property, [name, form]] of CONVENIENCE) {
    const header: HeaderProperty = { property, name, form, isAll: false };
    const value = reader.nullable(property, (json, path) => fieldOf(header, json, path));
    if (value === null) continue;
    claim(names, name, property);
    fields.push(value);
  }
  return [...fields, ...readHeaderProperties(reader, names, (name) => !name.startsWith('content-'))];
}

/** Takes the header properties of a part. */
export function readPartFields(reader: ObjectReader, names: Set<string>): string[] {
  return readHeaderProperties(reader, names, () => true);
}

function readHeaderProperties(
  reader: ObjectReader,
  names: Set<string>,
  isAllowed: (name: string) => boolean,
): string[] {
  if (reader.has('headers')) throw invalidProperties(['headers'], 'The property "headers" can only be read.');
  const fields: string[] = [];
  for (const property of reader.names()) {
    if (!property.startsWith('header:')) continue;
    const header = parseHeaderProperty(property);
    const name = header?.name.toLowerCase() ?? '';
    if (header === null || !isAllowed(name) || OF_THE_STRUCTURE.has(name)) {
      throw invalidProperties([property], "This field, or this form of it, can't be set here.");
    }
    const parse: Parser<string[]> = header.isAll
      ? listOf((json, path) => fieldOf(header, json, path))
      : (json, path) => [fieldOf(header, json, path)];
    const values = reader.nullable(property, parse);
    if (values === null) continue;
    claim(names, header.name, property);
    fields.push(...values);
  }
  return fields;
}

/** RFC 8621 §4.6: no two properties for one field. */
function claim(names: Set<string>, name: string, property: string): void {
  const key = name.toLowerCase();
  if (names.has(key)) throw invalidProperties([property], `The field ${name} is given twice.`);
  names.add(key);
}

function fieldOf({ name, form }: HeaderProperty, json: Parameters<Parser<unknown>>[0], path: string): string {
  switch (form) {
    case 'Raw':
      return rawField(name, asText(json, path));
    case 'Text':
      return textField(name, asText(json, path));
    case 'Addresses':
      return addressField(name, asAddresses(json, path));
    case 'GroupedAddresses':
      return groupedAddressField(name, asGroups(json, path));
    case 'MessageIds':
      return messageIdField(name, listOf(asMessageId)(json, path));
    case 'Date':
      return dateField(name, { date: asDate(json, path), zoneMinutes: zoneOf(asText(json, path)) });
    case 'URLs':
      return urlField(name, listOf(asText)(json, path));
    default:
      return form satisfies never;
  }
}

const asAddress: Parser<EmailAddress> = (json, path) => {
  const reader = new ObjectReader(asObject(json, path), path);
  const address = { name: reader.nullable('name', asText), email: reader.required('email', asText) };
  reader.finish();
  if (/[\x00-\x1f\x7f]/.test(address.email)) throw new InvalidValue(`${path}/email`, 'holds a control character');
  return address;
};
const asAddresses = listOf(asAddress);

const asGroups: Parser<AddressGroup[]> = listOf((json, path) => {
  const reader = new ObjectReader(asObject(json, path), path);
  const group = { name: reader.nullable('name', asText), addresses: reader.required('addresses', asAddresses) };
  reader.finish();
  return group;
});

/** RFC 5322 §3.6.4, without brackets. */
const asMessageId: Parser<string> = (json, path) => {
  const id = asText(json, path);
  if (!/^[^\x00-\x20<>\x7f]{1,900}$/.test(id)) throw new InvalidValue(path, 'must be a message id without brackets');
  return id;
};

function zoneOf(date: string): number {
  const match = /([+-])(\d{2}):(\d{2})$/.exec(date);
  if (match === null) return 0;
  return (match[1] === '-' ? -1 : 1) * (Number(match[2]) * 60 + Number(match[3]));
}
