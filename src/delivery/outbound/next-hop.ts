/**
 * Which hosts may take the mail of a domain, in the order to try them: the smarthost, or the domain's mail exchangers.
 * RFC 5321 §5.1 (MX, implicit MX, loops), RFC 7505 (null MX), RFC 5321 §4.1.3 (address literals), RFC 3463 §3.5 (routing codes).
 */
import { isIP } from 'node:net';
import type { SmtpReply } from '../../mail/status-code.ts';
import type { DnsAnswer, DnsResolver } from '../../server/dns-resolver.ts';
import { ownReply } from '../queue/outcome.ts';
import { isPrivateAddress } from './private-address.ts';

export interface NextHop {
  /** A host name, or an IP address. */
  readonly host: string;
  readonly port: number;
  /** Told by the operator: private addresses are meant. */
  readonly isConfigured: boolean;
}

export type Way =
  | { readonly kind: 'hosts'; readonly hosts: readonly NextHop[] }
  | { readonly kind: 'deferred' | 'bounced'; readonly reply: SmtpReply };

export interface RouteOptions {
  readonly resolver: DnsResolver;
  readonly smarthost: { readonly host: string; readonly port: number } | null;
  /** The names by which an MX may mean us. */
  readonly ownNames: readonly string[];
  readonly allowPrivateAddresses: boolean;
  /** 25 but in tests. */
  readonly mxPort: number;
  /** From 0 up to 1. */
  readonly random: () => number;
}

/** RFC 5321 §5.1 asks to try at least two addresses; more than this is waste. */
export const MAX_HOSTS = 8;

/** The hosts for a lane: a domain in A-labels or an address literal in brackets. */
export async function findWay(options: RouteOptions, lane: string): Promise<Way> {
  if (options.smarthost !== null) return hosts([{ ...options.smarthost, isConfigured: true }]);
  if (lane.startsWith('[')) {
    const address = lane.slice(1, -1).replace(/^IPv6:/i, '');
    if (isIP(address) === 0) return bounced(550, '5.1.2', `${lane} is no address`);
    return hosts([{ host: address, port: options.mxPort, isConfigured: false }]);
  }
  const answer = await options.resolver.mx(lane);
  switch (answer.kind) {
    case 'records':
      break;
    case 'noData':
      return hosts([{ host: lane, port: options.mxPort, isConfigured: false }]);
    case 'noDomain':
      return bounced(550, '5.1.2', `The domain ${lane} does not exist`);
    case 'failed':
      return { kind: 'deferred', reply: ownReply(451, '4.4.3', `DNS does not answer for ${lane} (${answer.reason})`) };
    default:
      answer satisfies never;
  }
  // RFC 7505 §3: one record with an empty exchange.
  const named = answer.records.filter((record) => record.exchange !== '');
  if (named.length === 0) return bounced(556, '5.1.10', `The domain ${lane} accepts no mail`);
  // RFC 5321 §5.1: only hosts better than ourselves may be tried, else mail goes round.
  const own = new Set(options.ownNames.map((name) => name.toLowerCase()));
  const ownPreference = Math.min(
    ...named.filter(({ exchange }) => own.has(exchange)).map(({ preference }) => preference),
  );
  const better = named.filter(({ preference }) => preference < ownPreference);
  if (better.length === 0)
    return bounced(550, '5.4.6', `The mail exchanger of ${lane} is this host, which does not serve it`);
  const ordered = better
    .map((record) => ({ ...record, chance: options.random() }))
    .sort((one, other) => one.preference - other.preference || one.chance - other.chance);
  return hosts(
    ordered.slice(0, MAX_HOSTS).map(({ exchange }) => ({ host: exchange, port: options.mxPort, isConfigured: false })),
  );
}

export type Addresses =
  | { readonly kind: 'addresses'; readonly addresses: readonly string[] }
  | { readonly kind: 'deferred' | 'bounced'; readonly reply: SmtpReply };

/** The addresses of a next hop, IPv6 first (RFC 6724 §2.1 by default), each family in random order. */
export async function findAddresses(options: RouteOptions, hop: NextHop): Promise<Addresses> {
  const found: string[] = [];
  let failed: string | null = null;
  if (isIP(hop.host) !== 0) {
    found.push(hop.host);
  } else {
    for (const answer of await lookUp(options.resolver, hop)) {
      if (answer.kind === 'records') found.push(...shuffle(answer.records, options.random));
      if (answer.kind === 'failed') failed = answer.reason;
    }
  }
  const usable = found.filter(
    (address) => hop.isConfigured || options.allowPrivateAddresses || !isPrivateAddress(address),
  );
  if (usable.length > 0) return { kind: 'addresses', addresses: usable };
  if (failed !== null) {
    return { kind: 'deferred', reply: ownReply(451, '4.4.3', `DNS does not answer for ${hop.host} (${failed})`) };
  }
  // A smarthost that can't be found is the operator's to mend: nothing is returned for it.
  if (hop.isConfigured) return { kind: 'deferred', reply: ownReply(451, '4.4.4', `${hop.host} has no address`) };
  if (found.length > 0) return bounced(550, '5.4.4', `${hop.host} has only private addresses`);
  return bounced(550, '5.4.4', `${hop.host} has no address`);
}

async function lookUp(resolver: DnsResolver, hop: NextHop): Promise<readonly DnsAnswer<string>[]> {
  // RFC 6761 §6.3: localhost is loopback, whatever DNS says.
  if (hop.host === 'localhost') return [{ kind: 'records', records: ['127.0.0.1', '::1'] }];
  return Promise.all([resolver.aaaa(hop.host), resolver.a(hop.host)]);
}

function shuffle(items: readonly string[], random: () => number): readonly string[] {
  return items
    .map((item) => ({ item, chance: random() }))
    .sort((one, other) => one.chance - other.chance)
    .map(({ item }) => item);
}

const hosts = (list: readonly NextHop[]): Way => ({ kind: 'hosts', hosts: list });
const bounced = (code: number, status: `5.${number}.${number}`, text: string) =>
  ({ kind: 'bounced', reply: ownReply(code, status, text) }) as const;
