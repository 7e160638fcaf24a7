// The limits of message syntax, all in one place. None of them is ever an error: beyond a limit the rest
// stays in the message as opaque octets and the index names in `defects` what was cut.

/** Octets of one header block whose fields are parsed; a longer block still ends where its blank line is. */
export const MAX_HEADER_OCTETS = 1_048_576;

/** Octets of all header blocks of one message together (embedded messages and parts included). */
export const MAX_TOTAL_HEADER_OCTETS = 2 * 1_048_576;

/** Fields of one header block. */
export const MAX_HEADER_FIELDS = 10_000;

/** MIME parts of one message, the message itself counted. */
export const MAX_PARTS = 1_000;

/** Nesting of multiparts and embedded messages. */
export const MAX_DEPTH = 50;

/** Characters of a multipart boundary. RFC 2046 §5.1.1 allows 70; a line of RFC 5322 §2.1.1 holds 998. */
export const MAX_BOUNDARY_LENGTH = 998;

/** Octets of a line that may still be a boundary line: dashes, boundary and transport padding. */
export const MAX_BOUNDARY_LINE = 2_048;

/** Parameters of one Content-Type or Content-Disposition. */
export const MAX_PARAMETERS = 64;

/** Characters of a parameter's value, of an id, a description, a location, a language tag. */
export const MAX_PARAMETER_LENGTH = 2_048;

/** Mailboxes (and group marks) of one address field. */
export const MAX_ADDRESSES = 5_000;

/** Message ids kept of one References, In-Reply-To or Message-ID field. */
export const MAX_MESSAGE_IDS = 100;

/** Characters of one message id. */
export const MAX_MESSAGE_ID_LENGTH = 998;

/** Characters of unstructured text kept in the index: subject, date, comments. */
export const MAX_TEXT_LENGTH = 16_384;

/** Characters of a preview (RFC 8621 §4.1.4, RFC 8970 §3.2.1 allow 256). */
export const MAX_PREVIEW_LENGTH = 256;

/** Encoded octets of a text part that are looked at for the preview: plain text, and HTML with its style sheets. */
export const PREVIEW_PLAIN_OCTETS = 4_096;
export const PREVIEW_HTML_OCTETS = 32_768;
