/**
 * What one SMTP or LMTP client may cost: time, connections, mistakes. All per listener, all configurable.
 */

export interface SmtpLimits {
  /** Octets of a message (RFC 1870). */
  readonly maxMessageBytes: number;
  readonly maxRecipients: number;
  /** Octets of a command line, CRLF included. RFC 5321 §4.5.3.1.4 asks for 512 and more for each extension. */
  readonly maxLineOctets: number;
  /** RFC 4954 §4.4: lines of an AUTH exchange. */
  readonly maxAuthLineOctets: number;
  readonly maxConnections: number;
  /** From one IPv4 address or IPv6 /64. */
  readonly maxConnectionsPerNetwork: number;
  /** Replies of 500 and above in one connection. */
  readonly maxErrors: number;
  /** Commands in a connection without a message in between. */
  readonly maxIdleCommands: number;
  /** From our reply to the end of the next command, however it trickles in (RFC 5321 §4.5.3.2.7: five minutes). */
  readonly commandMs: number;
  /** While a message comes in, each window of this length must bring `minDataOctets` (RFC 5321 §4.5.3.2.5: three minutes a block). */
  readonly dataWindowMs: number;
  readonly minDataOctets: number;
  /** For a whole message. */
  readonly dataMs: number;
  /** For a whole connection; a message that is on its way is finished first. */
  readonly sessionMs: number;
  readonly handshakeMs: number;
}

export const SMTP_LIMITS: SmtpLimits = {
  maxMessageBytes: 50 * 1024 * 1024,
  maxRecipients: 100,
  maxLineOctets: 2_048,
  maxAuthLineOctets: 12_288,
  maxConnections: 10_000,
  maxConnectionsPerNetwork: 100,
  maxErrors: 20,
  maxIdleCommands: 200,
  commandMs: 300_000,
  dataWindowMs: 180_000,
  minDataOctets: 4_096,
  dataMs: 2 * 3_600_000,
  sessionMs: 4 * 3_600_000,
  handshakeMs: 30_000,
};
