import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asModseq } from '../../../src/mail/ids.ts';
import { mailboxOfRole, messageFor, openFixture } from './store-fixture.ts';

const fixture = await openFixture();
const { store } = fixture;

test('RFC 3501 §6.3.11 appends a message and counts it', async () => {
  const account = await fixture.account();
  const inbox = await mailboxOfRole(account, 'inbox');
  const item = await messageFor(store, [inbox]);
  const { modseq, messages } = await account.append([item]);
  const [message] = messages;
  assert.equal(message!.memberships[0]!.uid, 1);
  assert.equal(message!.size, item.staged.ref.size);
  const mailbox = (await account.mailbox(inbox))!;
  assert.deepEqual(
    [mailbox.total, mailbox.unseen, mailbox.unread, mailbox.totalThreads, mailbox.unreadThreads, mailbox.uidNext],
    [1, 1, 1, 1, 1, 2],
  );
  assert.equal(mailbox.size, message!.size);
  assert.equal(mailbox.modseq, modseq);
  const state = await account.state();
  assert.equal(state.modseq, modseq);
  assert.equal(state.states.Email, modseq);
  assert.deepEqual(await account.quota(), {
    usedBytes: message!.size,
    maxBytes: null,
    usedMessages: 1,
    maxMessages: null,
  });
  const { rows } = await account.changesSince(asModseq(modseq - 1));
  assert.deepEqual(rows[0]!.created, { Email: [message!.id], Thread: [message!.thread] });
  assert.deepEqual(rows[0]!.updated, { Mailbox: [inbox] });
  assert.equal(rows[0]!.isMailboxCountsOnly, true);
  assert.deepEqual(rows[0]!.touched, [inbox]);
});

test('a dedupe key that was stored before stores nothing and takes no modseq', async () => {
  const account = await fixture.account();
  const inbox = await mailboxOfRole(account, 'inbox');
  const first = await account.append([await messageFor(store, { role: 'inbox' }, { dedupe: 'd1' })]);
  const again = await account.append([await messageFor(store, { role: 'inbox' }, { dedupe: 'd1' })]);
  assert.equal(again.messages[0]!.isRepeat, true);
  assert.deepEqual(again.messages[0]!.memberships, first.messages[0]!.memberships);
  assert.equal(again.modseq, first.modseq);
  assert.equal((await account.state()).modseq, first.modseq);
  assert.equal((await account.mailbox(inbox))!.total, 1);
  // Both within one group.
  const twins = await Promise.all(
    [1, 2].map(async () => account.append([await messageFor(store, { role: 'inbox' }, { dedupe: 'd2' })])),
  );
  assert.equal(twins.filter((t) => t.messages[0]!.isRepeat).length, 1);
  assert.equal((await account.mailbox(inbox))!.total, 2);
});
