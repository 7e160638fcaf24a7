/**
 * DNS as the rooms ask it: what there is, that there is nothing, or that nobody knows now. The difference decides between returning mail and
 * keeping it, so it is part of the answer and never an exception. RFC 5321 §5.1, RFC 2308 §2.
 */
import { Resolver } from 'node:dns/promises';
import type { Clock } from './clock.ts';

export type DnsAnswer<T> =
  | { readonly kind: 'records'; readonly records: readonly T[] }
  /** The name exists, such records don't (RFC 2308 §2.2). */
  | { readonly kind: 'noData' }
  /** NXDOMAIN (RFC 2308 §2.1). */
  | { readonly kind: 'noDomain' }
  /** SERVFAIL, a time-out, a refusal: ask again later. */
  | { readonly kind: 'failed'; readonly reason: string };

export interface MxRecord {
  readonly preference: number;
  /** Lower-case, without the final dot; '' is the root (RFC 7505 §3). */
  readonly exchange: string;
}

export interface DnsResolver {
  mx(domain: string): Promise<DnsAnswer<MxRecord>>;
  /** IPv4 addresses. */
  a(name: string): Promise<DnsAnswer<string>>;
  /** IPv6 addresses. */
  aaaa(name: string): Promise<DnsAnswer<string>>;
  /** Each record's strings joined. */
  txt(name: string): Promise<DnsAnswer<string>>;
}

export interface SystemResolverOptions {
  /** `address` or `address:port`; those of the system when absent. */
  readonly servers?: readonly string[];
  /** For one try of one server. */
  readonly timeoutMs?: number;
  readonly tries?: number;
}

/** The resolver of node:dns, which follows CNAMEs. Every question ends within about `timeoutMs * tries * servers`. */
export function systemResolver(options: SystemResolverOptions = {}): DnsResolver {
  const resolver = new Resolver({ timeout: options.timeoutMs ?? 5_000, tries: options.tries ?? 2 });
  if (options.servers !== undefined) resolver.setServers([...options.servers]);
  return {
    mx: (domain) =>
      answer(async () =>
        (await resolver.resolveMx(domain)).map(({ priority, exchange }) => ({
          preference: priority,
          exchange: bareName(exchange),
        })),
      ),
    a: (name) => answer(() => resolver.resolve4(name)),
    aaaa: (name) => answer(() => resolver.resolve6(name)),
    txt: (name) => answer(async () => (await resolver.resolveTxt(name)).map((strings) => strings.join(''))),
  };
}

const bareName = (name: string): string => name.toLowerCase().replace(/\.$/, '');

async function answer<T>(ask: () => Promise<readonly T[]>): Promise<DnsAnswer<T>> {
  try {
    const records = await ask();
    return records.length > 0 ? { kind: 'records', records } : { kind: 'noData' };
  } catch (cause) {
    const code = (cause as { readonly code?: unknown }).code;
    if (code === 'ENODATA') return { kind: 'noData' };
    if (code === 'ENOTFOUND' || code === 'EBADNAME') return { kind: 'noDomain' };
    return { kind: 'failed', reason: typeof code === 'string' ? code : 'unknown failure' };
  }
}

const CACHE_MS = 60_000;
const FAILURE_CACHE_MS = 5_000;
const MAX_CACHED = 10_000;

/** Answers the same question within a minute from memory, and questions asked at the same time once. node:dns tells no TTL of an MX. */
export function cachingResolver(resolver: DnsResolver, clock: Clock): DnsResolver {
  const remember = <T>(ask: (name: string) => Promise<DnsAnswer<T>>): ((name: string) => Promise<DnsAnswer<T>>) => {
    const known = new Map<string, { readonly answer: Promise<DnsAnswer<T>>; untilMs: number }>();
    return (name) => {
      const nowMs = clock.now().getTime();
      const entry = known.get(name);
      if (entry !== undefined && entry.untilMs > nowMs) return entry.answer;
      known.delete(name);
      const fresh = { answer: ask(name), untilMs: nowMs + CACHE_MS };
      void fresh.answer.then((result) => {
        if (result.kind === 'failed') fresh.untilMs = nowMs + FAILURE_CACHE_MS;
      });
      known.set(name, fresh);
      if (known.size > MAX_CACHED) known.delete(known.keys().next().value!);
      return fresh.answer;
    };
  };
  return {
    mx: remember((name) => resolver.mx(name)),
    a: remember((name) => resolver.a(name)),
    aaaa: remember((name) => resolver.aaaa(name)),
    txt: remember((name) => resolver.txt(name)),
  };
}
