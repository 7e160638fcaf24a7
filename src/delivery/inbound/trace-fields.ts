/**
 * The trace that every server leaves on top of a message: Return-Path and Received (RFC 5321 §4.4, RFC 5322 §3.6.7). Pure.
 *
 * Everything in it that the client chose (HELO name, recipient) is cut down to safe characters, so that it can't open a field of its own.
 */
import { hostname } from 'node:os';

/** How a message reached us. */
export interface TraceOrigin {
  /** RFC 3848 §2 and RFC 5321 §4.4; 'HTTP' stands for JMAP. */
  readonly protocol:
    | 'SMTP'
    | 'ESMTP'
    | 'ESMTPS'
    | 'ESMTPA'
    | 'ESMTPSA'
    | 'UTF8SMTP'
    | 'UTF8SMTPS'
    | 'UTF8SMTPA'
    | 'UTF8SMTPSA'
    | 'LMTP'
    | 'LMTPS'
    | 'LMTPA'
    | 'LMTPSA'
    | 'HTTP';
  /** As the client called itself; null when it has no such name (JMAP). */
  readonly helo: string | null;
  readonly remoteAddress: string | null;
  /** RFC 8314 §4.3: TLS version and cipher suite. */
  readonly tls?: { readonly version: string; readonly cipher: string };
  /** The name of this host. */
  readonly by?: string;
}

export const defaultHostName = (): string => hostname();
