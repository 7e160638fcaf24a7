/** Session, requests and what goes wrong with them (RFC 8620 §2, §3, §4). */
import assert from 'node:assert/strict';
import { request as httpRequest } from 'node:http';
import { test } from 'node:test';
import { type Answer, basic, CORE, MAIL, openWorld, PASSWORD, SUBMISSION } from './jmap-world.ts';

const world = await openWorld({ limits: { maxSizeRequest: 100_000, maxConcurrentRequests: 2 } });

test('RFC 8620 §2 the session is at /.well-known/jmap itself, with absolute URLs and true limits', async () => {
  const response = await world.fetch('/.well-known/jmap', { redirect: 'error' });
  const session = (await response.json()) as Answer;
  assert.equal(response.status, 200);
  assert.match(response.headers.get('cache-control') ?? '', /no-store/);
  assert.deepEqual(Object.keys(session.capabilities), [CORE, MAIL, SUBMISSION]);
  assert.ok(session.capabilities[CORE].maxCallsInRequest >= 64);
  assert.equal(session.capabilities[CORE].maxSizeRequest, 100_000);
  assert.deepEqual(Object.keys(session.accounts), [world.alice.id]);
  const account = session.accounts[world.alice.id];
  assert.deepEqual([account.name, account.isPersonal, account.isReadOnly], ['alice@example.org', true, false]);
  assert.deepEqual(session.primaryAccounts, {
    [CORE]: world.alice.id,
    [MAIL]: world.alice.id,
    [SUBMISSION]: world.alice.id,
  });
  assert.equal(session.username, 'alice@example.org');
  for (const url of ['apiUrl', 'downloadUrl', 'uploadUrl', 'eventSourceUrl'])
    assert.ok(session[url].startsWith(`${world.base}/`));
  for (const name of ['accountId', 'blobId', 'type', 'name']) assert.ok(session.downloadUrl.includes(`{${name}}`));
  for (const name of ['types', 'closeafter', 'ping']) assert.ok(session.eventSourceUrl.includes(`{${name}}`));
  const echo = await (await world.request({ using: [CORE], methodCalls: [] })).json();
  assert.equal((echo as Answer).sessionState, session.state);
});

test('RFC 8620 §2 without a login there is no session, and CORS works without one', async () => {
  for (const path of ['/.well-known/jmap', '/jmap/eventsource', '/jmap/download/a/b/c']) {
    assert.equal((await fetch(world.base + path)).status, 401, path);
    const preflight = {
      method: 'OPTIONS',
      headers: { Origin: 'https://x.example', 'Access-Control-Request-Method': 'GET' },
    };
    assert.equal((await fetch(world.base + path, preflight)).status, 204, path);
  }
  assert.equal((await fetch(`${world.base}/jmap/api`, { method: 'POST', body: '{}' })).status, 401);
  assert.equal(
    (await fetch(`${world.base}/jmap/upload/${world.alice.id}/`, { method: 'POST', body: 'x' })).status,
    401,
  );
});

test('RFC 8620 §4.1 Core/echo gives back what came, whatever its keys', async () => {
  const args = { hello: true, high: 5, deep: [{ __proto: 1 }], accountId: { $ne: null } };
  const response = await world.request(
    `{"using":["${CORE}"],"methodCalls":[["Core/echo",{"__proto__":{"a":1}},"b3ff"]]}`,
  );
  const text = await response.text();
  assert.ok(text.includes('["Core/echo",{"__proto__":{"a":1}},"b3ff"]'), text);
  const [answer] = await world.calls(['Core/echo', args, 'c0']);
  assert.deepEqual(answer, ['Core/echo', args, 'c0']);
});

test('RFC 8620 §3.6.1 errors of a whole request are problem documents with status 400', async () => {
  const call = ['Core/echo', {}, 'c'];
  const table: [string, unknown, string][] = [
    ['notJSON', '{', 'notJSON'],
    ['notJSON', '', 'notJSON'],
    ['depth', `{"using":[],"methodCalls":[["Core/echo",{"a":${'['.repeat(200)}${']'.repeat(200)}},"c"]]}`, 'notJSON'],
    ['list', '[]', 'notRequest'],
    ['null', 'null', 'notRequest'],
    ['empty', {}, 'notRequest'],
    ['no using', { methodCalls: [call] }, 'notRequest'],
    ['using of numbers', { using: [1], methodCalls: [call] }, 'notRequest'],
    ['calls as object', { using: [CORE], methodCalls: {} }, 'notRequest'],
    ['call of two', { using: [CORE], methodCalls: [['Core/echo', {}]] }, 'notRequest'],
    ['args as list', { using: [CORE], methodCalls: [['Core/echo', [], 'c']] }, 'notRequest'],
    ['id as number', { using: [CORE], methodCalls: [['Core/echo', {}, 1]] }, 'notRequest'],
    ['createdIds as list', { using: [CORE], methodCalls: [call], createdIds: ['a'] }, 'notRequest'],
    ['unknown capability', { using: [CORE, 'urn:example:x'], methodCalls: [call] }, 'unknownCapability'],
    ['65 calls', { using: [CORE], methodCalls: Array.from({ length: 65 }, () => call) }, 'limit'],
    ['too large', { using: [CORE], methodCalls: [['Core/echo', { a: 'x'.repeat(100_000) }, 'c']] }, 'limit'],
  ];
  for (const [what, body, type] of table) {
    const response = await world.request(body);
    const problem = (await response.json()) as Answer;
    assert.equal(response.status, 400, what);
    assert.equal(response.headers.get('content-type'), 'application/problem+json', what);
    assert.equal(problem.type, `urn:ietf:params:jmap:error:${type}`, what);
    assert.equal(typeof problem.limit, type === 'limit' ? 'string' : 'undefined', what);
  }
});

