import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EmailSubmissionRequest } from '../../../src/delivery/submission/submitter.ts';
import { Refusal, type RefusalCode } from '../../../src/mail/refusal.ts';
import { openSmtpWorld } from '../../protocols/smtp/smtp-world.ts';

const world = await openSmtpWorld();
const ALICE = 'alice@example.test';
const HEADER = `From: Alice <${ALICE}>\r\nTo: Bob <bob@example.test>, x@Example.net\r\nCc: BOB@example.test\r\nBcc: hidden@example.net\r\nDate: d\r\nMessage-ID: <m@x>\r\n`;

async function stored(header: string): Promise<EmailSubmissionRequest['body']> {
  async function* once(): AsyncGenerator<Buffer> {
    yield Buffer.from(`${header}\r\ntext \x80\r\n`, 'latin1');
  }
  const staged = await world.store.receiveBody(once(), { maxBytes: 1_000_000 });
  await world.alice.append([{ staged, mailboxes: { role: 'drafts' }, keywords: [], receivedAt: new Date() }]);
  return staged.ref;
}
const prepare = async (header: string, envelope: EmailSubmissionRequest['envelope'] = null) =>
  world.submitter.prepareEmailSubmission(world.alice, {
    body: await stored(header),
    identityEmail: ALICE,
    envelope,
    origin: { protocol: 'HTTP', helo: null, remoteAddress: '192.0.2.1' },
  });
const refusedAs =
  (code: RefusalCode, ...details: readonly string[]) =>
  (error: unknown): boolean => {
    assert.ok(error instanceof Refusal, String(error));
    assert.deepEqual([error.code, error.details], [code, details]);
    return true;
  };

test('RFC 8621 §7 without an envelope the recipients are those of the header, and Bcc does not leave', async () => {
  const ready = await prepare(HEADER);
  assert.deepEqual(ready.envelope, {
    mailFrom: { address: ALICE },
    rcptTo: [{ address: 'bob@example.test' }, { address: 'x@example.net' }, { address: 'hidden@example.net' }],
  });
  assert.deepEqual(
    ready.recipients.map(({ lane, account }) => [lane, account]),
    [
      ['local', world.bob.account],
      ['example.net', undefined],
      ['example.net', undefined],
    ],
  );
  const octets = ready.staged.octets!.toString('latin1');
  assert.equal(ready.skip, 'Return-Path: <alice@example.test>\r\n'.length);
  assert.match(
    octets,
    /^Return-Path: <alice@example\.test>\r\nReceived: from \[192\.0\.2\.1\]\r\n\tby \S+ \(Waxwing\) with HTTP id /,
  );
  assert.ok(octets.endsWith(`${HEADER.replace(/Bcc:.*\r\n/, '')}\r\ntext \x80\r\n`));
});

test('RFC 8621 §7 an envelope goes before the header, with its parameters', async () => {
  const ready = await prepare(HEADER, {
    mailFrom: { address: 'alice+tag@example.test', envid: 'E1', ret: 'headers' },
    rcptTo: [{ address: 'y@example.net', notify: ['never'] }, { address: 'Y@example.net' }],
  });
  assert.deepEqual(ready.envelope, {
    mailFrom: { address: 'alice+tag@example.test', envid: 'E1', ret: 'headers' },
    rcptTo: [{ address: 'y@example.net', notify: ['never'] }],
  });
});

test('RFC 8621 §7.5 refuses what is not the sender’s, nobody, and recipients that are none', async () => {
  const to = (...addresses: readonly string[]) => ({
    mailFrom: { address: ALICE },
    rcptTo: addresses.map((address) => ({ address })),
  });
  const mallory = { mailFrom: { address: 'bob@example.test' }, rcptTo: [{ address: 'x@example.net' }] };
  await assert.rejects(prepare(HEADER, mallory), refusedAs('forbiddenMailFrom', 'bob@example.test'));
  await assert.rejects(
    prepare('From: bob@example.test\r\nTo: x@y.example\r\n'),
    refusedAs('forbiddenFrom', 'bob@example.test'),
  );
  await assert.rejects(prepare(`From: ${ALICE}\r\nSubject: x\r\n`), refusedAs('noRecipients'));
  await assert.rejects(prepare(HEADER, to()), refusedAs('noRecipients'));
  await assert.rejects(
    prepare(HEADER, to('x@example.net', 'no address', 'a@b@')),
    refusedAs('invalidRecipients', 'no address', 'a@b@'),
  );
  await assert.rejects(
    prepare(HEADER, to('x@example.net', 'nobody@example.test')),
    refusedAs('invalidRecipients', 'nobody@example.test'),
  );
  const many = Array.from({ length: 1_001 }, (_, i) => `u${i}@example.net`);
  await assert.rejects(prepare(HEADER, to(...many)), refusedAs('tooMany'));
});
