import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { generate } from 'selfsigned';
import { ConnectionPool, DEFAULT_POOL } from '../../../src/delivery/outbound/connection-pool.ts';
import { attemptRemotely, type RemoteAttemptOptions } from '../../../src/delivery/outbound/remote-attempt.ts';
import { RFC_TIMEOUTS } from '../../../src/delivery/outbound/smtp-connection.ts';
import type { AttemptResult } from '../../../src/delivery/queue/outcome.ts';
import { systemClock } from '../../../src/server/clock.ts';
import type { DnsAnswer, DnsResolver, MxRecord } from '../../../src/server/dns-resolver.ts';
import { silentLog } from '../../../src/server/log.ts';
import type { QueueEntry } from '../../../src/storage/queue-record.ts';
import { bodyStore, entryOf, leaseOf, recipientOf } from '../support/entries.ts';
import { MovingClock } from '../support/moving-clock.ts';
import { type ScriptedOptions, type ScriptedServer, scriptedServer } from './scripted-server.ts';

const BODY = Buffer.from('Subject: hello\r\n\r\nfirst line\r\n.dot\r\n');
const certificate = await generate([{ name: 'commonName', value: 'elsewhere.test' }], { keySize: 2048 });

const servers: ScriptedServer[] = [];
const pools: ConnectionPool[] = [];
afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.close()));
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

async function remote(options: ScriptedOptions = {}): Promise<ScriptedServer> {
  const server = await scriptedServer(options);
  servers.push(server);
  return server;
}

interface Zone {
  readonly mx?: Readonly<Record<string, DnsAnswer<MxRecord>>>;
  readonly a?: Readonly<Record<string, DnsAnswer<string>>>;
  readonly aaaa?: Readonly<Record<string, DnsAnswer<string>>>;
}
const records = <T>(...list: readonly T[]): DnsAnswer<T> => ({ kind: 'records', records: list });
function resolver(zone: Zone): DnsResolver {
  const find = <T>(table: Readonly<Record<string, DnsAnswer<T>>> | undefined, name: string): Promise<DnsAnswer<T>> =>
    Promise.resolve(table?.[name] ?? { kind: 'noData' });
  return {
    mx: (name) => find(zone.mx, name),
    a: (name) => find(zone.a, name),
    aaaa: (name) => find(zone.aaaa, name),
    txt: () => Promise.resolve({ kind: 'noData' }),
  };
}
const ZONE: Zone = {
  mx: { 'there.test': records({ preference: 10, exchange: 'mx.there.test' }) },
  a: { 'mx.there.test': records('127.0.0.1') },
};

function optionsFor(port: number, more: Partial<RemoteAttemptOptions> = {}, body = BODY): RemoteAttemptOptions {
  const clock = more.clock ?? systemClock;
  const pool = more.pool ?? new ConnectionPool({ ...DEFAULT_POOL, clock });
  pools.push(pool);
  return {
    store: bodyStore(body),
    pool,
    resolver: resolver(ZONE),
    smarthost: null,
    ownNames: ['us.test'],
    allowPrivateAddresses: true,
    mxPort: port,
    random: () => 0.5,
    heloName: 'us.test',
    clock,
    log: silentLog,
    ...more,
  };
}

const never = new AbortController().signal;
const context = { signal: never, beginSending: () => Promise.resolve(true) };
function attempt(options: RemoteAttemptOptions, entry: QueueEntry, signal = never): Promise<readonly AttemptResult[]> {
  return attemptRemotely(options, leaseOf(entry), { ...context, signal });
}
const one = (body = BODY): QueueEntry => entryOf(body, [recipientOf('you@there.test')]);
const summary = (results: readonly AttemptResult[]): string[] =>
  [...results]
    .sort((a, b) => a.index - b.index)
    .map(({ index, result, reply }) => `${index} ${result} ${reply.code} ${reply.status ?? '-'}`);

test('RFC 5321 §3.3 a message reaches the mail exchanger of its domain, dots doubled, and the reply is kept', async () => {
  const server = await remote();
  const results = await attempt(optionsFor(server.port), one());
  assert.deepEqual(summary(results), ['0 sent 250 2.0.0']);
  assert.equal(results[0]!.from, 'mx.there.test');
  assert.equal(server.arrivals[0]!.data, 'Subject: hello\r\n\r\nfirst line\r\n..dot\r\n');
  assert.equal(server.arrivals[0]!.mail, `MAIL FROM:<sender@here.test> SIZE=${BODY.length} BODY=8BITMIME`);
  assert.deepEqual(server.arrivals[0]!.rcpt, ['RCPT TO:<you@there.test>']);
});