test('RFC 8620 §3.6.1 another content type is notJSON', async () => {
  const body = JSON.stringify({ using: [CORE], methodCalls: [] });
  for (const type of ['text/plain', 'application/x-www-form-urlencoded']) {
    const response = await world.fetch('/jmap/api', { method: 'POST', headers: { 'Content-Type': type }, body });
    assert.equal(((await response.json()) as Answer).type, 'urn:ietf:params:jmap:error:notJSON');
  }
  const headers = { 'Content-Type': 'application/json; charset=utf-8' };
  assert.equal((await world.fetch('/jmap/api', { method: 'POST', headers, body })).status, 200);
});

test('RFC 8620 §3.6.2 methods are known by the capabilities that are in use', async () => {
  const ask = async (using: string[], name: string): Promise<Answer> => {
    const body = { using, methodCalls: [[name, { accountId: world.alice.id }, 'c']] };
    return ((await (await world.request(body)).json()) as Answer).methodResponses[0];
  };
  for (const [using, name] of [
    [[], 'Core/echo'],
    [[CORE], 'Mailbox/get'],
    [[CORE, MAIL], 'Identity/get'],
    [[CORE, MAIL], 'Mailbox/nonsense'],
    [[CORE, MAIL], '__proto__'],
  ] as [string[], string][]) {
    const [answer, args, callId] = await ask(using, name);
    assert.deepEqual([answer, args.type, callId], ['error', 'unknownMethod', 'c'], name);
  }
});

test('RFC 8620 §3.3 64 calls in one request are answered in order, and a failed one stops nothing', async () => {
  const calls = Array.from({ length: 64 }, (_, i) => [i % 2 ? 'Core/echo' : 'Core/nothing', { i }, `c${i}`] as const);
  const answers = await world.calls(...calls);
  assert.deepEqual(
    answers.map(([name, , id]) => [name, id]),
    calls.map(([name, , id]) => [name === 'Core/echo' ? name : 'error', id]),
  );
});

test('RFC 8620 §3.3 createdIds come back only when they were sent', async () => {
  const body = { using: [CORE], methodCalls: [['Core/echo', {}, 'c']] };
  assert.equal(((await (await world.request(body)).json()) as Answer).createdIds, undefined);
  const answer = (await (await world.request({ ...body, createdIds: { k: 'v' } })).json()) as Answer;
  assert.deepEqual(answer.createdIds, { k: 'v' });
});

test('RFC 8620 §2 more requests at a time than announced are refused with limit', async () => {
  // Half a request each: they run until their bodies come.
  const open = await Promise.all(
    [1, 2].map(
      () =>
        new Promise<ReturnType<typeof httpRequest>>((resolve) => {
          const pending = httpRequest(`${world.base}/jmap/api`, {
            method: 'POST',
            headers: {
              Authorization: basic('alice@example.org', PASSWORD),
              'Content-Type': 'application/json',
              Expect: '100-continue',
            },
          });
          pending.on('continue', () => {
            pending.write('{');
            resolve(pending);
          });
          pending.on('error', () => undefined);
          pending.flushHeaders();
        }),
    ),
  );
  const refused = async (): Promise<Answer> => (await world.request({ using: [], methodCalls: [] })).json();
  let answer = await refused();
  for (let i = 0; i < 50 && answer.type === undefined; i++) answer = await refused();
  assert.deepEqual([answer.type, answer.limit], ['urn:ietf:params:jmap:error:limit', 'maxConcurrentRequests']);
  for (const pending of open) pending.destroy();
  let isFree = false;
  for (let i = 0; i < 200 && !isFree; i++)
    isFree = (await world.request({ using: [], methodCalls: [] })).status === 200;
  assert.ok(isFree, 'a broken request gives its place back');
});

test('nothing of all this was a defect', () => {
  assert.deepEqual(world.errors, []);
});
