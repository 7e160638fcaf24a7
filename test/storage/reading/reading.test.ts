import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  asUid,
  type BlobId,
  type EmailId,
  type MailboxId,
  messageBlobId,
  newAccountId,
  partBlobId,
  type Uid,
} from '../../../src/mail/ids.ts';
import { Refusal } from '../../../src/mail/refusal.ts';
import type { Message } from '../../../src/storage/model.ts';
import { BATCH, boundsOf } from '../../../src/storage/reading/messages-by-uid.ts';
import { mailboxOfRole, messageFor, openFixture } from '../operations/store-fixture.ts';

const fixture = await openFixture();
const account = await fixture.account();
const inbox = await mailboxOfRole(account, 'inbox');

async function fill(count: number): Promise<EmailId[]> {
  const ids: EmailId[] = [];
  for (let i = 0; i < count; i += 100) {
    const items = Array.from({ length: Math.min(100, count - i) }, () => messageFor(fixture.store, [inbox]));
    ids.push(...(await account.append(await Promise.all(items))).messages.map((m) => m.id));
  }
  return ids;
}
async function listed(...ranges: (readonly [number, number])[]): Promise<Message[]> {
  const all: Message[] = [];
  const asked = ranges.map(([from, to]) => ({ from: asUid(from), to: asUid(to) }));
  for await (const batch of account.messagesByUid(inbox, asked, ['envelope', 'structure'])) all.push(...batch);
  return all;
}
const uidsOf = (messages: readonly Message[]): number[] =>
  messages.map((m) => m.mailboxes.find((in_) => in_.mailbox === inbox)!.uid);
async function gathered(source: AsyncIterable<Buffer>): Promise<string> {
  const all: Buffer[] = [];
  for await (const piece of source) all.push(Buffer.from(piece));
  return Buffer.concat(all).toString();
}
async function* once(text: string): AsyncGenerator<Buffer> {
  yield Buffer.from(text);
}