test('octets that belong to this host alone (Return-Path) do not leave it', async () => {
  const server = await remote();
  const head = Buffer.from('Return-Path: <sender@here.test>\r\n');
  const body = Buffer.concat([head, BODY]);
  const entry = entryOf(body, [recipientOf('you@there.test')], { skip: head.length });
  await attempt(optionsFor(server.port, {}, body), entry);
  assert.ok(server.arrivals[0]!.data.startsWith('Subject: hello'));
});

test('RFC 5321 §2.3.8 bare CR and LF leave as CRLF, also across pieces, and the last line is ended', async () => {
  const server = await remote();
  const body = Buffer.from('a\nb\rc\r\n.\r\n.\nMAIL FROM:<x@y>\r\r\nend');
  const options = { ...optionsFor(server.port, {}, body), store: bodyStore(body, 1) };
  await attempt(options, one(body));
  assert.equal(server.arrivals[0]!.data, 'a\r\nb\r\nc\r\n..\r\n..\r\nMAIL FROM:<x@y>\r\n\r\nend\r\n');
  assert.equal(server.arrivals.length, 1);
});

test('RFC 5321 §4.2.1 replies by phase: 4xx waits, 5xx is final', async (t) => {
  const table: readonly (readonly [string, string, string])[] = [
    ['connect', '421 4.3.2 too busy', '0 deferred 421 4.3.2'],
    ['connect', '554 5.7.1 go away', '0 deferred 554 5.7.1'],
    ['connect', '521 5.3.2 never', '0 bounced 521 5.3.2'],
    ['EHLO', '421 4.3.2 too busy', '0 deferred 421 4.3.2'],
    ['MAIL', '451 4.7.1 later', '0 deferred 451 4.7.1'],
    ['MAIL', '550 5.7.1 not from you', '0 bounced 550 5.7.1'],
    ['MAIL', '421 closing', '0 deferred 421 -'],
    ['RCPT', '450 4.2.1 grey', '0 deferred 450 4.2.1'],
    ['RCPT', '550 5.1.1 nobody', '0 bounced 550 5.1.1'],
    ['RCPT', '421 4.4.5 closing', '0 deferred 421 4.4.5'],
    ['DATA', '451 4.3.0 later', '0 deferred 451 4.3.0'],
    ['DATA', '554 5.5.1 no valid recipients', '0 bounced 554 5.5.1'],
    ['dot', '452 4.3.1 disk full', '0 deferred 452 4.3.1'],
    ['dot', '550 5.7.1 spam', '0 bounced 550 5.7.1'],
    ['dot', '421 4.3.2 closing', '0 deferred 421 4.3.2'],
  ];
  for (const [verb, reply, expected] of table) {
    await t.test(`${verb} ${reply}`, async () => {
      const server = await remote({ script: (at) => (at === verb ? reply : undefined) });
      const results = await attempt(optionsFor(server.port), one());
      assert.deepEqual(summary(results), [expected]);
      assert.equal(server.arrivals.length, 0);
    });
  }
});

test('RFC 5321 §3.3 every recipient of a transaction has a result of its own', async () => {
  for (const extensions of [['PIPELINING'], []]) {
    const server = await remote({
      extensions,
      script: (verb, line) => {
        if (verb !== 'RCPT') return undefined;
        if (line.includes('gone')) return '550 5.1.1 nobody';
        return line.includes('full') ? '452 4.2.2 mailbox full' : undefined;
      },
    });
    const entry = entryOf(
      BODY,
      ['a', 'gone', 'b', 'full'].map((local) => recipientOf(`${local}@there.test`)),
    );
    const results = await attempt(optionsFor(server.port), entry);
    assert.deepEqual(summary(results), [
      '0 sent 250 2.0.0',
      '1 bounced 550 5.1.1',
      '2 sent 250 2.0.0',
      '3 deferred 452 4.2.2',
    ]);
    assert.deepEqual(server.arrivals[0]!.rcpt, ['RCPT TO:<a@there.test>', 'RCPT TO:<b@there.test>']);
  }
});

