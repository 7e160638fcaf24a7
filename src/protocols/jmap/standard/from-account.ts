/** The source account of a /copy (RFC 8620 §5.4): it must be another one, and the caller's. */
import { InvalidValue } from '../json/object-reader.ts';
import { MethodError } from '../method-error.ts';

export function refuseFromAccount(fromAccountId: string, accountId: string): Error {
  return fromAccountId === accountId
    ? new InvalidValue('fromAccountId', 'must be another account')
    : new MethodError('fromAccountNotFound', 'There is no such account to copy from.');
}
