/**
 * BODY and BODYSTRUCTURE (RFC 9051 §7.5.2 and §9 body). Parameters are shown as they were written (RFC 2231 continuations stay apart), a
 * text part without a charset is given us-ascii (RFC 2045 §5.2), as Dovecot does.
 */
import type { Disposition, ParameterList, PartNode } from '../../../mail/format/structure.ts';
import { printEnvelope, printWords } from './print-envelope.ts';
import { printNstring, printString } from './strings.ts';

/** `isExtended`: BODYSTRUCTURE, with the extension data that BODY must not have. */
export function printStructure(node: PartNode, isExtended: boolean): string {
  return node.children.length > 0 ? printMultipart(node, isExtended) : printSinglePart(node, isExtended);
}

function printMultipart(node: PartNode, isExtended: boolean): string {
  let text = '(';
  for (const child of node.children) text += printStructure(child, isExtended);
  text += ` ${printString(node.subtype)}`;
  if (isExtended) text += ` ${printParameters(node, false)} ${printExtension(node)}`;
  return `${text})`;
}

function printSinglePart(node: PartNode, isExtended: boolean): string {
  const isMessage = node.type === 'message' && (node.subtype === 'rfc822' || node.subtype === 'global');
  // RFC 9051 §7.5.2: a message that is itself encoded has no structure to show. A multipart without parts has none either.
  const isOpaque = (isMessage && node.message === null) || node.type === 'multipart';
  const type = isOpaque ? 'application' : node.type;
  const subtype = isOpaque ? 'octet-stream' : node.subtype;
  const octets = node.end - node.bodyStart;
  let text = `(${printString(type)} ${printString(subtype)} ${printParameters(node, type === 'text')} ${printNstring(
    node.id,
  )} ${printWords(node.description, false)} ${printString(node.encoding)} ${octets}`;
  if (node.message !== null && !isOpaque) {
    text += ` ${printEnvelope(node.message.envelope)} ${printStructure(node.message.root, isExtended)} ${node.lines ?? 0}`;
  } else if (type === 'text') {
    text += ` ${node.lines ?? 0}`;
  }
  if (isExtended) text += ` ${printNstring(node.md5)} ${printExtension(node)}`;
  return `${text})`;
}

/** Disposition, language and location: the tail that single parts and multiparts share. */
function printExtension(node: PartNode): string {
  return `${printDisposition(node.disposition)} ${printLanguage(node.language)} ${printNstring(node.location)}`;
}

function printDisposition(disposition: Disposition | null): string {
  return disposition === null ? 'NIL' : `(${printString(disposition.type)} ${printParameters(disposition, false)})`;
}

function printLanguage(language: readonly string[]): string {
  if (language.length === 0) return 'NIL';
  return language.length === 1 ? printString(language[0]!) : `(${language.map(printString).join(' ')})`;
}

function printParameters(list: ParameterList, isText: boolean): string {
  const params = list.rawParams ?? list.params;
  let text = '';
  let hasCharset = false;
  for (const [name, value] of params) {
    if (name === 'charset') hasCharset = true;
    text += `${text === '' ? '' : ' '}${printString(name)} ${printWords(value, false)}`;
  }
  if (isText && !hasCharset) text += `${text === '' ? '' : ' '}"charset" "us-ascii"`;
  return text === '' ? 'NIL' : `(${text})`;
}
