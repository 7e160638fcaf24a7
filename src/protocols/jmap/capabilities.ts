/** The capabilities of RFC 8620 §2, RFC 8621 §1.3 and what they promise. */
export const CORE = 'urn:ietf:params:jmap:core';
export const MAIL = 'urn:ietf:params:jmap:mail';
export const SUBMISSION = 'urn:ietf:params:jmap:submission';

export const CAPABILITIES: ReadonlySet<string> = new Set([CORE, MAIL, SUBMISSION]);
