/**
 * A delivery status notification as a queue entry: composed, staged, and on its way to whoever sent the message. The caller writes it in the
 * transaction of the outcome it tells of, so that it exists exactly once.
 *
 * Null reverse-path, one recipient, NOTIFY=NEVER: nothing is ever sent back about it. RFC 3461 §6, RFC 3464 §2, RFC 6522 §3, RFC 3834 §5,
 * RFC 5321 §4.5.5. Throws Deferral 'unavailable' when the original can't be read or the directory not asked.
 */
import { type Address, parseAddress } from '../../mail/address.ts';
import { type ComposedLeaf, type ComposedMessage, composeMessage } from '../../mail/format/compose.ts';
import { decodeWords } from '../../mail/format/encoded-words.ts';
import { findField, headerText, parseHeaderBlock } from '../../mail/format/header-block.ts';
import { addressField, messageIdField, rawField, textField } from '../../mail/format/header-fields.ts';
import { parseMessageIds } from '../../mail/format/message-ids.ts';
import type { Clock } from '../../server/clock.ts';
import type { Log } from '../../server/log.ts';
import type { MailStore } from '../../storage/mail-store.ts';
import type { NewQueueEntry, QueueEntry } from '../../storage/queue-record.ts';
import { mayNotify, type NoticeGroup } from '../queue/outcome.ts';
import type { ComposeNotice } from '../queue/work-item.ts';
import type { Route } from '../routing/route-recipient.ts';
import { deliveryStatus } from './delivery-status.ts';
import { NOTICE_SUBJECTS, noticeText } from './notice-text.ts';

export interface NoticeOptions {
  readonly store: Pick<MailStore, 'readBody' | 'receiveBody'> & { readonly queue: Pick<MailStore['queue'], 'newId'> };
  /** Where mail for an address goes; null: nowhere. */
  readonly route: (address: Address) => Promise<Route | null>;
  /** The name of this host: Reporting-MTA, and the domain of the notice's From. */
  readonly host: string;
  readonly clock: Clock;
  readonly random: (octets: number) => Buffer;
  readonly log: Log;
}

/** RET=FULL brings a message back whole up to this size, of a larger one the header. */
export const MAX_RETURNED_OCTETS = 1024 * 1024;
/** Of the original's header. */
const MAX_HEADER_OCTETS = 64 * 1024;
/** References kept of the original (RFC 5322 §3.6.4). */
const MAX_REFERENCES = 20;

export function noticeComposer(options: NoticeOptions): ComposeNotice {
  return async (entry, group, { isBare }) => {
    if (!mayNotify(entry)) return null;
    const address = parseAddress(entry.sender.address);
    const route = address === null ? null : await options.route(address);
    if (address === null || route === null) {
      options.log.warn({ queueId: entry.id, kind: group.kind }, 'no way back to the sender: no notice');
      return null;
    }
    const original = isBare ? NOTHING : await readOriginal(options, entry);
    const message = composeReport(options, entry, group, original);
    const id = options.store.queue.newId(route.account);
    const head = Buffer.from('Return-Path: <>\r\n');
    const context = { now: options.clock.now(), random: options.random, domain: options.host };
    const staged = await options.store.receiveBody(composeMessage(message, context), {
      head,
      maxBytes: MAX_RETURNED_OCTETS + 4 * MAX_HEADER_OCTETS + 1024 * group.recipients.length,
      near: route.account ?? id,
    });
    return {
      id,
      staged,
      skip: head.length,
      sender: { address: '' },
      senderAccount: null,
      source: 'notice',
      recipients: [
        {
          address: entry.sender.address,
          notify: ['never'],
          lane: route.lane,
          ...(route.account === undefined ? {} : { account: route.account }),
        },
      ],
    } satisfies NewQueueEntry;
  };
}

interface Original {
  /** As it left its sender: without what this host put on top for itself (Return-Path). */
  readonly header: Buffer | null;
  readonly subject: string;
  readonly messageIds: readonly string[];
  readonly references: readonly string[];
}
const NOTHING: Original = { header: null, subject: '', messageIds: [], references: [] };

async function readOriginal({ store }: NoticeOptions, entry: QueueEntry): Promise<Original> {
  const pieces: Buffer[] = [];
  const to = Math.min(entry.body.size, entry.skip + MAX_HEADER_OCTETS);
  for await (const piece of store.readBody(entry.body, { from: entry.skip, to })) pieces.push(piece);
  const octets = Buffer.concat(pieces);
  const { fields, bodyStart } = parseHeaderBlock(octets);
  const text = (key: string): string => {
    const field = findField(fields, key);
    return field === null ? '' : headerText(field.value);
  };
  const references = parseMessageIds(text('references')).ids;
  return {
    header: octets.subarray(0, bodyStart),
    subject: decodeWords(text('subject')),
    messageIds: parseMessageIds(text('message-id')).ids,
    references: references.length > 0 ? references : parseMessageIds(text('in-reply-to')).ids,
  };
}

function composeReport(
  options: NoticeOptions,
  entry: QueueEntry,
  group: NoticeGroup,
  original: Original,
): ComposedMessage {
  const { host, clock } = options;
  const returned = returnedPart(options, entry, group, original);
  const text = noticeText({
    group,
    host,
    subject: original.subject,
    acceptedAt: entry.acceptedAt,
    returned: returned === null ? 'nothing' : returned.mediaType === 'message/rfc822' ? 'message' : 'header',
  });
  const status = deliveryStatus({
    reportingMta: host,
    acceptedAt: entry.acceptedAt,
    now: clock.now(),
    envid: entry.sender.envid,
    group,
  });
  const [messageId] = original.messageIds;
  const references = [...original.references.slice(-MAX_REFERENCES), ...original.messageIds.slice(0, 1)];
  return {
    fields: [
      addressField('From', [{ name: 'Mail Delivery System', email: `postmaster@${host}` }]),
      addressField('To', [{ name: null, email: entry.sender.address }]),
      textField('Subject', NOTICE_SUBJECTS[group.kind]),
      rawField('Auto-Submitted', 'auto-replied'),
      ...(messageId === undefined ? [] : [messageIdField('In-Reply-To', [messageId])]),
      ...(references.length === 0 ? [] : [messageIdField('References', references)]),
    ],
    body: {
      kind: 'multipart',
      subtype: 'report',
      params: [['report-type', 'delivery-status']],
      parts: [
        { kind: 'leaf', mediaType: 'text/plain', body: text },
        { kind: 'leaf', mediaType: 'message/delivery-status', encoding: '7bit', body: status },
        ...(returned === null ? [] : [returned]),
      ],
    },
  };
}

/** RFC 3461 §4.3: RET speaks of failures; other notices bring the header. */
function returnedPart(
  options: NoticeOptions,
  entry: QueueEntry,
  group: NoticeGroup,
  original: Original,
): ComposedLeaf | null {
  if (original.header === null) return null;
  const isWhole =
    group.kind === 'failed' && entry.sender.ret === 'full' && entry.body.size - entry.skip <= MAX_RETURNED_OCTETS;
  if (isWhole) {
    const range = { from: entry.skip, to: entry.body.size };
    return {
      kind: 'leaf',
      mediaType: 'message/rfc822',
      encoding: '8bit',
      body: () => options.store.readBody(entry.body, range),
    };
  }
  const isAscii = original.header.every((octet) => octet < 0x80);
  return {
    kind: 'leaf',
    mediaType: 'text/rfc822-headers',
    encoding: isAscii ? '7bit' : '8bit',
    body: original.header,
  };
}
