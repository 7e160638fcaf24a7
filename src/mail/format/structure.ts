// What the indexer knows of a message: its tree of parts with byte ranges, its envelope, and the few
// header values that storage, IMAP and JMAP ask for without opening the body again.
// All offsets count octets from the start of the whole message. Types only; `structure-codec.ts` stores them.
// RFC 2045, RFC 2046, RFC 9051 §7.5.2, RFC 8621 §4.1

/** A parameter; the name is lower-case. */
export type Parameter = readonly [name: string, value: string];

export interface ParameterList {
  /** Decoded: RFC 2231 charset and continuations joined, RFC 2047 words in a value decoded. */
  readonly params: readonly Parameter[];
  /** As written (`filename*0*`, still percent-encoded), what IMAP BODYSTRUCTURE shows; null when equal to `params`. */
  readonly rawParams: readonly Parameter[] | null;
}

export interface Disposition extends ParameterList {
  /** Lower-case: `inline`, `attachment`, or what the sender wrote. */
  readonly type: string;
}

export interface PartNode extends ParameterList {
  /** Lower-case: `text`, `multipart`, ... */
  readonly type: string;
  /** Lower-case: `plain`, `mixed`, ... */
  readonly subtype: string;
  /** Content-ID as written, angle brackets included. */
  readonly id: string | null;
  /** Content-Description as written (RFC 2047 words not decoded). */
  readonly description: string | null;
  /** Content-Transfer-Encoding, lower-case; `7bit` when absent. */
  readonly encoding: string;
  readonly disposition: Disposition | null;
  readonly language: readonly string[];
  readonly location: string | null;
  readonly md5: string | null;
  /** First octet of the part's header: BODY[n.MIME] is headerStart..bodyStart. */
  readonly headerStart: number;
  /** First octet after the blank line. */
  readonly bodyStart: number;
  /** One past the last octet of the body; the line end before a boundary belongs to the boundary. */
  readonly end: number;
  /** Line ends in the body, for text/* and message/* as IMAP wants it; null for others. */
  readonly lines: number | null;
  /** Parts of a multipart, never empty there; empty for every other type. */
  readonly children: readonly PartNode[];
  /**
   * The message inside a message/rfc822 or message/global. Null for other types, and for one that is itself
   * base64 or quoted-printable encoded: IMAP must then show a basic part (application/octet-stream).
   */
  readonly message: EmbeddedMessage | null;
}

export interface EmbeddedMessage {
  readonly envelope: Envelope;
  /** root.headerStart is the bodyStart of the part that holds it. */
  readonly root: PartNode;
}

/**
 * One address as IMAP's ENVELOPE shows it. A group opens with {mailbox: group name, host: null} and closes with
 * {mailbox: null, host: null} (RFC 9051 §7.5.2).
 */
export interface EnvelopeAddress {
  /** Display name with quoting removed, RFC 2047 words not decoded. */
  readonly name: string | null;
  /** Source route (RFC 5322 §4.4), as `@a,@b`; nearly always null. */
  readonly route: string | null;
  /** Local part with quoting removed; may hold any character. */
  readonly mailbox: string | null;
  readonly host: string | null;
}

/** Header values as written, unfolded, free of CR, LF and NUL; RFC 2047 words not decoded. */
export interface Envelope {
  readonly date: string | null;
  readonly subject: string | null;
  readonly from: readonly EnvelopeAddress[];
  /** As in the header; IMAP shows `from` when it is empty (`envelopeSender`). */
  readonly sender: readonly EnvelopeAddress[];
  /** As in the header; IMAP shows `from` when it is empty (`envelopeReplyTo`). */
  readonly replyTo: readonly EnvelopeAddress[];
  readonly to: readonly EnvelopeAddress[];
  readonly cc: readonly EnvelopeAddress[];
  readonly bcc: readonly EnvelopeAddress[];
  readonly inReplyTo: string | null;
  readonly messageId: string | null;
}

/** RFC 8621 §4.1.2.3: decoded display name and addr-spec; groups are flattened. */
export interface EmailAddress {
  readonly name: string | null;
  readonly email: string;
}

