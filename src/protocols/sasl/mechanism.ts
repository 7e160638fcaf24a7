/**
 * The server's side of the SASL mechanisms (RFC 4422 §3) as small state machines over octets: no wire, no I/O. SMTP, IMAP and POP3 carry the
 * challenges and responses in base64 in their own way.
 *
 * A mechanism never throws on what a client sends: bad octets end it with 'malformed'. No mechanism with a secret on the server that is more
 * than a hash is offered.
 */

/** What the client claims. `authzid` '' means: act as the one who logs in (RFC 4422 §3.4.1). */
export interface SaslCredentials {
  readonly authcid: string;
  readonly authzid: string;
  readonly password: string;
}

export type SaslStep =
  | { readonly kind: 'challenge'; readonly challenge: Buffer }
  | { readonly kind: 'credentials'; readonly credentials: SaslCredentials }
  | { readonly kind: 'malformed' };

export interface SaslExchange {
  /** `initial` is null when the client sent no initial response (RFC 4422 §4). */
  begin(initial: Buffer | null): SaslStep;
  respond(response: Buffer): SaslStep;
}

/** Octets of one decoded response; more is 'malformed'. RFC 4616 §2 limits none: these are generous for a name and a password. */
export const MAX_SASL_RESPONSE_OCTETS = 4_096;

/** UTF-8 without control characters, or null (RFC 4013 §2.3 forbids them in names and passwords). */
export function saslText(octets: Buffer): string | null {
  if (octets.length > MAX_SASL_RESPONSE_OCTETS) return null;
  const text = octets.toString('utf8');
  return text.includes('\ufffd') || /[\x00-\x1f\x7f]/.test(text) ? null : text;
}
