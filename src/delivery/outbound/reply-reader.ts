/**
 * SMTP replies out of the octets of a peer that may be anybody: bounded in length and in lines, without control characters, or an error.
 * RFC 5321 §4.2 (replies), §4.2.1 (several lines), RFC 2034 §4 (enhanced codes), RFC 6531 §3.7.4.3 (UTF-8 in replies).
 */
import { parseStatusCode, type SmtpReply } from '../../mail/status-code.ts';

/** Octets of one reply, all its lines; RFC 5321 §4.5.3.1.5 gives a line 512. */
export const MAX_REPLY_OCTETS = 65_536;
/** Lines of a reply and characters of a line that are kept. */
export const MAX_KEPT_LINES = 20;
export const MAX_KEPT_CHARACTERS = 512;
/** Replies that came unasked. */
const MAX_WAITING_REPLIES = 2_000;

/** The peer doesn't speak SMTP. */
export class ReplyError extends Error {
  override readonly name = 'ReplyError';
}

export class ReplyReader {
  #rest: Buffer = Buffer.alloc(0);
  #lines: string[] = [];
  #octets = 0;

  /** True when octets wait that make no reply yet. */
  get hasRest(): boolean {
    return this.#rest.length > 0 || this.#lines.length > 0;
  }

  /** The replies that end in `chunk`. Throws ReplyError; nothing more can be read then. */
  push(chunk: Buffer): readonly SmtpReply[] {
    const replies: SmtpReply[] = [];
    let octets = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    this.#octets += chunk.length;
    for (;;) {
      const lineEnd = octets.indexOf(10);
      if (lineEnd === -1) break;
      const line = octets.subarray(0, lineEnd);
      octets = octets.subarray(lineEnd + 1);
      const reply = this.#line(line);
      if (reply !== null) {
        replies.push(reply);
        this.#octets = octets.length;
      }
      if (replies.length > MAX_WAITING_REPLIES) throw new ReplyError('too many replies');
    }
    if (this.#octets > MAX_REPLY_OCTETS) throw new ReplyError(`reply longer than ${MAX_REPLY_OCTETS} octets`);
    this.#rest = Buffer.from(octets);
    return replies;
  }

  #line(octets: Buffer): SmtpReply | null {
    const text = printable(octets);
    const match = /^([2-5][0-9]{2})(?:([ -])(.*))?$/.exec(text);
    if (match === null) throw new ReplyError(`not a reply: ${text.slice(0, 80)}`);
    if (this.#lines.length < MAX_KEPT_LINES) this.#lines.push(match[3] ?? '');
    if (match[2] === '-') return null;
    const code = Number(match[1]);
    const reply = toReply(code, this.#lines);
    this.#lines = [];
    return reply;
  }
}

function toReply(code: number, texts: readonly string[]): SmtpReply {
  const first = parseStatusCode(texts[0] ?? '');
  // RFC 2034 §4: the class of the enhanced code is the class of the reply.
  const status = first?.startsWith(String(code)[0]!) ? first : null;
  const lines = texts.map((text) => (status !== null && parseStatusCode(text) === status ? afterStatus(text) : text));
  return { code, status, lines };
}

const afterStatus = (text: string): string => text.slice(text.search(/\s|$/)).trimStart();

/** The line as text that may be logged, kept and shown. */
function printable(octets: Buffer): string {
  const text = octets.toString('utf8', 0, Math.min(octets.length, 4 * MAX_KEPT_CHARACTERS));
  return text
    .replace(/\r$/, '')
    .replace(/[\x00-\x1f\x7f-\x9f\u2028\u2029]/g, '?')
    .slice(0, MAX_KEPT_CHARACTERS);
}

/** A reply in one line: `550 5.1.1 No such user`. */
export function formatReply(reply: SmtpReply): string {
  const text = reply.lines.join(' ').trim();
  return [String(reply.code), reply.status ?? '', text].filter((word) => word !== '').join(' ');
}
