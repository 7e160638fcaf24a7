/** The HTTP room over real sockets: errors, CORS, gzip, health, the front page, authentication, clients that misbehave. */
import assert from 'node:assert/strict';
import { request } from 'node:http';
import { connect } from 'node:net';
import { after, test } from 'node:test';
import type { Middleware } from 'koa';
import { Deferral, Refusal } from '../../../src/mail/refusal.ts';
import { basicAuthentication, parseBasic } from '../../../src/protocols/http/basic-authentication.ts';
import { createHttpServer, type HttpServer } from '../../../src/protocols/http/create-http-server.ts';
import type { HealthReport } from '../../../src/protocols/http/health.ts';
import { silentLog } from '../../../src/server/log.ts';
import type { AccountInfo } from '../../../src/storage/mail-store.ts';

const alice = {
  id: 'aaalice',
  addresses: ['alice@example.org'],
  name: 'Alice',
  isDisabled: false,
} as unknown as AccountInfo;
const logged: object[] = [];
let report: HealthReport = { isReady: true, checks: [{ name: 'mongodb', isOk: true, sentence: 'MongoDB answers.' }] };

const authenticate = basicAuthentication({
  realm: 'Wax "wing"',
  authenticator: {
    authenticate: async ({ authcid, password }) => {
      if (authcid === 'alice@example.org' && password === 'se:cret') return alice;
      throw new Refusal('authenticationFailed', 'no');
    },
  },
});

const routes: Middleware = async (ctx, next) => {
  switch (ctx.path) {
    case '/defect':
      throw new Error('mongodb://user:password@10.0.0.1 exploded');
    case '/deferred':
      throw new Deferral('unavailable', 'The mail store is not reachable just now.');
    case '/me':
      ctx.body = { id: (await authenticate(ctx)).id };
      return;
    case '/large':
      ctx.body = { text: 'a'.repeat(100_000) };
      return;
    default:
      await next();
  }
};

const server: HttpServer = await createHttpServer({
  listen: { host: '127.0.0.1', port: 0 },
  middleware: [routes],
  health: async () => report,
  frontPage: () => ({ name: 'Waxwing <test>', lines: [['IMAP', '127.0.0.1:993 <TLS>']] }),
  log: {
    ...silentLog,
    error: (fields: object) => void logged.push(fields),
    warn: () => undefined,
    info: () => undefined,
  },
});
const base = `http://127.0.0.1:${server.port}`;
after(() => server.close(100));

test('RFC 9457 §3 an unknown address is a problem document', async () => {
  const response = await fetch(`${base}/nowhere`);
  assert.equal(response.status, 404);
  assert.equal(response.headers.get('content-type'), 'application/problem+json');
  const problem = (await response.json()) as { status: number; title: string };
  assert.deepEqual([problem.status, problem.title], [404, 'Not Found']);
});

test('a defect is logged under an id and only the id is shown', async () => {
  const response = await fetch(`${base}/defect`);
  const text = await response.text();
  assert.equal(response.status, 500);
  assert.doesNotMatch(text, /mongodb|10\.0\.0\.1|exploded/);
  const { errorId } = logged.at(-1) as { errorId: string };
  assert.ok(text.includes(errorId));
});

test('RFC 9110 §15.6.4 a deferral is 503 with Retry-After', async () => {
  const response = await fetch(`${base}/deferred`);
  assert.equal(response.status, 503);
  assert.match(response.headers.get('retry-after') ?? '', /^\d+$/);
});

test('a preflight is answered on every path, without a login, and may be kept', async () => {
  for (const path of ['/me', '/.well-known/jmap', '/jmap/api', '/anything']) {
    const response = await fetch(base + path, {
      method: 'OPTIONS',
      headers: { Origin: 'https://mail.example', 'Access-Control-Request-Method': 'POST' },
    });
    assert.equal(response.status, 204);
    assert.equal(response.headers.get('access-control-allow-origin'), '*');
    assert.equal(response.headers.get('access-control-allow-credentials'), null);
    assert.match(response.headers.get('access-control-allow-headers') ?? '', /Authorization/);
    assert.ok(Number(response.headers.get('access-control-max-age')) >= 3_600);
  }
});

test('an error carries the CORS header too, so that a web client can read it', async () => {
  for (const path of ['/nowhere', '/defect', '/me']) {
    assert.equal((await fetch(base + path)).headers.get('access-control-allow-origin'), '*');
  }
});

