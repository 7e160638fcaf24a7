/** The queue on real parts: MongoDB, Valkey, other mail servers on sockets, several processes. */
import assert from 'node:assert/strict';
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { feedSchedule } from '../../../src/delivery/queue/feed-schedule.ts';
import { tellSchedule } from '../../../src/delivery/queue/tell-schedule.ts';
import { systemClock } from '../../../src/server/clock.ts';
import { silentLog } from '../../../src/server/log.ts';
import type { QueueDue } from '../../../src/storage/queue-record.ts';
import { freshDatabase, freshKeyPrefix, redisUrl } from '../../support/services.ts';
import { type ScriptedOptions, type ScriptedServer, scriptedServer } from '../outbound/scripted-server.ts';
import { DeliveryWorld, inboxOf, untilFinal, untilInbox, type WorldOptions } from '../support/delivery-world.ts';
import { MovingClock } from '../support/moving-clock.ts';

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});
const admin = new Redis(redisUrl());
const prefixes: string[] = [];
const wipe = async (prefix: string): Promise<void> => {
  const keys = await admin.keys(`${prefix}*`);
  if (keys.length > 0) await admin.del(...keys);
};
after(async () => {
  for (const prefix of prefixes) await wipe(prefix);
  admin.disconnect();
});
const databases = Array.from({ length: 24 }, () => freshDatabase());

async function world(more: Partial<WorldOptions> = {}): Promise<DeliveryWorld> {
  const keyPrefix = more.keyPrefix ?? freshKeyPrefix();
  prefixes.push(keyPrefix);
  const opened = await DeliveryWorld.open({
    database: more.database ?? databases.pop()!,
    redisUrl: redisUrl(),
    ...more,
    keyPrefix,
  });
  cleanups.push(() => opened.close());
  return opened;
}
async function remote(options: ScriptedOptions = {}): Promise<ScriptedServer> {
  const server = await scriptedServer(options);
  cleanups.push(() => server.close());
  return server;
}
const message = (n: number | string): Buffer =>
  Buffer.from(`From: sender@here.test\r\nSubject: ${n}\r\nMessage-ID: <${n}@here.test>\r\n\r\nmessage ${n}\r\n`);
const subjects = (server: ScriptedServer): string[] =>
  server.arrivals.map(({ data }) => /Subject: (.*)\r\n/.exec(data)![1]!);

/** Resolves when that many messages have arrived. */
function counter(): { readonly onArrival: () => void; readonly reached: (count: number) => Promise<void> } {
  let arrived = 0;
  const waiting: { readonly count: number; readonly resolve: () => void }[] = [];
  return {
    onArrival: () => {
      arrived += 1;
      for (const { count, resolve } of waiting) if (arrived >= count) resolve();
    },
    reached: (count) =>
      arrived >= count ? Promise.resolve() : new Promise((resolve) => waiting.push({ count, resolve })),
  };
}

test('P1 what was accepted for a mailbox here arrives in its Inbox, once for each recipient', async () => {
  const here = await world();
  const [one, two] = [await here.account('one@here.test'), await here.account('two@here.test')];
  here.start();
  const id = await here.accept(['one@here.test', 'two@here.test'], message(1));
  await untilInbox(one, 1);
  await untilInbox(two, 1);
  const entry = await untilFinal(here.store, id);
  assert.deepEqual(
    entry.recipients.map(({ state, lastReply }) => `${state} ${lastReply?.code} ${lastReply?.status}`),
    ['sent 250 2.1.5', 'sent 250 2.1.5'],
  );
  assert.equal((await inboxOf(one)).total, 1);
});

test('what was accepted for elsewhere leaves by the smarthost, and its reply is kept', async () => {
  const server = await remote();
  const here = await world({ outbound: { smarthost: { host: '127.0.0.1', port: server.port } } });
  here.start();
  const id = await here.accept(['you@there.test', 'me@there.test', 'x@other.test'], message(1));
  const entry = await untilFinal(here.store, id);
  assert.ok(entry.recipients.every(({ state }) => state === 'sent'));
  assert.equal(entry.recipients[0]!.lastReply?.from, '127.0.0.1');
  // One transaction for each domain.
  assert.equal(server.arrivals.length, 2);
});

