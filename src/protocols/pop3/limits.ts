/**
 * Limits of a POP3 session (DESIGN.md "Limits that keep it alive"), each of them a setting of `startPop3Server`.
 */
export interface Pop3Limits {
  /** RFC 2449 §4: a command with its CRLF. */
  readonly commandOctets: number;
  /** RFC 5034 §4: a response of an authentication exchange may be longer than a command. */
  readonly saslLineOctets: number;
  /** A command that is too long is read and thrown away up to here; beyond, the connection ends. */
  readonly discardOctets: number;
  readonly badCommandsInARow: number;
  readonly failedLogins: number;
  /** From the first octet of the connection to a login. */
  readonly loginMs: number;
  /** From the first octet of a command to its last. */
  readonly commandMs: number;
  /** RFC 1939 §3: the autologout timer, at least 10 minutes. */
  readonly idleMs: number;
  /** A peer that takes no octet of a reply for so long is cut off. */
  readonly stallMs: number;
  /** A peer that takes a message more slowly is cut off: it holds the lock of the drop. */
  readonly slowestOctetsPerSecond: number;
  readonly handshakeMs: number;
  /** RFC 2449 §6.5 LOGIN-DELAY: between two logins to one drop; 0: none, and none is announced. */
  readonly loginDelayMs: number;
  readonly maxConnections: number;
  readonly maxConnectionsPerAddress: number;
}

export const DEFAULT_POP3_LIMITS: Pop3Limits = {
  commandOctets: 255,
  saslLineOctets: 8 * 1024,
  discardOctets: 64 * 1024,
  badCommandsInARow: 10,
  failedLogins: 5,
  loginMs: 3 * 60_000,
  commandMs: 60_000,
  idleMs: 10 * 60_000,
  stallMs: 2 * 60_000,
  slowestOctetsPerSecond: 1024,
  handshakeMs: 30_000,
  loginDelayMs: 0,
  maxConnections: 5_000,
  maxConnectionsPerAddress: 50,
};
