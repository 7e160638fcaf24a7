/**
 * Enhanced mail system status codes (RFC 3463, registry of RFC 5248): class.subject.detail.
 */

/** Such as '5.1.1'. */
export type StatusCode = `${2 | 4 | 5}.${number}.${number}`;

/** One SMTP reply: the basic code (RFC 5321 §4.2), the enhanced code (RFC 2034) where there is one, and the text, one entry a line. */
export interface SmtpReply {
  readonly code: number;
  readonly status: StatusCode | null;
  readonly lines: readonly string[];
}

/** RFC 3463 §2: the class digit, a dot, subject and detail of up to three digits. Null when the text doesn't begin with one. */
export function parseStatusCode(text: string): StatusCode | null {
  const match = /^([245])\.(\d{1,3})\.(\d{1,3})(?!\S)/.exec(text);
  return match ? (`${match[1]}.${Number(match[2])}.${Number(match[3])}` as StatusCode) : null;
}