test('RFC 5321 §4.5.3.1.10 recipients beyond what the server takes at once follow in another transaction', async () => {
  let taken = 0;
  const server = await remote({
    script: (verb) => {
      if (verb === 'MAIL') taken = 0;
      if (verb !== 'RCPT') return undefined;
      taken += 1;
      return taken > 2 ? '452 4.5.3 too many recipients' : undefined;
    },
  });
  const entry = entryOf(
    BODY,
    ['a', 'b', 'c', 'd', 'e'].map((local) => recipientOf(`${local}@there.test`)),
  );
  const results = await attempt(optionsFor(server.port), entry);
  assert.ok(results.every(({ result }) => result === 'sent'));
  assert.deepEqual(
    server.arrivals.map(({ rcpt }) => rcpt.length),
    [2, 2, 1],
  );
  assert.equal(server.connections, 1);
});

test('RFC 5321 §3.2 a server that does not know EHLO is greeted with HELO and told no parameters', async () => {
  const server = await remote({ script: (verb) => (verb === 'EHLO' ? '502 what?' : undefined) });
  const results = await attempt(optionsFor(server.port), one());
  assert.deepEqual(summary(results), ['0 sent 250 2.0.0']);
  assert.equal(server.arrivals[0]!.mail, 'MAIL FROM:<sender@here.test>');
});

test('RFC 3207 §4 STARTTLS is used where it is offered, and no certificate is asked for', async () => {
  const tls = { key: certificate.private, cert: certificate.cert };
  const server = await remote({ extensions: ['STARTTLS', 'PIPELINING'], tls });
  const results = await attempt(optionsFor(server.port), one());
  assert.deepEqual(summary(results), ['0 sent 250 2.0.0']);
  assert.equal(server.arrivals[0]!.isTls, true);
});

test('RFC 7435 §3 a STARTTLS that fails is followed by a connection in plain text', async (t) => {
  const failing: readonly (readonly [string, ScriptedOptions['script']])[] = [
    ['the handshake breaks', (verb) => (verb === 'STARTTLS' ? '220 go\r\nthis is no handshake' : undefined)],
    ['the peer hangs up', (verb) => (verb === 'STARTTLS' ? 'cut' : undefined)],
  ];
  for (const [title, script] of failing) {
    await t.test(title, async () => {
      const server = await remote({ extensions: ['STARTTLS'], script: script! });
      const results = await attempt(optionsFor(server.port), one());
      assert.deepEqual(summary(results), ['0 sent 250 2.0.0']);
      assert.equal(server.connections, 2);
      assert.equal(server.arrivals[0]!.isTls, false);
    });
  }
});

test('a connection that breaks before the final dot makes room for the next host', async () => {
  for (const verb of ['connect', 'EHLO', 'MAIL', 'RCPT', 'DATA'] as const) {
    const bad = await remote({ script: (at) => (at === verb ? 'cut' : undefined) });
    const good = await remote({ host: '127.0.0.2', port: bad.port });
    const zone: Zone = {
      mx: { 'there.test': records({ preference: 20, exchange: 'b.test' }, { preference: 10, exchange: 'a.test' }) },
      a: { 'a.test': records('127.0.0.1'), 'b.test': records('127.0.0.2') },
    };
    const results = await attempt(optionsFor(bad.port, { resolver: resolver(zone) }), one());
    assert.deepEqual(summary(results), ['0 sent 250 2.0.0'], verb);
    assert.equal(results[0]!.from, 'b.test');
    assert.equal(good.arrivals.length, 1);
    assert.equal(bad.arrivals.length, 0);
  }
});

test('RFC 5321 §4.5.3.2.6 a connection cut after the final dot defers, says so, and goes to no other host', async () => {
  const bad = await remote({ script: (verb) => (verb === 'dot' ? 'cut' : undefined) });
  const other = await remote({ host: '127.0.0.2', port: bad.port });
  const zone: Zone = {
    mx: { 'there.test': records({ preference: 10, exchange: 'a.test' }, { preference: 20, exchange: 'b.test' }) },
    a: { 'a.test': records('127.0.0.1'), 'b.test': records('127.0.0.2') },
  };
  const results = await attempt(optionsFor(bad.port, { resolver: resolver(zone) }), one());
  assert.deepEqual(summary(results), ['0 deferred 451 4.4.2']);
  assert.match(results[0]!.reply.lines[0]!, /after the final dot/);
  assert.equal(results[0]!.isUncertain, true);
  assert.equal(other.connections, 0);
});