test('a trapped message counts as sent and stays in the queue to be seen', async () => {
  const here = await world({ outbound: { mode: 'trap' } });
  here.start();
  const id = await here.accept(['you@there.test'], message(1));
  const entry = await untilFinal(here.store, id);
  assert.match(entry.recipients[0]!.lastReply!.lines[0]!, /trapped, not sent/);
});

test('RFC 5321 §6.1 a permanent failure is told to the sender here by one notice in the Inbox', async () => {
  const server = await remote({
    script: (verb, line) => (verb === 'RCPT' && line.includes('gone') ? '550 5.1.1 nobody' : undefined),
  });
  const here = await world({ outbound: { smarthost: { host: '127.0.0.1', port: server.port } } });
  const sender = await here.account('sender@here.test');
  here.start();
  const id = await here.accept(['gone@there.test', 'you@there.test', 'gone2@there.test'], message(1));
  const inbox = await untilInbox(sender, 1);
  const entry = await untilFinal(here.store, id);
  assert.deepEqual(
    entry.recipients.map(({ state }) => state),
    ['bounced', 'sent', 'bounced'],
  );
  const messages = [];
  for await (const batch of sender.messagesByUid(inbox.id, [{ from: 1 as never, to: 100 as never }], ['summary']))
    messages.push(...batch);
  assert.equal(messages.length, 1);
  assert.equal(messages[0]!.summary?.subject, 'Your message could not be delivered');
  const octets: Buffer[] = [];
  for await (const piece of here.store.readBody(messages[0]!.body)) octets.push(piece);
  const text = Buffer.concat(octets).toString();
  assert.match(text, /^Return-Path: <>\r\n/);
  assert.match(text, /Final-Recipient: rfc822; gone@there\.test/);
  assert.match(text, /Final-Recipient: rfc822; gone2@there\.test/);
  // The notice itself is done, and nothing was made for it.
  const rows = await here.store.queue.list({ limit: 10, includeFinal: true });
  assert.equal(rows.length, 2);
});

