/**
 * The SMTP envelope (RFC 5321 §2.3.1) with its extensions: whom a message is from and for, apart from what its header says.
 */

/** RFC 3461 §4.1. NEVER excludes the others. */
export type NotifyCondition = 'never' | 'success' | 'failure' | 'delay';

export interface EnvelopeSender {
  /** The reverse-path without brackets; '' is the null reverse-path (RFC 5321 §4.5.5). */
  readonly address: string;
  /** RFC 3461 §4.3: what a failure notice returns. */
  readonly ret?: 'full' | 'headers';
  /** RFC 3461 §4.4, xtext undone. */
  readonly envid?: string;
  /** RFC 6531 §3.4: the client asked for internationalised addresses. */
  readonly smtputf8?: boolean;
  /** RFC 6152 §3. */
  readonly body?: '7bit' | '8bitmime';
}

export interface EnvelopeRecipient {
  readonly address: string;
  /** RFC 3461 §4.2: `rfc822;user@example.org`, xtext undone. */
  readonly orcpt?: string;
  readonly notify?: readonly NotifyCondition[];
}

/** Limits of DESIGN.md, each configurable. */
export const MAX_RECIPIENTS_SUBMISSION = 1_000;
export const MAX_RECIPIENTS_MX = 100;
export const MAX_MESSAGE_BYTES = 50 * 1024 * 1024;
