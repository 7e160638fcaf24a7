/**
 * What goes wrong in one method call (RFC 8620 §3.6.2) and in one object of a /set (RFC 8620 §5.3), and the one table from the store's refusals to them.
 */
import type { Refusal, RefusalCode } from '../../mail/refusal.ts';
import { InvalidValue } from './json/object-reader.ts';

export type MethodErrorType =
  | 'serverUnavailable'
  | 'serverFail'
  | 'unknownMethod'
  | 'invalidArguments'
  | 'invalidResultReference'
  | 'forbidden'
  | 'accountNotFound'
  | 'accountNotSupportedByMethod'
  | 'accountReadOnly'
  | 'requestTooLarge'
  | 'stateMismatch'
  | 'cannotCalculateChanges'
  | 'tooManyChanges'
  | 'anchorNotFound'
  | 'unsupportedSort'
  | 'unsupportedFilter'
  | 'fromAccountNotFound'
  | 'fromAccountNotSupportedByMethod';

export class MethodError extends Error {
  override readonly name = 'MethodError';
  readonly type: MethodErrorType;
  readonly extra: Readonly<Record<string, unknown>>;
  constructor(type: MethodErrorType, description: string, extra: Readonly<Record<string, unknown>> = {}) {
    super(description);
    this.type = type;
    this.extra = extra;
  }
}

/** RFC 8620 §5.3 SetError with the additions of RFC 8621. */
export interface SetError {
  readonly type: string;
  readonly description?: string;
  readonly properties?: readonly string[];
  readonly [more: string]: unknown;
}

/** One object of a /set is refused; the others go on. */
export class SetRefusal extends Error {
  override readonly name = 'SetRefusal';
  readonly error: SetError;
  constructor(error: SetError) {
    super(error.description ?? error.type);
    this.error = error;
  }
}

export function invalidProperties(properties: readonly string[], description: string): SetRefusal {
  return new SetRefusal({ type: 'invalidProperties', description, properties });
}

/** What refused one object as the client reads it; null when it is no refusal. */
export function setErrorOf(error: unknown): SetError | null {
  if (error instanceof SetRefusal) return error.error;
  if (error instanceof InvalidValue) {
    const properties = [error.path.split('/', 1)[0]!];
    return { type: 'invalidProperties', description: error.message, properties };
  }
  return null;
}

const SET_ERROR_OF_REFUSAL: Record<RefusalCode, string> = {
  notFound: 'notFound',
  alreadyExists: 'alreadyExists',
  forbidden: 'forbidden',
  overQuota: 'overQuota',
  tooLarge: 'tooLarge',
  tooMany: 'tooLarge',
  invalid: 'invalidProperties',
  cannotCalculateChanges: 'serverFail',
  stateMismatch: 'serverFail',
  mailboxHasChild: 'mailboxHasChild',
  mailboxHasEmail: 'mailboxHasEmail',
  mailboxRequired: 'invalidProperties',
  blobNotFound: 'blobNotFound',
  cannotUnsend: 'cannotUnsend',
  authenticationFailed: 'forbidden',
  accountDisabled: 'forbidden',
  noRecipients: 'noRecipients',
  invalidRecipients: 'invalidRecipients',
  forbiddenFrom: 'forbiddenFrom',
  forbiddenMailFrom: 'forbiddenMailFrom',
  forbiddenToSend: 'forbiddenToSend',
};

/** The store's word on one object. `details` of the store name properties where the type carries them. */
export function setErrorOfRefusal(refusal: Refusal): SetError {
  const type = SET_ERROR_OF_REFUSAL[refusal.code];
  if (refusal.code === 'mailboxRequired') {
    return { type, description: refusal.message, properties: ['mailboxIds'] };
  }
  return type === 'invalidProperties'
    ? { type, description: refusal.message, properties: refusal.details }
    : { type, description: refusal.message };
}
