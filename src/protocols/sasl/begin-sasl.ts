/**
 * Which SASL mechanisms there are, by name (RFC 4422 §3.1).
 */
import { LoginExchange } from './login.ts';
import type { SaslExchange } from './mechanism.ts';
import { PlainExchange } from './plain.ts';

/** In the order in which they are announced. */
export const SASL_MECHANISMS = ['PLAIN', 'LOGIN'] as const;

/** A new exchange of the mechanism with that name, in any case; null when there is none. */
export function beginSasl(mechanism: string): SaslExchange | null {
  switch (mechanism.toUpperCase()) {
    case 'PLAIN':
      return new PlainExchange();
    case 'LOGIN':
      return new LoginExchange();
    default:
      return null;
  }
}
