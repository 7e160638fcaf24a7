import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { simpleParser } from 'mailparser';
import { type NoticeGroup, ownReply } from '../../../src/delivery/queue/outcome.ts';
import { noticeComposer } from '../../../src/delivery/reports/compose-notice.ts';
import type { Route } from '../../../src/delivery/routing/route-recipient.ts';
import type { AccountId, QueueId } from '../../../src/mail/ids.ts';
import { silentLog } from '../../../src/server/log.ts';
import type { ReceiveOptions } from '../../../src/storage/mail-store.ts';
import type { StagedBody } from '../../../src/storage/model.ts';
import type { QueueEntry } from '../../../src/storage/queue-record.ts';
import { bodyStore, EPOCH, entryOf, recipientOf } from '../support/entries.ts';
import { MovingClock } from '../support/moving-clock.ts';

const HEAD = Buffer.from('Return-Path: <sender@here.test>\r\n');
const MESSAGE = Buffer.from(
  'From: sender@here.test\r\nTo: you@there.test\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nMessage-ID: <1@here.test>\r\n' +
    'References: <0@here.test>\r\n\r\nsecret body\r\n',
);
const BODY = Buffer.concat([HEAD, MESSAGE]);
const NO = ownReply(550, '5.1.1', 'no such user');

function failed(entry: QueueEntry, more: Partial<NoticeGroup> = {}): NoticeGroup {
  return {
    kind: 'failed',
    recipients: entry.recipients.map((recipient) => ({
      recipient,
      reply: NO,
      from: 'mx.there.test',
      isExpired: false,
    })),
    retryUntil: new Date(EPOCH.getTime() + 72 * 3_600_000),
    ...more,
  };
}

/** What mailparser, which knows nothing of our own composer, reads in a notice. */
interface ReadMail {
  readonly from?: { readonly text: string };
  readonly headers: ReadonlyMap<string, unknown>;
  readonly inReplyTo?: string;
  readonly references?: readonly string[];
  readonly text?: string;
  readonly attachments: readonly { readonly contentType: string; readonly content: Buffer }[];
}

async function compose(
  entry: QueueEntry,
  group: NoticeGroup,
  route: Route | null = { lane: 'local', account: 'aaaccount' as AccountId },
) {
  let octets = Buffer.alloc(0);
  const composer = noticeComposer({
    store: {
      ...bodyStore(BODY),
      receiveBody: async (source: AsyncIterable<Buffer>, options: ReceiveOptions) => {
        const pieces = [options.head ?? Buffer.alloc(0)];
        for await (const piece of source) pieces.push(piece);
        octets = Buffer.concat(pieces);
        return { ref: { id: 'x', size: octets.length } } as unknown as StagedBody;
      },
      queue: { newId: () => 'aanotice' as QueueId },
    },
    route: () => Promise.resolve(route),
    host: 'mail.here.test',
    clock: new MovingClock(),
    random: randomBytes,
    log: silentLog,
  });
  const notice = await composer(entry, group, { isBare: false });
  return { notice, octets, text: octets.toString('utf8') };
}

const entry = (more: Partial<QueueEntry> = {}): QueueEntry =>
  entryOf(BODY, [recipientOf('you@there.test', { orcpt: 'rfc822;first@old.test' })], { skip: HEAD.length, ...more });

test('RFC 3464 §2 a failure is a multipart/report with words, fields and the original header, from nobody, for the sender', async () => {
  const { notice, octets, text } = await compose(
    entry({ sender: { address: 'sender@here.test', envid: 'job 7' } }),
    failed(entry()),
  );
  assert.ok(notice !== null);
  assert.equal(notice.sender.address, '');
  assert.equal(notice.source, 'notice');
  assert.deepEqual(notice.recipients, [
    { address: 'sender@here.test', notify: ['never'], lane: 'local', account: 'aaaccount' },
  ]);
  assert.equal(octets.toString('latin1', 0, notice.skip), 'Return-Path: <>\r\n');

  const mail = (await simpleParser(octets, { keepDeliveryStatus: true })) as unknown as ReadMail;
  assert.equal(mail.from?.text, '"Mail Delivery System" <postmaster@mail.here.test>');
  assert.equal(mail.headers.get('auto-submitted'), 'auto-replied');
  assert.equal(mail.inReplyTo, '<1@here.test>');
  assert.deepEqual(mail.references, ['<0@here.test>', '<1@here.test>']);
  assert.match(mail.text ?? '', /Grüße/);
  assert.match(mail.text ?? '', /mx\.there\.test said: 550 5\.1\.1 no such user/);
  const parts = mail.attachments.map(({ contentType }) => contentType);
  assert.deepEqual(parts, ['message/delivery-status', 'text/rfc822-headers']);
  const status = mail.attachments[0]!.content.toString();
  assert.match(status, /^Original-Envelope-Id: job 7\r?\nReporting-MTA: dns; mail\.here\.test\r?\n/);
  assert.match(
    status,
    /\r?\n\r?\nOriginal-Recipient: rfc822; first@old\.test\r?\nFinal-Recipient: rfc822; you@there\.test\r?\n/,
  );
  assert.match(status, /\nAction: failed\r?\nStatus: 5\.1\.1\r?\nRemote-MTA: dns; mx\.there\.test\r?\n/);
  assert.match(status, /\nDiagnostic-Code: smtp; 550 5\.1\.1 no such user\r?\n/);
  assert.ok(!text.includes('secret body'));
  assert.match(text, /report-type="?delivery-status"?/);
});

