/**
 * The two kinds of failure that are the peer's to read. A Refusal is for good: the same request fails again. A Deferral is for now: try later.
 * Anything else that is thrown is our own fault: it is logged once at the top of the command and answered in general words.
 * Each protocol translates the codes in one table.
 */

export type RefusalCode =
  | 'notFound'
  | 'alreadyExists'
  | 'forbidden'
  | 'overQuota'
  | 'tooLarge'
  | 'tooMany'
  | 'invalid'
  | 'cannotCalculateChanges'
  | 'stateMismatch'
  | 'mailboxHasChild'
  | 'mailboxHasEmail'
  | 'mailboxRequired'
  | 'blobNotFound'
  | 'cannotUnsend'
  | 'authenticationFailed'
  | 'accountDisabled'
  | 'noRecipients'
  | 'invalidRecipients'
  | 'forbiddenFrom'
  | 'forbiddenMailFrom'
  | 'forbiddenToSend';

export type DeferralCode = 'unavailable' | 'busy' | 'limited' | 'shuttingDown';

/** Refused for good. `message` is safe to show to the peer; `details` name what was wrong (property names, ids of the peer's own). */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly code: RefusalCode;
  readonly details: readonly string[];
  constructor(code: RefusalCode, message: string, options: { details?: readonly string[]; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details ?? [];
  }
}

/** Deferred for now. `message` is safe to show to the peer; the cause is for the log. */
export class Deferral extends Error {
  override readonly name = 'Deferral';
  readonly code: DeferralCode;
  constructor(code: DeferralCode, message: string, options: { cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
  }
}