test('RFC 5321 §4.5.3.2 silence ends at the limit of its phase', async (t) => {
  const limits = [
    ['connect', RFC_TIMEOUTS.greetingMs],
    ['EHLO', RFC_TIMEOUTS.helloMs],
    ['MAIL', RFC_TIMEOUTS.mailMs],
    ['RCPT', RFC_TIMEOUTS.recipientMs],
    ['DATA', RFC_TIMEOUTS.dataMs],
    ['dot', RFC_TIMEOUTS.finalDotMs],
  ] as const;
  for (const [verb, limitMs] of limits) {
    await t.test(verb, async () => {
      const clock = new MovingClock();
      let heard = (): void => undefined;
      const silence = new Promise<void>((resolve) => {
        heard = resolve;
      });
      const server = await remote({
        script: (at) => {
          if (at !== verb) return undefined;
          heard();
          return null;
        },
      });
      const running = attempt(optionsFor(server.port, { clock }), one());
      await silence;
      let isDone = false;
      void running.then(() => {
        isDone = true;
      });
      // Before the greeting it isn't known here whether the client has seen its connection come up, which has a limit of its own.
      clock.advance(verb === 'connect' ? 0 : limitMs - 1_000);
      await new Promise((resolve) => setImmediate(resolve));
      assert.equal(isDone, false);
      // The wait may begin a moment after the server has heard the command.
      const results = await until(running, () => clock.advance(1_000));
      assert.equal(results[0]!.result, 'deferred');
      assert.match(results[0]!.reply.lines[0]!, /no answer within/);
    });
  }
});

/** Turns the event loop, moving time, until the promise is settled. */
async function until<T>(promise: Promise<T>, move: () => void): Promise<T> {
  let isDone = false;
  promise.then(
    () => {
      isDone = true;
    },
    () => {
      isDone = true;
    },
  );
  while (!isDone) {
    move();
    await new Promise((resolve) => setImmediate(resolve));
  }
  return promise;
}

test('a peer that speaks no SMTP or never stops speaking defers the message and is left', async (t) => {
  const floods: readonly (readonly [string, string])[] = [
    ['a reply of 1 MB in one line', `220 ${'x'.repeat(1024 * 1024)}`],
    ['a reply of 1 MB without a line end', `220-${'x'.repeat(1024 * 1024)}\n`],
    ['10,000 lines', `${'220-hello there\r\n'.repeat(10_000)}220 end`],
    ['no code', 'hello'],
    ['NUL and no code', '\0\0\0'],
    ['HTTP', 'HTTP/1.1 400 Bad Request'],
    ['a code out of range', '999 ok'],
  ];
  for (const [title, greeting] of floods) {
    await t.test(title, async () => {
      const server = await remote({ script: (verb) => (verb === 'connect' ? greeting : undefined) });
      const results = await attempt(optionsFor(server.port), one());
      assert.equal(results[0]!.result, 'deferred');
      assert.ok(results[0]!.reply.lines.join('').length < 1_000);
    });
  }
});

test('control characters of a reply are neither kept nor shown', async () => {
  const server = await remote({ script: (verb) => (verb === 'RCPT' ? '550 5.1.1 no\x1b[31m\0user' : undefined) });
  const results = await attempt(optionsFor(server.port), one());
  assert.deepEqual(results[0]!.reply.lines, ['no?[31m?user']);
});

test('an address that could carry a command never reaches the socket', async () => {
  const server = await remote();
  const addresses = [
    'a@b.test>\r\nRCPT TO:<c@d.test',
    'a b@there.test',
    'a>@there.test',
    'x@there.test> SIZE=1',
    'a@',
    '<a@there.test>',
  ];
  const entry = entryOf(
    BODY,
    [...addresses, 'fine@there.test'].map((address) => recipientOf(address, { lane: 'there.test' })),
  );
  const results = await attempt(optionsFor(server.port), entry);
  assert.deepEqual(summary(results), [...addresses.map((_, i) => `${i} bounced 553 5.1.3`), '6 sent 250 2.0.0']);
  assert.deepEqual(server.arrivals[0]!.rcpt, ['RCPT TO:<fine@there.test>']);
});

