/** Looks behind the store's back: everything that is counted or promised about an account, counted anew from its rows. */
import assert from 'node:assert/strict';
import type { Db } from 'mongodb';
import type { AccountId } from '../../../src/mail/ids.ts';
import type { AccountRow, ChangeLogRow, MailboxRow, MessageRow } from '../../../src/storage/mongo/documents.ts';

const READ = { readConcern: { level: 'majority' } } as const;

/** Fails on the first counter, UID, modseq or log row that isn't what the rows say. */
export async function assertConsistent(db: Db, account: AccountId): Promise<void> {
  const row = (await db.collection<AccountRow>('accounts').findOne({ _id: account }, READ))!;
  const mailboxes = await db.collection<MailboxRow>('mailboxes').find({ account }, READ).toArray();
  const messages = await db.collection<MessageRow>('messages').find({ account }, READ).toArray();
  const changes = await db.collection<ChangeLogRow>('changes').find({ account }, READ).sort({ modseq: 1 }).toArray();

  assert.equal(row.usedMessages, messages.length, 'usedMessages');
  assert.equal(row.usedBytes, sum(messages.map((m) => m.size)), 'usedBytes');
  const trash = mailboxes.find((mailbox) => mailbox.role === 'trash')?._id;
  for (const mailbox of mailboxes) {
    const inside = messages.filter((m) => m.mailboxes.some((membership) => membership.id === mailbox._id));
    const isUnread = (m: MessageRow): boolean => !m.keywords.some((k) => k === '$seen' || k === '$draft');
    const threads = new Set(inside.map((m) => m.thread));
    // RFC 8621 §2, said another way than the code says it.
    const isHere = (m: MessageRow): boolean =>
      mailbox._id === trash ? m.mailboxes.some((x) => x.id === trash) : m.mailboxes.some((x) => x.id !== trash);
    const unreadThreads = [...threads].filter((t) => messages.some((m) => m.thread === t && isUnread(m) && isHere(m)));
    assert.deepEqual(
      {
        total: mailbox.total,
        unseen: mailbox.unseen,
        unread: mailbox.unread,
        size: mailbox.size,
        totalThreads: mailbox.totalThreads,
        unreadThreads: mailbox.unreadThreads,
      },
      {
        total: inside.length,
        unseen: inside.filter((m) => !m.keywords.some((k) => k === '$seen')).length,
        unread: inside.filter(isUnread).length,
        size: sum(inside.map((m) => m.size)),
        totalThreads: threads.size,
        unreadThreads: unreadThreads.length,
      },
      `counters of ${mailbox.name}`,
    );
    const uids = inside.map((m) => m.mailboxes.find((x) => x.id === mailbox._id)!.uid);
    assert.equal(new Set(uids).size, uids.length, 'UIDs are unique');
    assert.ok(
      uids.every((uid) => uid < mailbox.uidNext),
      'UIDs are below uidNext',
    );
    const newest = Math.max(0, ...inside.map((m) => m.modseq));
    assert.ok(mailbox.modseq >= newest && mailbox.modseq <= row.modseq, 'HIGHESTMODSEQ');
  }
  const known = new Set(mailboxes.map((mailbox) => mailbox._id));
  for (const m of messages) {
    assert.ok(m.mailboxes.length > 0, 'a message is in a mailbox');
    assert.ok(
      m.mailboxes.every((membership) => known.has(membership.id)),
      'of those that exist',
    );
    assert.ok(m.modseq >= m.createdModseq && m.modseq <= row.modseq, 'modseq of a message');
    assert.equal(new Set(m.mailboxes.map((membership) => membership.id)).size, m.mailboxes.length);
  }
  assert.equal(new Set(mailboxes.map((mailbox) => `${mailbox.parent} ${mailbox.name}`)).size, mailboxes.length);
  assert.deepEqual(
    changes.map((change) => change.modseq),
    Array.from({ length: row.modseq - row.floor }, (_nothing, i) => row.floor + 1 + i),
    'the log is dense',
  );
  const bodies = new Set(
    (
      await db
        .collection<{ _id: string }>('bodies.files')
        .find({}, { ...READ, projection: { _id: 1 } })
        .toArray()
    ).map((file) => file._id),
  );
  assert.ok(
    messages.every((m) => bodies.has(m.body.id)),
    'no message without its octets',
  );
}

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);
