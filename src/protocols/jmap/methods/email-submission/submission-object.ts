/** An EmailSubmission as JMAP shows it (RFC 8621 §7). */
import type { EnvelopeRecipient, EnvelopeSender } from '../../../../mail/envelope.ts';
import type { Submission } from '../../../../storage/model.ts';
import { objectOf } from '../../json/parse-json.ts';
import { utcDate } from '../../standard/utc-date.ts';

export const SUBMISSION_PROPERTIES: ReadonlySet<string> = new Set([
  'id',
  'identityId',
  'emailId',
  'threadId',
  'envelope',
  'sendAt',
  'undoStatus',
  'deliveryStatus',
  'dsnBlobIds',
  'mdnBlobIds',
]);

export function submissionObject(submission: Submission): { readonly id: string; readonly [name: string]: unknown } {
  return {
    id: submission.id,
    identityId: submission.identity,
    emailId: submission.email,
    threadId: submission.thread,
    envelope: envelopeObject(submission.envelope),
    sendAt: utcDate(submission.sendAt),
    undoStatus: submission.undoStatus,
    deliveryStatus: objectOf(
      [...submission.deliveryStatus].map(([address, { smtpReply, delivered, displayed }]) => [
        address,
        { smtpReply, delivered, displayed },
      ]),
    ),
    dsnBlobIds: [],
    mdnBlobIds: [],
  };
}

function envelopeObject({ mailFrom, rcptTo }: Submission['envelope']): object {
  return {
    mailFrom: { email: mailFrom.address, parameters: senderParameters(mailFrom) },
    rcptTo: rcptTo.map((recipient) => ({ email: recipient.address, parameters: recipientParameters(recipient) })),
  };
}

function senderParameters({ ret, envid, smtputf8, body }: EnvelopeSender): Record<string, string | null> | null {
  return parametersOrNull({
    ...(ret === undefined ? {} : { RET: ret === 'full' ? 'FULL' : 'HDRS' }),
    ...(envid === undefined ? {} : { ENVID: envid }),
    ...(smtputf8 === true ? { SMTPUTF8: null } : {}),
    ...(body === undefined ? {} : { BODY: body.toUpperCase() }),
  });
}

function recipientParameters({ orcpt, notify }: EnvelopeRecipient): Record<string, string | null> | null {
  return parametersOrNull({
    ...(notify === undefined ? {} : { NOTIFY: notify.map((condition) => condition.toUpperCase()).join(',') }),
    ...(orcpt === undefined ? {} : { ORCPT: orcpt }),
  });
}

function parametersOrNull(parameters: Record<string, string | null>): Record<string, string | null> | null {
  return Object.keys(parameters).length === 0 ? null : parameters;
}
