// Writes Content-Type and Content-Disposition with parameters: tokens and short quoted strings as they are, everything
// else by RFC 2231 in UTF-8, in sections that fit a line. RFC 2045 §5.1, RFC 2183 §2, RFC 2231 §3-§4

import type { Parameter } from './structure.ts';

/** The whole field, one parameter a line, ending in CRLF. */
export function parameterField(name: string, value: string, params: readonly Parameter[]): string {
  const sections = params.flatMap(([key, text]) => parameterSections(key, text));
  const safe = value.replace(/[^\x21-\x7e]/g, '');
  let field = `${name}: ${safe}`;
  let column = field.length;
  for (const section of sections) {
    if (column + section.length + 2 > 78) {
      field += `;\r\n ${section}`;
      column = section.length + 1;
    } else {
      field += `; ${section}`;
      column += section.length + 2;
    }
  }
  return `${field}\r\n`;
}

/** Characters of a value in one section; with its name it stays within a line of 78. */
const MAX_SECTION = 50;

function parameterSections(key: string, value: string): string[] {
  const name = key.toLowerCase().replace(/[^a-z0-9_.-]/g, '');
  const clean = value.replace(/[\r\n\0]+/g, ' ');
  if (name === '') return [];
  if (/^[A-Za-z0-9!#$&^_.+{}|~-]{1,70}$/.test(clean)) return [`${name}=${clean}`];
  const isQuotable = /^[\t\x20-\x7e]{0,70}$/.test(clean) && !clean.includes('=?');
  if (isQuotable) return [`${name}="${clean.replace(/["\\]/g, '\\$&')}"`];
  const pieces = percentPieces(clean);
  if (pieces.length === 1) return [`${name}*=utf-8''${pieces[0]}`];
  return pieces.map((piece, index) => `${name}*${index}*=${index === 0 ? "utf-8''" : ''}${piece}`);
}

/** RFC 2231 §7 attribute-char stay; a character is never split between sections. */
function percentPieces(value: string): string[] {
  const pieces: string[] = [];
  let piece = '';
  for (const character of value) {
    let encoded = '';
    for (const octet of Buffer.from(character, 'utf8')) {
      const isPlain = /[A-Za-z0-9._~-]/.test(String.fromCharCode(octet)) && octet < 128;
      encoded += isPlain ? String.fromCharCode(octet) : `%${octet.toString(16).toUpperCase().padStart(2, '0')}`;
    }
    if (piece.length + encoded.length > MAX_SECTION) {
      pieces.push(piece);
      piece = '';
    }
    piece += encoded;
  }
  pieces.push(piece);
  return pieces;
}
