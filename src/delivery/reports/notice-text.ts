/**
 * The words of a notice for the person who sent the message: what happened, to whom, what the other host said, what to do. Pure.
 * RFC 6522 §3 asks for a first part that people can read.
 */
import { formatReply } from '../outbound/reply-reader.ts';
import type { NoticeGroup, NoticeKind } from '../queue/outcome.ts';

export const NOTICE_SUBJECTS: Readonly<Record<NoticeKind, string>> = {
  failed: 'Your message could not be delivered',
  delayed: 'Your message is delayed',
  delivered: 'Your message was delivered',
  relayed: 'Your message was passed on',
};

export interface NoticeFacts {
  readonly group: NoticeGroup;
  /** The name of this host. */
  readonly host: string;
  /** Of the original message; empty when unknown. */
  readonly subject: string;
  readonly acceptedAt: Date;
  readonly returned: 'message' | 'header' | 'nothing';
}

export function noticeText({ group, host, subject, acceptedAt, returned }: NoticeFacts): string {
  const about = subject === '' ? 'Your message' : `Your message "${subject.slice(0, 200)}"`;
  const lines = [
    `This is the mail system at ${host}.`,
    '',
    `${about} of ${acceptedAt.toUTCString()}`,
    OPENINGS[group.kind],
    '',
    ...group.recipients.flatMap(({ recipient, reply, from, isExpired }) => [
      `  ${recipient.address}`,
      `    ${from === '' ? '' : `${from} said: `}${formatReply(reply)}`,
      ...(isExpired ? ['    It was tried again and again until its time was over.'] : []),
      '',
    ]),
    ...closing(group),
  ];
  if (returned !== 'nothing')
    lines.push('', `The ${returned === 'message' ? 'message' : "message's header"} is attached.`);
  return `${lines.join('\r\n')}\r\n`;
}

const OPENINGS: Readonly<Record<NoticeKind, string>> = {
  failed: 'could not be delivered to the recipients below, and will not be tried again.',
  delayed: 'has not been delivered yet to the recipients below.',
  delivered: 'was delivered to the mailboxes below.',
  relayed: 'was passed on to hosts that send no further notice.',
};

function closing(group: NoticeGroup): readonly string[] {
  switch (group.kind) {
    case 'failed':
      return ['Check the addresses, or ask the recipients in another way.'];
    case 'delayed':
      return [
        `You need not send it again: it will be tried until ${group.retryUntil.toUTCString()}.`,
        'You will be told if that fails.',
      ];
    case 'delivered':
    case 'relayed':
      return [];
    default:
      return group.kind satisfies never;
  }
}
