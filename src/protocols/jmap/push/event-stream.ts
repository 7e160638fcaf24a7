/**
 * One event stream (RFC 8620 §7.3): headers and a first comment at once, then a `state` event whenever a type of interest has another state than the one
 * told last. While the socket is full nothing is written; what changed meanwhile is one event afterwards.
 */
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { AccountId } from '../../../mail/ids.ts';
import { STATE_TYPES, type States, type StateType } from '../../../storage/model.ts';
import type { FeedListener } from './account-feed.ts';

export interface EventStreamOptions {
  readonly account: AccountId;
  readonly types: ReadonlySet<StateType>;
  readonly closeAfter: 'state' | 'no';
  /** Seconds; 0: none. */
  readonly pingS: number;
  /** What the client knows. */
  readonly since: States;
}

/** A reader that takes nothing for so long is gone. */
export const MAX_STALL_MS = 60_000;
/** Milliseconds after which a browser comes back. */
const RETRY_MS = 2_000;

export class EventStream implements FeedListener {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #options: EventStreamOptions;
  #told: States;
  #newest: States | null = null;
  #isFull = false;
  #isEnded = false;
  #onEnd: (() => void) | null = null;
  #ping: NodeJS.Timeout | null = null;
  #stall: NodeJS.Timeout | null = null;

  constructor(request: IncomingMessage, response: ServerResponse, options: EventStreamOptions) {
    this.#request = request;
    this.#response = response;
    this.#options = options;
    this.#told = options.since;
  }

  onEnd(act: () => void): void {
    this.#onEnd = act;
  }

  start(headers: OutgoingHttpHeaders): void {
    // Silence is what a stream is made of: TCP tells whether the peer is there.
    this.#request.socket.setTimeout(0);
    this.#request.socket.setKeepAlive(true, 60_000);
    this.#request.socket.setNoDelay(true);
    this.#response.on('close', () => this.end());
    this.#response.on('error', () => this.end());
    this.#response.on('drain', () => this.#drained());
    this.#response.writeHead(200, {
      ...headers,
      'Content-Type': 'text/event-stream; charset=utf-8',
      'Cache-Control': 'no-store',
      // Proxies of the nginx kind would hold events back.
      'X-Accel-Buffering': 'no',
    });
    this.#write(`retry: ${RETRY_MS}\nid: ${eventId(this.#told)}\n: connected\n\n`);
    const { pingS } = this.#options;
    if (pingS > 0) {
      this.#ping = setInterval(() => {
        // RFC 8620 §7.3: a ping tells its interval.
        if (!this.#isFull) this.#write(`event: ping\ndata: {"interval":${pingS}}\n\n`);
      }, pingS * 1_000);
      this.#ping.unref();
    }
  }

  states(states: States): void {
    if (this.#isEnded) return;
    // A feed that reads twice must not go back in time.
    if (this.#newest !== null && STATE_TYPES.some((type) => states[type] < this.#newest![type])) return;
    this.#newest = states;
    if (!this.#isFull) this.#tell();
  }

  gone(): void {
    this.end();
  }

  end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    if (this.#ping !== null) clearInterval(this.#ping);
    if (this.#stall !== null) clearTimeout(this.#stall);
    this.#response.end();
    this.#onEnd?.();
  }

  #tell(): void {
    const { account, types, closeAfter } = this.#options;
    const newest = this.#newest;
    if (newest === null) return;
    const told = this.#told;
    this.#told = newest;
    const changed = STATE_TYPES.filter((type) => types.has(type) && newest[type] !== told[type]);
    if (changed.length === 0) return;
    const states = Object.fromEntries(changed.map((type) => [type, String(newest[type])]));
    const data = JSON.stringify({ '@type': 'StateChange', changed: { [account]: states } });
    this.#write(`event: state\nid: ${eventId(newest)}\ndata: ${data}\n\n`);
    if (closeAfter === 'state') this.end();
  }

  #write(text: string): void {
    if (this.#isEnded) return;
    this.#isFull = !this.#response.write(text);
    if (!this.#isFull || this.#stall !== null) return;
    this.#stall = setTimeout(() => {
      this.#response.destroy();
      this.end();
    }, MAX_STALL_MS);
    this.#stall.unref();
  }

  #drained(): void {
    this.#isFull = false;
    if (this.#stall !== null) clearTimeout(this.#stall);
    this.#stall = null;
    this.#tell();
  }
}

export function eventId(states: States): string {
  return STATE_TYPES.map((type) => states[type]).join('.');
}