test('RFC 7617 §2 a password may hold a colon, and a 401 does not tell whether the user exists', async () => {
  const as = (text: string) => ({ Authorization: `Basic ${Buffer.from(text).toString('base64')}` });
  const good = await fetch(`${base}/me`, { headers: as('alice@example.org:se:cret') });
  assert.deepEqual([good.status, await good.json()], [200, { id: 'aaalice' }]);
  const answers = [];
  for (const text of ['alice@example.org:wrong', 'nobody@example.org:wrong']) {
    const bad = await fetch(`${base}/me`, { headers: as(text) });
    assert.equal(bad.status, 401);
    assert.equal(bad.headers.get('www-authenticate'), 'Basic realm="Wax wing", charset="UTF-8"');
    answers.push(await bad.text());
  }
  assert.equal(answers[0], answers[1]);
});

test('RFC 7617 §2 what is no Basic credential is null', () => {
  const table: [string, { user: string; password: string } | null][] = [
    ['', null],
    ['Bearer abc', null],
    ['Basic', null],
    ['Basic !!!', null],
    [`Basic ${Buffer.from('nocolon').toString('base64')}`, null],
    [`Basic ${Buffer.from(':empty user').toString('base64')}`, null],
    [`Basic ${Buffer.from('a:b\r\nc').toString('base64')}`, null],
    [`basic  ${Buffer.from('ü:ß').toString('base64')}`, { user: 'ü', password: 'ß' }],
  ];
  for (const [header, expected] of table) assert.deepEqual(parseBasic(header), expected, header);
});

test('RFC 9110 §8.4 a large answer is compressed for who accepts it and plain for others', async () => {
  const sizes: Record<string, number> = {};
  for (const encoding of ['gzip', 'identity', 'gzip;q=0']) {
    const { size, headers } = await new Promise<{ size: number; headers: Record<string, unknown> }>(
      (resolve, reject) => {
        request(`${base}/large`, { headers: { 'Accept-Encoding': encoding } }, (response) => {
          let size = 0;
          response.on('data', (chunk: Buffer) => {
            size += chunk.length;
          });
          response.on('end', () => resolve({ size, headers: response.headers }));
        })
          .on('error', reject)
          .end();
      },
    );
    sizes[encoding] = size;
    assert.equal(headers['content-encoding'], encoding === 'gzip' ? 'gzip' : undefined);
    assert.match(String(headers['content-type']), /^application\/json/);
    assert.match(String(headers['vary']), /Accept-Encoding/i);
  }
  assert.ok(sizes['gzip']! < 1_000 && sizes['identity']! > 100_000 && sizes['gzip;q=0'] === sizes['identity']);
});

test('health says ready or not with a sentence per check', async () => {
  const ready = await fetch(`${base}/health`);
  assert.deepEqual(
    [ready.status, await ready.json()],
    [200, { live: true, ready: true, checks: [{ name: 'mongodb', ok: true, sentence: 'MongoDB answers.' }] }],
  );
  report = { isReady: false, checks: [{ name: 'mongodb', isOk: false, sentence: 'MongoDB does not answer.' }] };
  assert.equal((await fetch(`${base}/health/ready`)).status, 503);
  assert.equal((await fetch(`${base}/health/live`)).status, 200);
});

test('the front page shows what runs here as text, never as markup', async () => {
  const response = await fetch(`${base}/`);
  const html = await response.text();
  assert.equal(response.headers.get('content-type'), 'text/html; charset=utf-8');
  assert.ok(html.includes('Waxwing &lt;test&gt;') && html.includes('127.0.0.1:993 &lt;TLS&gt;'));
});

test('half a request, an endless header and nonsense leave the server up', async () => {
  const talk = (octets: string): Promise<string> =>
    new Promise((resolve) => {
      const socket = connect(server.port, '127.0.0.1');
      let answer = '';
      socket.on('data', (chunk) => {
        answer += chunk.toString();
      });
      socket.on('error', () => undefined);
      socket.on('close', () => resolve(answer));
      socket.write(octets);
      socket.end();
    });
  assert.match(await talk('GET / HTTP/1.1\r\nHo'), /^HTTP\/1\.1 400/);
  assert.match(await talk('\x16\x03\x01\x00\xff nonsense\r\n\r\n'), /^HTTP\/1\.1 400/);
  assert.match(await talk(`GET / HTTP/1.1\r\nHost: x\r\nX-Long: ${'a'.repeat(20_000)}\r\n\r\n`), /^HTTP\/1\.1 431/);
  assert.equal((await fetch(`${base}/health/live`)).status, 200);
});