test('RFC 5321 §4.5.4.1 a temporary failure is tried again when its time has come, not before', async () => {
  const clock = new MovingClock(new Date());
  let refusals = 0;
  const arrived = counter();
  const server = await remote({
    script: (verb) => (verb === 'RCPT' && refusals++ < 2 ? '451 4.7.1 greylisted' : undefined),
    onArrival: arrived.onArrival,
  });
  const here = await world({ clock, outbound: { smarthost: { host: '127.0.0.1', port: server.port } } });
  here.start();
  const id = await here.accept(['you@there.test'], message(1));
  const deferred = async (attempts: number): Promise<Date> => {
    for (;;) {
      const [recipient] = (await here.store.queue.get(id))!.recipients;
      if (recipient!.state === 'deferred' && recipient!.attempts === attempts) return recipient!.nextAt;
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  assert.equal((await deferred(1)).getTime() - clock.now().getTime(), 60_000);
  clock.advance(59_000);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(refusals, 1);
  clock.advance(1_000);
  assert.equal((await deferred(2)).getTime() - clock.now().getTime(), 300_000);
  clock.advance(300_000);
  await arrived.reached(1);
  assert.equal(refusals, 3);
});

test('P4 Redis loses everything while a thousand messages wait: every one leaves, once', async () => {
  const arrived = counter();
  const server = await remote({ onArrival: arrived.onArrival });
  const keyPrefix = freshKeyPrefix();
  const here = await world({ keyPrefix, outbound: { smarthost: { host: '127.0.0.1', port: server.port } } });
  const total = 1_000;
  const batch = 50;
  for (let from = 0; from < total; from += batch) {
    await Promise.all(
      Array.from({ length: batch }, (_, i) => here.accept([`u@d${(from + i) % 37}.test`], message(from + i))),
    );
  }
  here.start();
  await arrived.reached(50);
  await wipe(keyPrefix);
  await arrived.reached(400);
  await wipe(keyPrefix);
  await arrived.reached(total);
  assert.equal(new Set(subjects(server)).size, total);
  assert.equal(server.arrivals.length, total);
});

test('P4 Redis stops and starts again: the record is worked from meanwhile', async () => {
  const redis = await ownValkey();
  const arrived = counter();
  const server = await remote({ onArrival: arrived.onArrival });
  const here = await world({ redisUrl: redis.url, outbound: { smarthost: { host: '127.0.0.1', port: server.port } } });
  here.start();
  await here.accept(['u@a.test'], message('before'));
  await arrived.reached(1);
  await redis.stop();
  await here.accept(['u@a.test'], message('without'));
  await arrived.reached(2);
  await redis.start();
  const usable = new Promise<void>((resolve) => {
    if (here.schedule.isUsable) resolve();
    here.schedule.onChange(() => here.schedule.isUsable && resolve());
  });
  await usable;
  await here.accept(['u@a.test'], message('after'));
  await arrived.reached(3);
  assert.deepEqual(subjects(server), ['before', 'without', 'after']);
});

test('P2 two worker processes: every message arrives once', async () => {
  const arrived = counter();
  const server = await remote({ onArrival: arrived.onArrival });
  const database = databases.pop()!;
  const keyPrefix = freshKeyPrefix();
  const outbound = { smarthost: { host: '127.0.0.1', port: server.port } };
  const here = await world({ database, keyPrefix, outbound });
  const workers = await Promise.all(
    [1, 2].map(() => workerProcess({ database, keyPrefix, redisUrl: redisUrl(), outbound })),
  );
  // This process only accepts.
  const unfeed = feedSchedule(here.store.queue, here.schedule, silentLog);
  const total = 300;
  for (let from = 0; from < total; from += 50) {
    await Promise.all(
      Array.from({ length: 50 }, (_, i) => here.accept([`u@d${(from + i) % 11}.test`], message(from + i))),
    );
  }
  await arrived.reached(total);
  unfeed();
  assert.equal(new Set(subjects(server)).size, total);
  assert.equal(server.arrivals.length, total);
  assert.equal(workers.length, 2);
});

test('P4 a worker process that is killed leaves its messages to the others when its leases are over', async () => {
  const arrived = counter();
  let isHanging = true;
  let hanging = 0;
  const server = await remote({
    onArrival: arrived.onArrival,
    script: (verb) => {
      if (verb !== 'MAIL' || !isHanging) return undefined;
      hanging += 1;
      return null;
    },
  });
  const database = databases.pop()!;
  const keyPrefix = freshKeyPrefix();
  const leaseMs = 3_000;
  const outbound = { smarthost: { host: '127.0.0.1', port: server.port } };
  const here = await world({ database, keyPrefix, outbound, leaseMs });
  const worker = await workerProcess({ database, keyPrefix, redisUrl: redisUrl(), outbound, leaseMs });
  const unfeed = feedSchedule(here.store.queue, here.schedule, silentLog);
  for (let i = 0; i < 10; i++) await here.accept([`u@d${i}.test`], message(i));
  while (hanging < 10) await server.heard('MAIL');
  unfeed();
  worker.kill('SIGKILL');
  await once(worker, 'exit');
  isHanging = false;
  here.start();
  await arrived.reached(10);
  assert.equal(new Set(subjects(server)).size, 10);
  assert.equal(server.arrivals.length, 10);
});

test('P4 a worker killed between the 250 of the remote and the record: sent again, and flagged as such', async () => {
  const arrived = counter();
  const server = await remote({ onArrival: arrived.onArrival });
  const database = databases.pop()!;
  const keyPrefix = freshKeyPrefix();
  const leaseMs = 3_000;
  const outbound = { smarthost: { host: '127.0.0.1', port: server.port } };
  const here = await world({ database, keyPrefix, outbound, leaseMs });
  const worker = await workerProcess({ database, keyPrefix, redisUrl: redisUrl(), outbound, leaseMs });
  let isKilled = false;
  server.script = (verb) => {
    // The remote has the whole message; the worker will never read its 250.
    if (verb === 'dot' && !isKilled) isKilled = worker.kill('SIGKILL');
    return undefined;
  };
  const unfeed = feedSchedule(here.store.queue, here.schedule, silentLog);
  const id = await here.accept(['u@there.test', 'x@there.test'], message(1));
  await arrived.reached(1);
  unfeed();
  const sending = (await here.store.queue.get(id))!.recipients[0]!;
  assert.equal(sending.state, 'sending');
  assert.equal(sending.mayBeSentTwice, undefined);
  here.start();
  await arrived.reached(2);
  const { recipients } = await untilFinal(here.store, id);
  assert.deepEqual(
    recipients.map(({ state, mayBeSentTwice }) => [state, mayBeSentTwice]),
    [
      ['sent', 1],
      ['sent', 1],
    ],
  );
  assert.notEqual(recipients[0]!.lastSending!.id, sending.lastSending!.id);
  assert.equal(server.arrivals.length, 2);
});

test('P4 a worker killed before the final dot leaves nothing to be flagged', async () => {
  const server = await remote();
  const database = databases.pop()!;
  const keyPrefix = freshKeyPrefix();
  const leaseMs = 3_000;
  const outbound = { smarthost: { host: '127.0.0.1', port: server.port } };
  const here = await world({ database, keyPrefix, outbound, leaseMs });
  const worker = await workerProcess({ database, keyPrefix, redisUrl: redisUrl(), outbound, leaseMs });
  let isKilled = false;
  server.script = (verb) => {
    if (verb === 'DATA' && !isKilled) isKilled = worker.kill('SIGKILL');
    return undefined;
  };
  const unfeed = feedSchedule(here.store.queue, here.schedule, silentLog);
  const heard = server.heard('DATA');
  const id = await here.accept(['u@there.test'], message(1));
  await heard;
  unfeed();
  here.start();
  const { recipients } = await untilFinal(here.store, id);
  assert.deepEqual([recipients[0]!.state, recipients[0]!.mayBeSentTwice], ['sent', undefined]);
  assert.equal(server.arrivals.length, 1);
});

test('RFC 1047 an answer to the final dot that never comes is flagged', async () => {
  let cuts = 0;
  const server = await remote({ script: (verb) => (verb === 'dot' && cuts++ === 0 ? 'cut' : undefined) });
  const here = await world({ outbound: { smarthost: { host: '127.0.0.1', port: server.port } } });
  here.start();
  const id = await here.accept(['u@there.test'], message(1));
  for (;;) {
    const { state, mayBeSentTwice } = (await here.store.queue.get(id))!.recipients[0]!;
    if (state !== 'deferred') continue;
    assert.equal(mayBeSentTwice, 1);
    break;
  }
  assert.equal(await here.store.queue.retryNow(id), 1);
  assert.equal((await untilFinal(here.store, id)).recipients[0]!.mayBeSentTwice, 1);
});

test('RFC 3461 §5.2.2 success is told once: delivered here, relayed to a host without the extension', async () => {
  const server = await remote();
  const here = await world({ outbound: { smarthost: { host: '127.0.0.1', port: server.port } } });
  const sender = await here.account('sender@here.test');
  await here.account('one@here.test');
  here.start();
  const notify = ['success'] as const;
  const id = await here.accept(
    [
      { address: 'one@here.test', notify },
      { address: 'u@there.test', notify },
    ],
    message(1),
  );
  await untilInbox(sender, 2);
  await untilFinal(here.store, id);
  const all = await here.store.queue.list({ limit: 100, includeFinal: true });
  const notices = all.filter(({ source }) => source === 'notice');
  const texts: string[] = [];
  for (const { body } of notices) {
    const pieces: Buffer[] = [];
    for await (const piece of here.store.readBody(body)) pieces.push(piece);
    texts.push(/Action: (.*)\r\n/.exec(Buffer.concat(pieces).toString())![1]!);
  }
  assert.deepEqual(texts.sort(), ['delivered', 'relayed']);
});

test('a held message is not attempted until it is released in another process', async () => {
  const server = await remote();
  const database = databases.pop()!;
  const keyPrefix = freshKeyPrefix();
  const outbound = { smarthost: { host: '127.0.0.1', port: server.port } };
  const here = await world({ database, keyPrefix, outbound });
  const unfeed = feedSchedule(here.store.queue, here.schedule, silentLog);
  const [held, other] = [
    await here.accept(['a@there.test'], message(1)),
    await here.accept(['b@there.test'], message(2)),
  ];
  unfeed();
  assert.deepEqual(await here.store.queue.hold(held), { recipients: 1, inFlight: 0 });
  here.start();
  await untilFinal(here.store, other);
  assert.equal(await here.store.queue.retryNow(), 0);
  assert.equal(await here.store.queue.claim(held, 'there.test', 'w', 1_000), null);
  assert.equal((await here.store.queue.get(held))!.recipients[0]!.state, 'held');
  const operator = await world({ database, keyPrefix });
  const due: QueueDue[] = [];
  operator.store.queue.onAccepted((more) => due.push(...more));
  assert.deepEqual(await operator.store.queue.release(held), { recipients: 1, inFlight: 0 });
  await tellSchedule({ redisUrl: redisUrl(), keyPrefix, clock: systemClock, log: silentLog }, due);
  assert.equal((await untilFinal(here.store, held)).recipients[0]!.state, 'sent');
  assert.deepEqual(subjects(server), ['2', '1']);
});

test('P4 a worker that lost its lease can not write', async () => {
  const clock = new MovingClock(new Date());
  const here = await world({ clock });
  const accepted: QueueDue[] = [];
  here.store.queue.onAccepted((due) => accepted.push(...due));
  const id = await here.accept(['you@there.test'], message(1));
  assert.deepEqual(
    accepted.map(({ id: due, lane }) => `${due} ${lane}`),
    [`${id} there.test`],
  );
  const first = await here.store.queue.claim(id, 'there.test', 'first', 30_000);
  assert.equal(await here.store.queue.claim(id, 'there.test', 'second', 30_000), null);
  clock.advance(30_001);
  const second = await here.store.queue.claim(id, 'there.test', 'second', 30_000);
  assert.ok(first !== null && second !== null);
  const outcome = { index: 0, state: 'sent', reply: { code: 250, status: null, lines: ['ok'] }, from: 'mx' } as const;
  assert.equal(await here.store.queue.record(first, [outcome], []), false);
  assert.equal(await here.store.queue.extend(first, 30_000), false);
  assert.equal(await here.store.queue.record(second, [outcome], []), true);
});

test('a retry that an operator asks for in another process is made at once', async () => {
  let isAway = true;
  const arrived = counter();
  const server = await remote({
    script: (verb) => (verb === 'MAIL' && isAway ? '451 4.3.0 later' : undefined),
    onArrival: arrived.onArrival,
  });
  const database = databases.pop()!;
  const keyPrefix = freshKeyPrefix();
  const outbound = { smarthost: { host: '127.0.0.1', port: server.port } };
  const here = await world({ database, keyPrefix, outbound });
  const operator = await world({ database, keyPrefix });
  here.start();
  const id = await here.accept(['you@there.test'], message(1));
  while ((await here.store.queue.get(id))!.recipients[0]!.state !== 'deferred') {
    await new Promise((resolve) => setImmediate(resolve));
  }
  isAway = false;
  const due: QueueDue[] = [];
  operator.store.queue.onAccepted((more) => due.push(...more));
  assert.equal(await operator.store.queue.retryNow(id), 1);
  const address = { redisUrl: redisUrl(), keyPrefix, clock: systemClock, log: silentLog };
  assert.equal(await tellSchedule(address, due), true);
  await arrived.reached(1);
});

test('a stop lets what is in flight end, and takes nothing more', async () => {
  let release = (): void => undefined;
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const server = await remote();
  const here = await world({ outbound: { smarthost: { host: '127.0.0.1', port: server.port } } });
  const running = here.start();
  server.script = (verb) => {
    if (verb === 'DATA') release();
    return undefined;
  };
  const id = await here.accept(['you@there.test'], message(1));
  await held;
  await running.stop();
  assert.equal((await here.store.queue.get(id))!.recipients[0]!.state, 'sent');
  const second = await here.accept(['you@there.test'], message(2));
  assert.equal((await here.store.queue.get(second))!.recipients[0]!.state, 'ready');
});

async function workerProcess(options: WorldOptions): Promise<ChildProcess> {
  const script = fileURLToPath(new URL('../support/worker-process.js', import.meta.url));
  const child = fork(script, [JSON.stringify(options)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  cleanups.push(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
  await once(child, 'message');
  return child;
}

/** A Valkey of this test's own, that it may stop: the program that the runner tells, or the one on PATH. */
async function ownValkey(): Promise<{ readonly url: string; stop(): Promise<void>; start(): Promise<void> }> {
  const program = process.env['WAXWING_TEST_VALKEY'] ?? 'valkey-server';
  const folder = mkdtempSync(join(tmpdir(), 'waxwing-valkey-'));
  const port = await freePort();
  let child: ChildProcess | null = null;
  const stop = async (): Promise<void> => {
    if (child === null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
    child = null;
  };
  const start = async (): Promise<void> => {
    child = spawn(program, ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', folder], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const { stdout } = child;
    await new Promise<void>((resolve) => {
      stdout!.on('data', (text) => String(text).includes('Ready to accept connections') && resolve());
    });
  };
  await start();
  cleanups.push(async () => {
    await stop();
    rmSync(folder, { recursive: true, force: true });
  });
  return { url: `redis://127.0.0.1:${port}`, stop, start };
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
