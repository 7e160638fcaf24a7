/**
 * Limits of an IMAP session (DESIGN.md "Limits that keep it alive"), each of them a setting of `startImapServer`.
 */
export interface ImapLimits {
  /** Octets of one command with all its gathered literals, before and after login. */
  readonly commandOctetsBeforeLogin: number;
  readonly commandOctets: number;
  /** Largest message that APPEND takes (RFC 7889 APPENDLIMIT). */
  readonly messageOctets: number;
  /** Messages of one APPEND (RFC 3502). */
  readonly messagesPerAppend: number;
  /** A literal that was sent without being asked for (RFC 7888 §4) and is refused is read and thrown away up to here; beyond, the connection ends. */
  readonly discardOctets: number;
  readonly badCommandsInARow: number;
  readonly failedLogins: number;
  /** From the first octet of the connection to a login. */
  readonly loginMs: number;
  /** From the first octet of a command to its last, literals of APPEND not counted. */
  readonly commandMs: number;
  /** RFC 3501 §5.4: at least 30 minutes. */
  readonly idleMs: number;
  /** A peer that takes no octet of a reply for so long is cut off. */
  readonly stallMs: number;
  readonly handshakeMs: number;
  /** Slowest APPEND: a literal may take `commandMs` and its octets at this rate. */
  readonly appendOctetsPerSecond: number;
  /** IDLE says that it is alive, so that address translators keep the connection. */
  readonly keepAliveMs: number;
  readonly maxConnections: number;
  readonly maxConnectionsPerAddress: number;
}

export const DEFAULT_IMAP_LIMITS: ImapLimits = {
  commandOctetsBeforeLogin: 8 * 1024,
  commandOctets: 256 * 1024,
  messageOctets: 50 * 1024 * 1024,
  messagesPerAppend: 100,
  discardOctets: 1024 * 1024,
  badCommandsInARow: 20,
  failedLogins: 5,
  loginMs: 3 * 60_000,
  commandMs: 2 * 60_000,
  idleMs: 30 * 60_000,
  stallMs: 2 * 60_000,
  handshakeMs: 30_000,
  appendOctetsPerSecond: 4 * 1024,
  keepAliveMs: 2 * 60_000,
  maxConnections: 10_000,
  maxConnectionsPerAddress: 100,
};

/** Parentheses inside parentheses: SEARCH keys and lists. */
export const MAX_NESTING = 32;
/** Elements of one sequence set. */
export const MAX_SEQUENCE_ELEMENTS = 10_000;
/** Keys of one SEARCH, items of one FETCH, patterns of one LIST, names of one HEADER.FIELDS. */
export const MAX_LIST_ELEMENTS = 1_000;
