/**
 * `GET /jmap/eventsource` (RFC 8620 §7.3): StateChange events (RFC 8620 §7.1) as server-sent events. An event's id is the states it told, so that a client that
 * comes back with Last-Event-ID hears at once of what it missed. Bounded: a reader that does not keep up has one event waiting, the newest.
 */
import type { Context } from 'koa';
import { asModseq } from '../../../mail/ids.ts';
import type { AccountInfo } from '../../../storage/mail-store.ts';
import { STATE_TYPES, type States, type StateType } from '../../../storage/model.ts';
import type { JmapParts } from '../method-call.ts';
import { RequestError } from '../problem.ts';
import { AccountFeed } from './account-feed.ts';
import { EventStream } from './event-stream.ts';

/** Pings more often than this would only cost. */
const MIN_PING_S = 5;
const MAX_PING_S = 3_600;

export class EventStreams {
  readonly #parts: JmapParts;
  readonly #feeds = new Map<string, AccountFeed>();
  readonly #open = new Set<EventStream>();

  constructor(parts: JmapParts) {
    this.#parts = parts;
  }

  async answer(ctx: Context, principal: AccountInfo): Promise<void> {
    const types = parseTypes(textOf(ctx.query['types']));
    const closeAfter = parseCloseAfter(textOf(ctx.query['closeafter']));
    const pingS = parsePing(textOf(ctx.query['ping']));
    const account = await this.#parts.store.openAccount(principal.id, principal.id);
    // Read before anything is promised: a change after this is told, however soon it comes.
    const { states } = await account.state();
    const since = parseEventId(ctx.get('Last-Event-ID')) ?? states;
    const feed = this.#feeds.get(principal.id) ?? new AccountFeed(this.#parts, account, principal.id);
    if (feed.size >= this.#parts.limits.maxEventStreams) {
      throw new RequestError('limit', `At most ${this.#parts.limits.maxEventStreams} event streams.`, {
        limit: 'maxConcurrentRequests',
      });
    }
    this.#feeds.set(principal.id, feed);
    const stream = new EventStream(ctx.req, ctx.res, { account: principal.id, types, closeAfter, pingS, since });
    ctx.respond = false;
    this.#open.add(stream);
    feed.add(stream);
    stream.onEnd(() => {
      this.#open.delete(stream);
      if (feed.remove(stream) && this.#feeds.get(principal.id) === feed) this.#feeds.delete(principal.id);
    });
    stream.start(headersOf(ctx));
    feed.look();
  }

  close(): void {
    for (const stream of [...this.#open]) stream.end();
  }
}

/** What the HTTP room set for every answer. */
function headersOf(ctx: Context): Record<string, string | number | string[]> {
  const headers: Record<string, string | number | string[]> = {};
  for (const [name, value] of Object.entries(ctx.res.getHeaders())) if (value !== undefined) headers[name] = value;
  return headers;
}

/** A query given twice counts once. */
function textOf(value: string | string[] | undefined): string {
  return (Array.isArray(value) ? value[0] : value) ?? '';
}

/** RFC 8620 §7.3: '*' or a list of type names; names that are not known here never change. */
function parseTypes(text: string): ReadonlySet<StateType> {
  if (text === '' || text === '*') return new Set(STATE_TYPES);
  const names = new Set(text.split(','));
  return new Set(STATE_TYPES.filter((type) => names.has(type)));
}

function parseCloseAfter(text: string): 'state' | 'no' {
  if (text === '' || text === 'no') return 'no';
  if (text === 'state') return 'state';
  throw new RequestError('notRequest', '"closeafter" is neither "state" nor "no".');
}

/** Seconds; 0: none. */
function parsePing(text: string): number {
  if (text === '') return 0;
  if (!/^\d{1,9}$/.test(text)) throw new RequestError('notRequest', '"ping" is not a number of seconds.');
  const seconds = Number(text);
  return seconds === 0 ? 0 : Math.min(Math.max(seconds, MIN_PING_S), MAX_PING_S);
}

/** Null: no id of ours, so the client starts anew. */
export function parseEventId(id: string): States | null {
  const match = /^(\d{1,16})\.(\d{1,16})\.(\d{1,16})\.(\d{1,16})\.(\d{1,16})$/.exec(id);
  if (match === null) return null;
  return Object.fromEntries(
    STATE_TYPES.map((type, index) => [type, asModseq(Number(match[index + 1]))]),
  ) as unknown as States;
}
