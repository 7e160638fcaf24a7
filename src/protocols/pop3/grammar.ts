/**
 * Commands of POP3 as they stand on the wire (RFC 1939 §3, §9, RFC 2449 §3): a keyword in any case, a space, arguments. Pure, and never throws
 * on what a client sends: a fault is a value with the words for the client.
 *
 * More lenient than the grammar: spaces at the end of a line are passed over (old clients send `LIST `), except in a password.
 */

export type Request =
  | { readonly command: 'CAPA' | 'NOOP' | 'QUIT' | 'RSET' | 'STAT' | 'STLS' | 'UTF8' }
  | { readonly command: 'LIST' | 'UIDL'; readonly message: number | null }
  | { readonly command: 'RETR' | 'DELE'; readonly message: number }
  | { readonly command: 'TOP'; readonly message: number; readonly lines: number }
  | { readonly command: 'USER'; readonly name: string }
  | { readonly command: 'PASS'; readonly password: string }
  /** Mechanism null: the client asks for the list (RFC 1734 drafts, Outlook); `initial` is base64 or `=`, as it came. */
  | { readonly command: 'AUTH'; readonly mechanism: string | null; readonly initial: string | null };
export type CommandName = Request['command'];

export interface SyntaxFault {
  readonly command: null;
  /** For the client. */
  readonly fault: string;
}

/** A line without its line end. */
export function parseRequest(line: Buffer): Request | SyntaxFault {
  const space = line.indexOf(0x20);
  const keyword = line.toString('latin1', 0, space === -1 ? line.length : space).toUpperCase();
  const rest = space === -1 ? null : line.subarray(space + 1);
  switch (keyword) {
    case 'CAPA':
    case 'NOOP':
    case 'QUIT':
    case 'RSET':
    case 'STAT':
    case 'STLS':
    case 'UTF8':
      return wordsOf(rest).length === 0 ? { command: keyword } : fault(`${keyword} takes no argument`);
    case 'LIST':
    case 'UIDL': {
      const words = wordsOf(rest);
      if (words.length === 0) return { command: keyword, message: null };
      const message = words.length === 1 ? numberOf(words[0]!) : null;
      return message === null ? fault(`${keyword} takes one message number or none`) : { command: keyword, message };
    }
    case 'RETR':
    case 'DELE': {
      const words = wordsOf(rest);
      const message = words.length === 1 ? numberOf(words[0]!) : null;
      return message === null ? fault(`${keyword} takes a message number`) : { command: keyword, message };
    }
    case 'TOP': {
      const words = wordsOf(rest);
      const message = words.length === 2 ? numberOf(words[0]!) : null;
      const lines = words.length === 2 ? numberOf(words[1]!) : null;
      if (message === null || lines === null) return fault('TOP takes a message number and a number of lines');
      return { command: keyword, message, lines };
    }
    case 'USER': {
      const name = textOf(rest)?.replace(/ +$/, '');
      return name ? { command: keyword, name } : fault('USER takes a name');
    }
    case 'PASS': {
      // RFC 1939 §7: spaces may be part of the password, wherever they stand.
      const password = textOf(rest);
      return password ? { command: keyword, password } : fault('PASS takes a password');
    }
    case 'AUTH':
      return parseAuth(wordsOf(rest));
    default:
      return fault('Unknown command');
  }
}

/** RFC 5034 §4: at most a mechanism and an initial response. RFC 4422 §3.1 has the characters of a mechanism's name. */
function parseAuth(words: readonly string[]): Request | SyntaxFault {
  const [mechanism = null, initial = null] = words;
  if (mechanism === null) return { command: 'AUTH', mechanism, initial };
  if (words.length > 2 || !/^[A-Za-z0-9_-]{1,20}$/.test(mechanism)) return fault('AUTH takes a mechanism');
  return { command: 'AUTH', mechanism: mechanism.toUpperCase(), initial };
}

/** The line of a request, without its line end: what `parseRequest` reads back as the same. */
export function printRequest(request: Request): Buffer {
  return Buffer.from([request.command, ...argumentsOf(request)].join(' '), 'utf8');
}

function argumentsOf(request: Request): readonly (string | number)[] {
  switch (request.command) {
    case 'LIST':
    case 'UIDL':
      return request.message === null ? [] : [request.message];
    case 'RETR':
    case 'DELE':
      return [request.message];
    case 'TOP':
      return [request.message, request.lines];
    case 'USER':
      return [request.name];
    case 'PASS':
      return [request.password];
    case 'AUTH':
      return [request.mechanism, request.initial].filter((word) => word !== null);
    case 'CAPA':
    case 'NOOP':
    case 'QUIT':
    case 'RSET':
    case 'STAT':
    case 'STLS':
    case 'UTF8':
      return [];
    default:
      return request satisfies never;
  }
}

const fault = (words: string): SyntaxFault => ({ command: null, fault: words });

function wordsOf(rest: Buffer | null): readonly string[] {
  return rest === null
    ? []
    : rest
        .toString('latin1')
        .replace(/ +$/, '')
        .split(' ')
        .filter((word, i) => i > 0 || word !== '');
}

/** RFC 1939 §3: decimal; ten digits are more than any drop or message has. */
function numberOf(word: string): number | null {
  return /^[0-9]{1,10}$/.test(word) ? Number(word) : null;
}

/** UTF-8 (RFC 6856 §2.2) without control characters; null for anything else. */
function textOf(rest: Buffer | null): string | null {
  if (rest === null) return null;
  const text = rest.toString('utf8');
  return text.includes('\ufffd') || /[\x00-\x1f\x7f]/.test(text) ? null : text;
}