describe('uidMap and messagesByUid', () => {
  test('an empty mailbox, and one that is not there', async () => {
    assert.equal((await account.uidMap(inbox))?.uids.length, 0);
    assert.equal(await account.uidMap('mnothere' as MailboxId), null);
    assert.deepEqual(await listed([1, 2 ** 32 - 1]), []);
  });

  test('a dense mailbox of many batches comes whole and in order', async () => {
    await fill(1_300);
    const map = await account.uidMap(inbox);
    assert.deepEqual(
      [...map!.uids],
      Array.from({ length: 1_300 }, (_, i) => i + 1),
    );
    assert.equal(map!.modseq, (await account.state()).modseq);
    const all = await listed([1, 2 ** 32 - 1]);
    assert.deepEqual(uidsOf(all), [...map!.uids]);
    assert.ok(all.every((m) => m.envelope?.subject?.startsWith('Sample') && m.structure?.subtype === 'plain'));
  });

  test('gaps are seen, ranges of every shape give what exists in them', async () => {
    const gone = [1, 2, 3, 700, 1_299, 1_300].map((uid) => ({ from: asUid(uid), to: asUid(uid) }));
    await account.changeFlags(inbox, gone, { mode: 'add', keywords: [], deleted: true });
    await account.expunge(inbox);
    const map = await account.uidMap(inbox);
    const expected = Array.from({ length: 1_300 }, (_, i) => i + 1).filter((uid) => !gone.some((g) => g.from === uid));
    assert.deepEqual([...map!.uids], expected);
    assert.deepEqual(uidsOf(await listed([1, 10])), [4, 5, 6, 7, 8, 9, 10]);
    assert.deepEqual(uidsOf(await listed([3, 3], [5, 6], [690, 705], [1_000, 2 ** 32 - 1])), [
      ...[5, 6],
      ...expected.filter((uid) => (uid >= 690 && uid <= 705) || uid >= 1_000),
    ]);
    assert.deepEqual(
      uidsOf(await listed([1, 1_200])),
      expected.filter((uid) => uid <= 1_200),
    );
  });

  test('a copy has its own UID, and the message is listed once in each mailbox', async () => {
    const archive = await mailboxOfRole(account, 'archive');
    await account.copyOrMove('copy', inbox, [{ from: asUid(4), to: asUid(6) }], archive);
    assert.deepEqual([...(await account.uidMap(archive))!.uids], [1, 2, 3]);
    assert.deepEqual(uidsOf(await listed([4, 6])), [4, 5, 6]);
  });

  test('a consumer that stops early leaves nothing open', async () => {
    for await (const batch of account.messagesByUid(inbox, [{ from: asUid(1), to: asUid(9_999) }])) {
      assert.ok(batch.length > 0 && batch.length <= BATCH);
      break;
    }
  });

  test('P3 a map taken while others write, with the changes after it, is the mailbox', async () => {
    let isWriting = true;
    const writing = (async () => {
      for (let i = 0; i < 30; i++) {
        const { messages } = await account.append([await messageFor(fixture.store, [inbox])]);
        const uid = messages[0]!.memberships[0]!.uid;
        if (i % 3 !== 0) continue;
        await account.changeFlags(inbox, [{ from: uid, to: uid }], { mode: 'add', keywords: [], deleted: true });
        await account.expunge(inbox, [{ from: uid, to: uid }]);
      }
      isWriting = false;
    })();
    const maps = [];
    while (isWriting) maps.push((await account.uidMap(inbox))!);
    await writing;
    const final = [...(await account.uidMap(inbox))!.uids];
    for (const map of maps) {
      const uids = new Set<number>(map.uids);
      const { rows } = await account.changesSince(map.modseq, 5_000);
      const created = new Set(rows.flatMap((row) => row.created.Email ?? []));
      for (const message of await account.messages([...created] as EmailId[])) {
        for (const { mailbox, uid } of message.mailboxes) if (mailbox === inbox) uids.add(uid);
      }
      for (const row of rows)
        for (const e of row.expunged) if (e.mailbox === inbox) for (const u of e.uids) uids.delete(u);
      assert.deepEqual(
        [...uids].sort((a, b) => a - b),
        final,
      );
    }
    assert.ok(maps.length > 0);
  });

  test('narrow ranges share a query, wide ones have their own', () => {
    const range = (from: number, to: number) => ({ from: from as Uid, to: to as Uid });
    assert.deepEqual([...boundsOf([range(1, 1), range(3, 4)])], [{ $in: [1, 3, 4] }]);
    assert.deepEqual(
      [...boundsOf([range(1, 2), range(10, 2_000), range(3_000, 3_000)])],
      [{ $in: [1, 2] }, { $gte: 10, $lte: 2_000 }, { $in: [3_000] }],
    );
    const many = [...boundsOf(Array.from({ length: 1_200 }, (_, i) => range(2 * i + 1, 2 * i + 1)))];
    assert.equal(many.length, 3);
  });
});

describe('messages and threads', () => {
  test('only those of the account, each once', async () => {
    const [id] = await fill(1);
    const stranger = await fixture.account();
    assert.deepEqual(
      (await account.messages([id!, id!, 'enothing' as EmailId])).map((m) => m.id),
      [id],
    );
    assert.deepEqual(await stranger.messages([id!]), []);
  });

  test('RFC 8621 §3 a thread lists its emails oldest first by receivedAt', async () => {
    const first = await messageFor(fixture.store, [inbox], {
      sample: { messageId: 't1@x', subject: 'T' },
      at: new Date(2e12),
    });
    const { messages } = await account.append([first]);
    const answer = await messageFor(fixture.store, [inbox], {
      sample: { messageId: 't2@x', subject: 'Re: T', inReplyTo: 't1@x', references: 't1@x' },
      at: new Date(1e12),
    });
    const late = (await account.append([answer])).messages;
    assert.equal(late[0]!.thread, messages[0]!.thread);
    const [thread] = await account.threads([late[0]!.thread]);
    assert.deepEqual(thread?.emails, [late[0]!.id, messages[0]!.id]);
  });
});

