/** Event streams (RFC 8620 §7.3) over real sockets, with changes made the way IMAP makes them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asUid } from '../../../../src/mail/ids.ts';
import { type Answer, deliver, message, openWorld } from '../jmap-world.ts';

const world = await openWorld({ limits: { maxEventStreams: 40 } });

interface Event {
  readonly event: string;
  readonly id: string | null;
  readonly data: Answer;
}

class Listener {
  readonly response: Response;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #abort: AbortController;
  #text = '';
  lastId = '';

  constructor(response: Response, abort: AbortController) {
    this.response = response;
    this.#reader = response.body!.getReader();
    this.#abort = abort;
  }

  /** The next event with data; null at the end of the stream. */
  async next(): Promise<Event | null> {
    for (;;) {
      const end = this.#text.indexOf('\n\n');
      if (end === -1) {
        const { done, value } = await this.#reader.read();
        if (done) return null;
        this.#text += Buffer.from(value).toString();
        continue;
      }
      const lines = this.#text.slice(0, end).split('\n');
      this.#text = this.#text.slice(end + 2);
      const field = (name: string) =>
        lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2) ?? null;
      const id = field('id');
      if (id !== null) this.lastId = id;
      const data = field('data');
      if (data !== null) return { event: field('event') ?? 'message', id, data: JSON.parse(data) };
    }
  }

  close(): void {
    this.#abort.abort();
  }
}

async function listen(query: string, headers: Record<string, string> = {}): Promise<Listener> {
  const abort = new AbortController();
  const response = await world.fetch(`/jmap/eventsource${query}`, { headers, signal: abort.signal });
  return new Listener(response, abort);
}

test('RFC 8620 §7.3 the stream opens at once and a change by IMAP is told within a second', async () => {
  const stream = await listen('?types=*&closeafter=no&ping=0');
  assert.equal(stream.response.headers.get('content-type'), 'text/event-stream; charset=utf-8');
  assert.equal(stream.response.headers.get('access-control-allow-origin'), '*');
  const began = performance.now();
  const id = await deliver(world, message({}));
  const event = await stream.next();
  assert.ok(performance.now() - began < 1_000);
  assert.equal(event?.event, 'state');
  assert.equal(event?.data['@type'], 'StateChange');
  const told = event?.data.changed[world.alice.id];
  const { state } = await world.call('Email/get', { ids: [id] });
  assert.equal(told.Email, state);
  assert.deepEqual(Object.keys(told).sort(), ['Email', 'Mailbox', 'Thread']);

  const { mailboxes } = await world.mail.mailboxes();
  const inbox = mailboxes.find((mailbox) => mailbox.role === 'inbox')!;
  await world.mail.changeFlags(inbox.id, [{ from: asUid(1), to: asUid(1) }], {
    mode: 'add',
    keywords: ['$seen' as never],
    deleted: false,
  });
  const seen = await stream.next();
  assert.notEqual(seen?.data.changed[world.alice.id].Email, told.Email);
  stream.close();
});

test('RFC 8620 §7.3 only the types asked for are told', async () => {
  const stream = await listen('?types=Mailbox,Nonsense&closeafter=no&ping=0');
  const mixed = await listen('?types=Email&closeafter=no&ping=0');
  await world.call('Mailbox/set', { create: { a: { name: 'Told' } } });
  const id = await deliver(world, message({}));
  const first = await stream.next();
  assert.deepEqual(Object.keys(first?.data.changed[world.alice.id]), ['Mailbox']);
  const email = await mixed.next();
  assert.deepEqual(email?.data.changed[world.alice.id], {
    Email: (await world.call('Email/get', { ids: [id] })).state,
  });
  stream.close();
  mixed.close();
});

test('RFC 8620 §7.3 closeafter=state ends the stream after one event, and Last-Event-ID resumes', async () => {
  const stream = await listen('?types=Email&closeafter=state&ping=0');
  await deliver(world, message({}));
  const event = await stream.next();
  assert.equal(event?.event, 'state');
  assert.equal(await stream.next(), null);
  // What happens while nobody listens is told at the next start.
  const id = await deliver(world, message({}));
  const again = await listen('?types=Email&closeafter=state&ping=0', { 'Last-Event-ID': event!.id! });
  assert.deepEqual((await again.next())?.data.changed[world.alice.id], {
    Email: (await world.call('Email/get', { ids: [id] })).state,
  });
  assert.equal(await again.next(), null);
  for (const odd of ['x', '1.2', '', '9'.repeat(500)]) {
    const fresh = await listen('?types=Email&closeafter=no&ping=0', { 'Last-Event-ID': odd });
    await deliver(world, message({}));
    assert.equal((await fresh.next())?.event, 'state');
    fresh.close();
  }
});

test('RFC 8620 §7.3 a ping tells the interval that is really used', async () => {
  const stream = await listen('?types=Email&closeafter=no&ping=1');
  const event = await stream.next();
  assert.equal(event?.event, 'ping');
  assert.deepEqual(event?.data, { interval: 5 });
  stream.close();
});

test('RFC 8620 §7.3 strange parameters are refused, missing ones have a meaning', async () => {
  assert.equal((await world.fetch('/jmap/eventsource?closeafter=never')).status, 400);
  assert.equal((await world.fetch('/jmap/eventsource?ping=often')).status, 400);
  const stream = await listen('');
  await deliver(world, message({}));
  assert.equal((await stream.next())?.event, 'state');
  stream.close();
});

test('many streams of one account share one look at the state, and more than announced are refused', async () => {
  const streams = await Promise.all(Array.from({ length: 40 }, () => listen('?types=Email&closeafter=no&ping=0')));
  const refused = await world.fetch('/jmap/eventsource');
  assert.equal(refused.status, 400);
  const id = await deliver(world, message({}));
  const events = await Promise.all(streams.map((stream) => stream.next()));
  const { state } = await world.call('Email/get', { ids: [id] });
  assert.deepEqual(new Set(events.map((event) => event?.data.changed[world.alice.id].Email)), new Set([state]));
  for (const stream of streams) stream.close();
});

test('the stream of an account that is removed ends within seconds', async () => {
  const stream = await listen('?types=Email&closeafter=no&ping=0');
  await world.store.directory.removeAccount(world.alice.id);
  const began = performance.now();
  let event = await stream.next();
  while (event !== null) event = await stream.next();
  assert.ok(performance.now() - began < 10_000);
  assert.equal((await world.fetch('/jmap/eventsource')).status, 401);
});

test('nothing of all this was a defect', () => assert.deepEqual(world.errors, []));