export interface SentAt {
  readonly date: Date;
  /** Minutes east of UTC as the sender wrote it; null for `-0000` (RFC 5322 §3.3: no information). */
  readonly zoneMinutes: number | null;
}

/** What was cut or repaired while the message was indexed; the octets themselves are never changed. */
export type Defect =
  | 'header-too-large'
  | 'header-malformed'
  | 'header-without-end'
  | 'too-many-fields'
  | 'too-many-parts'
  | 'too-deep'
  | 'too-many-addresses'
  | 'too-many-message-ids'
  | 'too-many-parameters'
  | 'boundary-missing'
  | 'boundary-too-long'
  | 'boundary-not-found'
  | 'boundary-not-closed'
  | 'message-encoded'
  | 'bare-line-feed'
  | 'nul-octet'
  | 'eight-bit-header';

export interface MessageIndex {
  readonly root: PartNode;
  readonly envelope: Envelope;
  /** Octets of the whole message. */
  readonly size: number;
  /** With each bare LF as CRLF: what POP3 sends and counts (RFC 1939 §11). */
  readonly crlfSize: number;
  /** Line ends of the whole message. */
  readonly lines: number;
  /** First octet after the header block and its blank line. */
  readonly bodyStart: number;
  /** Decoded; empty when absent. */
  readonly subject: string;
  /** RFC 5256 §2.1, upper-case folding left to the comparison. */
  readonly baseSubject: string;
  /** RFC 5256 §2.1: the subject is marked as a reply or a forward. */
  readonly isReplyOrForward: boolean;
  /** Message ids without angle brackets. */
  readonly messageIds: readonly string[];
  readonly inReplyTo: readonly string[];
  readonly references: readonly string[];
  readonly sentAt: SentAt | null;
  readonly from: readonly EmailAddress[];
  readonly sender: readonly EmailAddress[];
  readonly replyTo: readonly EmailAddress[];
  readonly to: readonly EmailAddress[];
  readonly cc: readonly EmailAddress[];
  readonly bcc: readonly EmailAddress[];
  /** At most 256 characters of decoded text, white space collapsed, quoted lines skipped. */
  readonly preview: string;
  /** RFC 8621 §4.1.4. */
  readonly hasAttachment: boolean;
  /** Received fields on top of the message, for loop detection (RFC 5321 §6.3). */
  readonly receivedCount: number;
  /** Auto-Submitted keyword, lower-case (RFC 3834 §5); null when absent. */
  readonly autoSubmitted: string | null;
  /** Precedence, lower-case (`bulk`, `list`, `junk`); null when absent. */
  readonly precedence: string | null;
  /** List-Id without angle brackets (RFC 2919), lower-case; null when absent. */
  readonly listId: string | null;
  readonly defects: readonly Defect[];
}

/** RFC 9051 §7.5.2: a missing or empty Sender shows the From. */
export function envelopeSender(envelope: Envelope): readonly EnvelopeAddress[] {
  return envelope.sender.length > 0 ? envelope.sender : envelope.from;
}

/** RFC 9051 §7.5.2: a missing or empty Reply-To shows the From. */
export function envelopeReplyTo(envelope: Envelope): readonly EnvelopeAddress[] {
  return envelope.replyTo.length > 0 ? envelope.replyTo : envelope.from;
}

/** The first value of a parameter, or null. `name` is lower-case. */
export function parameter(list: ParameterList | null, name: string): string | null {
  if (list === null) return null;
  for (const [key, value] of list.params) if (key === name) return value;
  return null;
}

/** The charset of a text part, lower-case; null when none is given (RFC 2045 §5.2 then says us-ascii). */
export function charsetOf(node: PartNode): string | null {
  return parameter(node, 'charset')?.toLowerCase() ?? null;
}

/** The file name that a client may offer: the disposition's `filename`, else the type's `name` (RFC 8621 §4.1.4). */
export function fileNameOf(node: PartNode): string | null {
  return parameter(node.disposition, 'filename') ?? parameter(node, 'name');
}

/** `text/plain` and so on. */
export function mediaTypeOf(node: PartNode): string {
  return `${node.type}/${node.subtype}`;
}