test('RFC 1870 §6.1 a message larger than the server takes is returned without being sent', async () => {
  const server = await remote({ extensions: ['SIZE 10'] });
  const results = await attempt(optionsFor(server.port), one());
  assert.deepEqual(summary(results), ['0 bounced 552 5.3.4']);
  assert.ok(!server.commands.some(({ line }) => line.startsWith('MAIL')));
});

test('RFC 6531 §3.2 an internationalised address needs SMTPUTF8', async () => {
  const entry = entryOf(BODY, [recipientOf('jörg@there.test')]);
  const without = await remote();
  assert.deepEqual(summary(await attempt(optionsFor(without.port), entry)), ['0 bounced 550 5.6.7']);
  const able = await remote({ extensions: ['SMTPUTF8', '8BITMIME'] });
  assert.deepEqual(summary(await attempt(optionsFor(able.port), entry)), ['0 sent 250 2.0.0']);
  assert.match(able.arrivals[0]!.mail, / SMTPUTF8$/);
});

test('RFC 6531 §3.2 a client that said SMTPUTF8 for an ASCII message is not punished for it', async () => {
  const server = await remote();
  const entry = entryOf(BODY, [recipientOf('you@there.test')], { sender: { address: 'a@here.test', smtputf8: true } });
  assert.deepEqual(summary(await attempt(optionsFor(server.port), entry)), ['0 sent 250 2.0.0']);
});

test('RFC 3461 §4 DSN parameters are passed on where the extension is offered, and kept back elsewhere', async () => {
  const entry = entryOf(
    BODY,
    [recipientOf('you@there.test', { notify: ['success', 'failure'], orcpt: 'rfc822;you+x@old.test' })],
    {
      sender: { address: 'a@here.test', ret: 'headers', envid: 'id=7' },
    },
  );
  const able = await remote({ extensions: ['DSN'] });
  const results = await attempt(optionsFor(able.port), entry);
  assert.equal(results[0]!.handover, 'dsn');
  assert.equal(able.arrivals[0]!.mail, 'MAIL FROM:<a@here.test> RET=HDRS ENVID=id+3D7');
  assert.deepEqual(able.arrivals[0]!.rcpt, [
    'RCPT TO:<you@there.test> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;you+2Bx@old.test',
  ]);
  const unable = await remote({ extensions: [] });
  assert.equal((await attempt(optionsFor(unable.port), entry))[0]!.handover, 'none');
});

test('RFC 6533 §3 an internationalised ORCPT leaves in ASCII', async () => {
  const entry = entryOf(BODY, [recipientOf('you@there.test', { orcpt: 'utf-8;jörg@old.test' })]);
  const server = await remote({ extensions: ['DSN'] });
  await attempt(optionsFor(server.port), entry);
  assert.deepEqual(server.arrivals[0]!.rcpt, ['RCPT TO:<you@there.test> ORCPT=utf-8;j\\x{F6}rg@old.test']);
});

test('RFC 5321 §5.1 and RFC 7505: what DNS says decides between returning and keeping', async (t) => {
  const table: readonly (readonly [string, Zone, string])[] = [
    ['null MX', { mx: { 'there.test': records({ preference: 0, exchange: '' }) } }, '0 bounced 556 5.1.10'],
    ['no such domain', { mx: { 'there.test': { kind: 'noDomain' } } }, '0 bounced 550 5.1.2'],
    ['SERVFAIL', { mx: { 'there.test': { kind: 'failed', reason: 'ESERVFAIL' } } }, '0 deferred 451 4.4.3'],
    ['neither MX nor address', {}, '0 bounced 550 5.4.4'],
    [
      'the exchanger’s address is not known now',
      { mx: ZONE.mx!, a: { 'mx.there.test': { kind: 'failed', reason: 'ETIMEOUT' } } },
      '0 deferred 451 4.4.3',
    ],
    [
      'the exchanger is this host',
      {
        mx: {
          'there.test': records({ preference: 10, exchange: 'us.test' }, { preference: 20, exchange: 'mx.there.test' }),
        },
      },
      '0 bounced 550 5.4.6',
    ],
    ['implicit MX', { a: { 'there.test': records('127.0.0.1') } }, '0 sent 250 2.0.0'],
    [
      'a better host than this one',
      {
        ...ZONE,
        mx: {
          'there.test': records({ preference: 5, exchange: 'mx.there.test' }, { preference: 10, exchange: 'us.test' }),
        },
      },
      '0 sent 250 2.0.0',
    ],
    ['IPv6 that is dead, then IPv4', { ...ZONE, aaaa: { 'mx.there.test': records('::1') } }, '0 sent 250 2.0.0'],
  ];
  for (const [title, zone, expected] of table) {
    await t.test(title, async () => {
      const server = await remote();
      const results = await attempt(optionsFor(server.port, { resolver: resolver(zone) }), one());
      assert.deepEqual(summary(results), [expected]);
    });
  }
});