describe('blobs', () => {
  const multipart = [
    'Subject: parts',
    'Content-Type: multipart/mixed; boundary=x',
    '',
    '--x',
    '',
    'plain',
    '--x',
    'Content-Type: application/octet-stream; name=a.bin',
    'Content-Transfer-Encoding: base64',
    '',
    Buffer.from('binary octets').toString('base64'),
    '--x',
    'Content-Type: message/rfc822',
    '',
    'Subject: inner',
    '',
    'inner text',
    '--x--',
    '',
  ].join('\r\n');

  test('a message, its parts, and nothing of another account', async () => {
    const staged = await fixture.store.receiveBody(once(multipart), { maxBytes: 10_000 });
    const { messages } = await account.append([{ staged, mailboxes: [inbox], keywords: [], receivedAt: new Date() }]);
    const { id } = messages[0]!;
    const whole = await account.blob(messageBlobId(id));
    assert.equal(await gathered(fixture.store.readBody(whole!.body)), multipart);
    const part = await account.blob(partBlobId(id, '2'));
    assert.deepEqual([part?.type, part?.name, part?.encoding], ['application/octet-stream', 'a.bin', 'base64']);
    for (const missing of ['4', '2.1', '0', '1.1.1']) assert.equal(await account.blob(partBlobId(id, missing)), null);
    const stranger = await fixture.account();
    assert.equal(await stranger.blob(messageBlobId(id)), null);
    assert.equal(await stranger.blob(partBlobId(id, '2')), null);
    assert.equal(await account.blob('nonsense' as BlobId), null);

    const decoded = await account.stageBlob(part!);
    assert.equal(decoded.octets?.toString(), 'binary octets');
    const inner = await account.stageBlob((await account.blob(partBlobId(id, '3')))!);
    assert.equal(inner.index.subject, 'inner');
    const again = await account.stageBlob(whole!);
    assert.equal(again.ref.id, staged.ref.id);
    assert.equal(again.sha256, staged.sha256);
    assert.deepEqual(again.index, staged.index);
    const second = await account.append([{ staged: again, mailboxes: [inbox], keywords: [], receivedAt: new Date() }]);
    assert.equal(
      await fixture
        .raw()
        .collection('bodies.files')
        .countDocuments({ _id: staged.ref.id as never }),
      1,
    );
    assert.equal((await account.messages([second.messages[0]!.id]))[0]?.body.id, staged.ref.id);
  });

  for (const size of [10, 300_000]) {
    test(`RFC 8620 §6.1 an upload of ${size} octets is kept for its account`, async () => {
      const text = 'u'.repeat(size);
      const staged = await fixture.store.receiveBody(once(text), { maxBytes: 1_000_000, near: account.account });
      const upload = await account.saveUpload(staged, 'image/png');
      const found = await account.blob(upload.id);
      assert.deepEqual(found, upload);
      assert.equal(found?.type, 'image/png');
      assert.equal(await gathered(fixture.store.readBody(found!.body)), text);
      assert.equal(await (await fixture.account()).blob(upload.id), null);
    });
  }

  test('a blob whose octets went is refused', async () => {
    const staged = await fixture.store.receiveBody(once('gone'), { maxBytes: 100 });
    const upload = await account.saveUpload(staged, 'text/plain');
    await fixture
      .raw()
      .collection('bodies.files')
      .deleteOne({ _id: staged.ref.id as never });
    await assert.rejects(account.stageBlob(upload), (e: unknown) => e instanceof Refusal && e.code === 'blobNotFound');
  });
});

test('an account may send as its own addresses alone', async () => {
  const own = (await account.identities()).identities[0]!.email;
  assert.ok(await account.maySendAs(own.toUpperCase()));
  assert.ok(await account.maySendAs(own.replace('@', '+detail@')));
  assert.equal(await account.maySendAs('other@example.org'), false);
  assert.equal(await account.maySendAs('nonsense'), false);
  assert.equal((await account.submissions()).submissions.length, 0);
  await assert.rejects(fixture.store.openAccount(account.account, newAccountId()), Refusal);
});