test('RFC 3461 §4.3 RET=FULL brings the whole message back, without the trace of this host', async () => {
  const whole = entry({ sender: { address: 'sender@here.test', ret: 'full' } });
  const { text } = await compose(whole, failed(whole));
  assert.match(text, /Content-Type: message\/rfc822\r\n/);
  assert.ok(text.includes(MESSAGE.toString()));
  assert.ok(!text.includes('Return-Path: <sender@here.test>'));
});

test('RFC 3464 §2.3.9 a delay tells until when it is tried, and brings no body', async () => {
  const waiting = entry({ sender: { address: 'sender@here.test', ret: 'full' } });
  const group = failed(waiting, { kind: 'delayed' });
  const { text } = await compose(waiting, group);
  assert.match(text, /\r\nAction: delayed\r\nStatus: 4\.0\.0\r\n/);
  assert.match(text, /\r\nWill-Retry-Until: Sat, 28 Nov 2026 12:00:00 \+0000\r\n/);
  assert.ok(!text.includes('secret body'));
});

test('RFC 3463 §2 what expired keeps class 4', async () => {
  const group = failed(entry());
  const { text } = await compose(entry(), {
    ...group,
    recipients: group.recipients.map((recipient) => ({
      ...recipient,
      reply: ownReply(451, '4.3.0', 'x'),
      isExpired: true,
    })),
  });
  assert.match(text, /\r\nAction: failed\r\nStatus: 4\.4\.7\r\n/);
});

test('RFC 6533 §3 an internationalised recipient is told in 7 bits', async () => {
  const local = entryOf(BODY, [recipientOf('jörg@there.test')], { skip: HEAD.length });
  const { text } = await compose(local, failed(local));
  assert.match(text, /\r\nFinal-Recipient: utf-8; j\\x\{F6\}rg@there\.test\r\n/);
});

test('a notice for a sender elsewhere takes the lane of its domain', async () => {
  const { notice } = await compose(entry(), failed(entry()), { lane: 'here.test' });
  assert.deepEqual(notice?.recipients, [{ address: 'sender@here.test', notify: ['never'], lane: 'here.test' }]);
});

test('RFC 5321 §4.5.5 no notice goes to the null reverse-path, about a notice, or to a sender who is nowhere', async () => {
  for (const more of [{ sender: { address: '' } }, { source: 'notice' as const }]) {
    assert.equal((await compose(entry(more), failed(entry()))).notice, null);
  }
  assert.equal((await compose(entry(), failed(entry()), null)).notice, null);
});

test('what a peer said and a sender wrote opens no field of its own', async () => {
  const hostile = entryOf(BODY, [recipientOf('you@there.test', { orcpt: 'rfc822;a\r\nAction: delivered' })], {
    skip: HEAD.length,
  });
  const { text } = await compose(hostile, {
    ...failed(hostile),
    recipients: [
      {
        recipient: hostile.recipients[0]!,
        reply: ownReply(550, '5.1.1', 'no\r\nAction: delivered'),
        from: 'mx\r\nX: y',
        isExpired: false,
      },
    ],
  });
  const status = text.slice(text.indexOf('Reporting-MTA'), text.indexOf('text/rfc822-headers'));
  assert.ok(!/^Action: delivered/m.test(status));
  assert.ok(!/^X: y/m.test(status));
});