test('a domain whose exchangers have private addresses only is not connected to in production', async () => {
  const server = await remote();
  const results = await attempt(optionsFor(server.port, { allowPrivateAddresses: false }), one());
  assert.deepEqual(summary(results), ['0 bounced 550 5.4.4']);
  assert.equal(server.connections, 0);
});

test('a smarthost takes all mail, whatever its address, and is waited for when it is away', async () => {
  const server = await remote();
  const smarthost = { host: '127.0.0.1', port: server.port };
  const options = optionsFor(1, { smarthost, allowPrivateAddresses: false, resolver: resolver({}) });
  assert.deepEqual(summary(await attempt(options, one())), ['0 sent 250 2.0.0']);
  await server.close();
  servers.splice(servers.indexOf(server), 1);
  await Promise.all(pools.splice(0).map((pool) => pool.close()));
  const away = optionsFor(1, { smarthost, resolver: resolver({}) });
  assert.deepEqual(summary(await attempt(away, one())), ['0 deferred 451 4.4.1']);
});

test('the next message for the same host goes over the same connection, and a connection that died meanwhile is replaced', async () => {
  const server = await remote();
  const options = optionsFor(server.port);
  await attempt(options, one());
  await attempt(options, one());
  assert.equal(server.connections, 1);
  server.script = (verb, _line, connection) => (verb === 'MAIL' && connection === 1 ? 'cut' : undefined);
  assert.deepEqual(summary(await attempt(options, one())), ['0 sent 250 2.0.0']);
  assert.equal(server.connections, 2);
  assert.equal(server.arrivals.length, 3);
});

test('a message whose lease was lost is not ended by the final dot', async () => {
  const server = await remote();
  const results = await attemptRemotely(optionsFor(server.port), leaseOf(one()), {
    signal: never,
    beginSending: () => Promise.resolve(false),
  });
  assert.equal(results[0]!.result, 'deferred');
  assert.equal(server.arrivals.length, 0);
});

test('P4 the record says who is being sent to before the final dot, and without it there is none', async () => {
  const server = await remote({ script: (_verb, line) => (line.includes('gone') ? '550 5.1.1 nobody' : undefined) });
  const entry = entryOf(BODY, [recipientOf('gone@there.test'), recipientOf('you@there.test')]);
  const asked: (readonly number[])[] = [];
  const results = await attemptRemotely(optionsFor(server.port), leaseOf(entry), {
    signal: never,
    beginSending: async (indices) => {
      asked.push(indices);
      assert.equal(server.arrivals.length, 0);
      throw new Error('no primary');
    },
  });
  assert.deepEqual(asked, [[1]]);
  assert.deepEqual(results.map(({ index, result }) => `${index} ${result}`).sort(), ['0 bounced', '1 deferred']);
  assert.equal(server.arrivals.length, 0);
});

test('an attempt ends with its signal', async () => {
  const stop = new AbortController();
  const server = await remote({
    script: (verb) => {
      if (verb !== 'RCPT') return undefined;
      stop.abort(new Error('shutting down'));
      return null;
    },
  });
  const results = await attempt(optionsFor(server.port), one(), stop.signal);
  assert.deepEqual(summary(results), ['0 deferred 451 4.3.2']);
});

test('no more connections to a host than allowed; the others wait for their turn', async () => {
  const clock = systemClock;
  const pool = new ConnectionPool({ ...DEFAULT_POOL, maxPerHost: 2, clock });
  const server = await remote();
  const options = optionsFor(server.port, { pool, clock });
  const results = await Promise.all(Array.from({ length: 12 }, () => attempt(options, one())));
  assert.ok(results.every(([result]) => result!.result === 'sent'));
  assert.equal(server.arrivals.length, 12);
  assert.equal(server.connections, 2);
});
