/** Upload and download (RFC 8620 §6). */
import assert from 'node:assert/strict';
import { request } from 'node:http';
import { test } from 'node:test';
import { type Answer, basic, deliver, openWorld, PASSWORD } from '../jmap-world.ts';

const world = await openWorld({ limits: { maxSizeUpload: 3_000_000, maxConcurrentUpload: 2 } });
const uploadPath = `/jmap/upload/${world.alice.id}/`;
const upload = (body: string | Buffer, headers: Record<string, string> = {}): Promise<Response> =>
  world.fetch(uploadPath, { method: 'POST', body, headers });
const download = (blobId: string, query = '', init: RequestInit = {}): Promise<Response> =>
  world.fetch(`/jmap/download/${world.alice.id}/${blobId}/${encodeURIComponent('Über "x".txt')}${query}`, init);

test('RFC 8620 §6.1 octets go up and come down the same, with the type that was said', async () => {
  for (const size of [0, 1, 65_536, 2_500_000]) {
    const octets = Buffer.alloc(size, 'wax');
    const response = await upload(octets, { 'Content-Type': 'Image/PNG; x=y' });
    const blob = (await response.json()) as Answer;
    assert.equal(response.status, 201);
    assert.deepEqual([blob.accountId, blob.type, blob.size], [world.alice.id, 'image/png', size]);
    const back = await download(blob.blobId);
    assert.ok(octets.equals(Buffer.from(await back.arrayBuffer())), `${size}`);
    assert.equal(back.headers.get('content-length'), String(size));
  }
});

test('RFC 8620 §6.1 too much is refused with limit, said before or found on the way', async () => {
  const octets = Buffer.alloc(3_000_001);
  const said = await upload(octets);
  assert.equal(said.status, 413);
  assert.deepEqual(((await said.json()) as Answer).limit, 'maxSizeUpload');
  const stream = new ReadableStream({
    start(controller) {
      for (let i = 0; i < 4; i++) controller.enqueue(octets.subarray(0, 1_000_000));
      controller.close();
    },
  });
  const found = await world.fetch(uploadPath, { method: 'POST', body: stream, duplex: 'half' } as RequestInit);
  assert.equal(found.status, 413);
});

test('RFC 8620 §6.2 a download is safe for a browser, may be kept for ever, and has the type and name asked for', async () => {
  const { blobId } = (await (
    await upload('<script>alert(1)</script>', { 'Content-Type': 'text/html' })
  ).json()) as Answer;
  const response = await download(blobId, '?accept=text/plain');
  assert.equal(response.headers.get('content-type'), 'text/plain');
  assert.match(
    response.headers.get('content-disposition') ?? '',
    /^attachment; .*filename\*=UTF-8''%C3%9Cber%20%22x%22\.txt$/,
  );
  assert.match(response.headers.get('cache-control') ?? '', /immutable/);
  assert.equal(response.headers.get('x-content-type-options'), 'nosniff');
  assert.match(response.headers.get('content-security-policy') ?? '', /sandbox/);
  for (const accept of [
    '',
    '?accept=',
    '?accept=text/html%0d%0aX-Evil:1',
    '?accept=nonsense',
    '?accept=a/b&accept=c/d',
  ]) {
    const type = (await download(blobId, accept)).headers.get('content-type');
    assert.equal(type, accept.endsWith('c/d') ? 'a/b' : 'application/octet-stream', accept);
  }
  const etag = response.headers.get('etag')!;
  assert.equal((await download(blobId, '', { headers: { 'If-None-Match': etag } })).status, 304);
});

test('RFC 9110 §14 ranges of a blob that stands as it is', async () => {
  const { blobId } = (await (await upload('0123456789')).json()) as Answer;
  const range = async (value: string): Promise<unknown[]> => {
    const response = await download(blobId, '', { headers: { Range: value } });
    return [response.status, response.headers.get('content-range'), await response.text()];
  };
  assert.deepEqual(await range('bytes=2-4'), [206, 'bytes 2-4/10', '234']);
  assert.deepEqual(await range('bytes=-3'), [206, 'bytes 7-9/10', '789']);
  assert.deepEqual(await range('bytes=5-'), [206, 'bytes 5-9/10', '56789']);
  assert.deepEqual((await range('bytes=10-')).slice(0, 2), [416, 'bytes */10']);
  assert.deepEqual(await range('bytes=4-2'), [200, null, '0123456789']);
});

test('RFC 8621 §4.1.4 a part comes with its encoding undone, the message as it is', async () => {
  const octets = [
    'From: a@example.net',
    'Content-Type: multipart/mixed; boundary=b',
    '',
    '--b',
    'Content-Type: text/plain',
    'Content-Transfer-Encoding: quoted-printable',
    '',
    'Gr=C3=BC=C3=9Fe',
    '--b',
    'Content-Type: application/x',
    'Content-Transfer-Encoding: base64',
    '',
    Buffer.alloc(200_000, 'abc').toString('base64').replace(/.{76}/g, '$&\r\n'),
    '--b--',
    '',
  ].join('\r\n');
  const id = await deliver(world, octets);
  const [email] = (await world.call('Email/get', { ids: [id], properties: ['blobId', 'textBody', 'attachments'] }))
    .list;
  assert.equal(await (await download(email.blobId)).text(), octets);
  assert.equal(await (await download(email.textBody[0].blobId)).text(), 'Grüße');
  const file = Buffer.from(await (await download(email.attachments[0].blobId)).arrayBuffer());
  assert.ok(file.equals(Buffer.alloc(200_000, 'abc')));
  assert.equal(email.attachments[0].size, 200_000);
});

test("RFC 8620 §6.2 a blob is its account's alone, and what is no blob is not found", async () => {
  const { blobId } = (await (await upload('mine')).json()) as Answer;
  const id = await deliver(world, 'Subject: mine\r\n\r\n');
  const bob = { Authorization: basic('bob@example.org', PASSWORD) };
  for (const blob of [blobId, `b${id}`, `p${id}_1`]) {
    for (const account of [world.alice.id, world.bob.id]) {
      const response = await fetch(`${world.base}/jmap/download/${account}/${blob}/x`, { headers: bob });
      assert.equal(response.status, 404, `${account} ${blob}`);
      assert.doesNotMatch(await response.text(), /mine/);
    }
  }
  for (const blob of [
    'x',
    '__proto__',
    `p${id}_9`,
    `p${id}_1_1_1`,
    '..%2f..%2fetc%2fpasswd',
    '%00',
    'a'.repeat(2_000),
  ]) {
    assert.equal((await download(blob)).status, 404, blob);
  }
  const strange = await world.fetch(`/jmap/upload/${world.bob.id}/`, { method: 'POST', body: 'x' });
  assert.equal(strange.status, 404);
  assert.equal((await world.fetch('/jmap/download/%zz/x/y')).status, 404);
});

test('half an upload leaves nothing and frees its place', async () => {
  for (let i = 0; i < 5; i++) {
    await new Promise<void>((resolve) => {
      const pending = request(world.base + uploadPath, {
        method: 'POST',
        headers: {
          Authorization: basic('alice@example.org', PASSWORD),
          'Content-Length': '1000000',
          Expect: '100-continue',
        },
      });
      pending.on('continue', () => pending.write(Buffer.alloc(100_000), () => pending.destroy()));
      pending.on('error', () => undefined);
      pending.on('close', () => resolve());
      pending.flushHeaders();
    });
  }
  let status = 0;
  for (let i = 0; i < 200 && status !== 201; i++) status = (await upload('whole')).status;
  assert.equal(status, 201);
});

test('nothing of all this was a defect', () => assert.deepEqual(world.errors, []));
