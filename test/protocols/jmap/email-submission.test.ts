/** Identity and EmailSubmission (RFC 8621 §6, §7): from a draft to the queue, in one transaction and one response. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { QueueId } from '../../../src/mail/ids.ts';
import { type Answer, openWorld } from './jmap-world.ts';

const world = await openWorld();
const { id: accountId } = world.alice;
const role = async (name: string): Promise<string> =>
  (await world.call('Mailbox/query', { filter: { role: name } })).ids[0];
const [drafts, sent] = [await role('drafts'), await role('sent')];
const [identity] = (await world.call('Identity/get')).list;

const draft = (more: object = {}): object => ({
  mailboxIds: { [drafts]: true },
  keywords: { $draft: true },
  from: [{ name: 'Alice', email: 'alice@example.org' }],
  to: [{ name: 'Bob', email: 'bob@example.org' }],
  bcc: [{ name: null, email: 'hidden@example.net' }],
  subject: 'Plan',
  bodyValues: { t: { value: 'the plan' } },
  textBody: [{ partId: 't' }],
  ...more,
});
const stored = async (more: object = {}): Promise<string> =>
  (await world.call('Email/set', { create: { k: draft(more) } })).created.k.id;
const submit = async (submission: object, more: object = {}): Promise<Answer> =>
  world.call('EmailSubmission/set', { create: { s: { identityId: identity.id, ...submission } }, ...more });

test("RFC 8621 §6.1 there is an identity for the account's address, and it can't be changed", async () => {
  assert.equal(identity.email, 'alice@example.org');
  assert.deepEqual(Object.keys(identity).sort(), [
    'bcc',
    'email',
    'htmlSignature',
    'id',
    'mayDelete',
    'name',
    'replyTo',
    'textSignature',
  ]);
  const answer = await world.call('Identity/set', {
    create: { a: { email: 'eve@example.org' } },
    update: { [identity.id]: { name: 'x' }, nothing: {} },
    destroy: [identity.id],
  });
  assert.deepEqual(
    [
      answer.notCreated.a.type,
      answer.notUpdated[identity.id].type,
      answer.notUpdated.nothing.type,
      answer.notDestroyed[identity.id].type,
    ],
    ['forbidden', 'forbidden', 'notFound', 'forbidden'],
  );
  const { state } = await world.call('Identity/get', { ids: [] });
  assert.deepEqual((await world.call('Identity/changes', { sinceState: state })).updated, []);
});

test('RFC 8621 §7.5 write and send in one request; the draft moves to Sent in the same response', async () => {
  const answers = await world.calls(
    ['Email/set', { accountId, create: { k1: draft() } }, '0'],
    [
      'EmailSubmission/set',
      {
        accountId,
        create: { s1: { identityId: identity.id, emailId: '#k1' } },
        onSuccessUpdateEmail: {
          '#s1': { [`mailboxIds/${drafts}`]: null, [`mailboxIds/${sent}`]: true, 'keywords/$draft': null },
        },
      },
      '1',
    ],
  );
  assert.deepEqual(
    answers.map(([name, , callId]) => [name, callId]),
    [
      ['Email/set', '0'],
      ['EmailSubmission/set', '1'],
      ['Email/set', '1'],
    ],
  );
  const emailId = answers[0]![1].created.k1.id;
  const { id, undoStatus } = answers[1]![1].created.s1;
  assert.deepEqual(answers[2]![1].updated, { [emailId]: null });
  const [email] = (await world.call('Email/get', { ids: [emailId], properties: ['mailboxIds', 'keywords', 'bcc'] }))
    .list;
  assert.deepEqual([email.mailboxIds, email.keywords], [{ [sent]: true }, {}]);
  assert.equal(email.bcc[0].email, 'hidden@example.net');
  const { list, state } = await world.call('EmailSubmission/get', { ids: [id] });
  const [submission] = list;
  assert.equal(state, answers[1]![1].newState);
  assert.deepEqual([submission.emailId, submission.identityId, undoStatus], [emailId, identity.id, 'pending']);
  assert.equal(submission.envelope.mailFrom.email, 'alice@example.org');
  assert.deepEqual(
    submission.envelope.rcptTo.map((one: Answer) => one.email),
    ['bob@example.org', 'hidden@example.net'],
  );
  assert.deepEqual(Object.keys(submission.deliveryStatus), ['bob@example.org', 'hidden@example.net']);
  const [entry] = await world.store.queue.list({ limit: 10 });
  assert.equal(entry!.submission, id);
  assert.deepEqual(
    entry!.recipients.map((one) => [one.address, one.lane]),
    [
      ['bob@example.org', 'local'],
      ['hidden@example.net', 'example.net'],
    ],
  );
  let octets = '';
  for await (const chunk of world.store.readBody(entry!.body)) octets += chunk.toString();
  assert.doesNotMatch(octets, /hidden@example\.net/);
  assert.match(octets, /^Received: /m);
});

test('RFC 8621 §7.5 onSuccessDestroyEmail removes what was sent; a failure leaves it', async () => {
  const [good, bad] = [await stored(), await stored({ from: [{ name: null, email: 'eve@example.com' }] })];
  const answers = await world.calls([
    'EmailSubmission/set',
    {
      accountId,
      create: { a: { identityId: identity.id, emailId: good }, b: { identityId: identity.id, emailId: bad } },
      onSuccessDestroyEmail: ['#a', '#b'],
    },
    '0',
  ]);
  assert.deepEqual(Object.keys(answers[0]![1].created), ['a']);
  assert.equal(answers[0]![1].notCreated.b.type, 'forbiddenFrom');
  assert.deepEqual(answers[1]![1].destroyed, [good]);
  assert.deepEqual((await world.call('Email/get', { ids: [good, bad], properties: [] })).notFound, [good]);
});

test("RFC 8621 §7 an envelope of the client's own, with the parameters that are announced", async () => {
  const emailId = await stored();
  const holdUntil = new Date(Date.now() + 3_600_000).toISOString();
  const { created } = await submit({
    emailId,
    envelope: {
      mailFrom: { email: 'alice@example.org', parameters: { RET: 'HDRS', ENVID: 'e-1', HOLDUNTIL: holdUntil } },
      rcptTo: [{ email: 'zoe@example.net', parameters: { NOTIFY: 'SUCCESS,FAILURE' } }, { email: 'bob@example.org' }],
    },
  });
  const [submission] = (await world.call('EmailSubmission/get', { ids: [created.s.id] })).list;
  assert.equal(Date.parse(submission.sendAt), Date.parse(holdUntil));
  assert.deepEqual(submission.envelope.mailFrom.parameters, { RET: 'HDRS', ENVID: 'e-1' });
  assert.deepEqual(submission.envelope.rcptTo, [
    { email: 'zoe@example.net', parameters: { NOTIFY: 'SUCCESS,FAILURE' } },
    { email: 'bob@example.org', parameters: null },
  ]);
  const entry = (await world.store.queue.list({ limit: 100 })).find((one) => one.submission === created.s.id);
  assert.ok(entry!.recipients.every((one) => one.nextAt.getTime() === Date.parse(holdUntil)));

  // Undo, while nothing is on its way.
  const before = (await world.call('EmailSubmission/get', { ids: [] })).state;
  const undone = await world.call('EmailSubmission/set', { update: { [created.s.id]: { undoStatus: 'canceled' } } });
  assert.deepEqual([undone.updated, undone.oldState], [{ [created.s.id]: null }, before]);
  assert.equal((await world.store.queue.get(entry!.id as QueueId))!.recipients[0]!.state, 'cancelled');
  const changes = await world.call('EmailSubmission/changes', { sinceState: before });
  assert.deepEqual([changes.updated, changes.newState], [[created.s.id], undone.newState]);
  const back = await world.call('EmailSubmission/set', { update: { [created.s.id]: { undoStatus: 'pending' } } });
  assert.equal(back.notUpdated[created.s.id].type, 'invalidProperties');
});

test('RFC 8621 §7.5 every refusal has its word', async () => {
  const emailId = await stored();
  const envelope = (mailFrom: object, rcptTo: object[] = [{ email: 'bob@example.org' }]): object => ({
    emailId,
    envelope: { mailFrom, rcptTo },
  });
  const alice = { email: 'alice@example.org' };
  const table: [object, string][] = [
    [{ emailId: 'nothing' }, 'invalidProperties'],
    [{ emailId, identityId: 'nothing' }, 'invalidProperties'],
    [{}, 'invalidProperties'],
    [{ emailId, undoStatus: 'final' }, 'invalidProperties'],
    [{ emailId, sendAt: '2030-01-01T00:00:00Z' }, 'invalidProperties'],
    [{ emailId, envelope: { mailFrom: alice } }, 'invalidProperties'],
    [envelope({ email: { $ne: null } }), 'invalidProperties'],
    [envelope({ email: 'alice@example.org', parameters: { 'X Y': '1' } }), 'invalidProperties'],
    [envelope({ email: 'alice@example.org', parameters: { SIZE: 'x' } }), 'invalidProperties'],
    [envelope({ email: 'alice@example.org', parameters: { HOLDFOR: '99999999' } }), 'invalidProperties'],
    [envelope({ email: 'alice@example.org\r\nRCPT TO:<eve@example.com>' }), 'invalidProperties'],
    [envelope(alice, [{ email: 'bob@example.org', parameters: { NOTIFY: 'NEVER,DELAY' } }]), 'invalidProperties'],
    [envelope({ email: 'eve@example.com' }), 'forbiddenMailFrom'],
    [envelope(alice, []), 'noRecipients'],
    [envelope(alice, [{ email: 'nonsense' }]), 'invalidRecipients'],
    [
      envelope(
        alice,
        Array.from({ length: 1_001 }, (_, i) => ({ email: `u${i}@example.net` })),
      ),
      'tooManyRecipients',
    ],
    [{ emailId: await stored({ to: null, bcc: null }) }, 'noRecipients'],
    [{ emailId: await stored({ from: [{ name: null, email: 'eve@example.com' }] }) }, 'forbiddenFrom'],
  ];
  const queued = (await world.store.queue.list({ limit: 100 })).length;
  for (const [submission, type] of table) {
    const { notCreated } = await submit(submission);
    assert.equal(notCreated?.s?.type, type, JSON.stringify(submission).slice(0, 300));
  }
  assert.equal((await world.store.queue.list({ limit: 100 })).length, queued);
});

test('RFC 8621 §7.3 EmailSubmission/query filters and sorts', async () => {
  const emailId = await stored();
  const { created } = await submit({ emailId });
  const { threadId } = (await world.call('EmailSubmission/get', { ids: [created.s.id] })).list[0];
  const query = async (args: object): Promise<string[]> => (await world.call('EmailSubmission/query', args)).ids;
  assert.deepEqual(await query({ filter: { emailIds: [emailId] } }), [created.s.id]);
  assert.deepEqual(await query({ filter: { threadIds: [threadId], undoStatus: 'pending' } }), [created.s.id]);
  assert.deepEqual(await query({ filter: { identityIds: ['nothing'] } }), []);
  assert.deepEqual(await query({ filter: { before: '2000-01-01T00:00:00Z' } }), []);
  const all = await query({ sort: [{ property: 'sentAt', isAscending: false }] });
  assert.equal(all[0], (await query({ sort: [{ property: 'sentAt' }] })).at(-1));
  assert.equal((await world.call('EmailSubmission/query', { filter: { color: 1 } })).error.type, 'unsupportedFilter');
  assert.equal(
    (await world.call('EmailSubmission/set', { destroy: [created.s.id, 'nothing'] })).notDestroyed.nothing.type,
    'notFound',
  );
});

test('nothing of all this was a defect', () => assert.deepEqual(world.errors, []));
