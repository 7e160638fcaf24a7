/**
 * The session object (RFC 8620 §2), served at /.well-known/jmap itself: a browser drops Authorization when it is redirected. All URLs are absolute. The
 * announced limits are those that this room keeps. `state` is a digest of everything else in it.
 */
import { createHash } from 'node:crypto';
import type { AccountInfo } from '../../storage/mail-store.ts';
import { CORE, MAIL, SUBMISSION } from './capabilities.ts';
import { EMAIL_SORT_PROPERTIES } from './email/sort.ts';
import type { JmapLimits } from './limits.ts';
import { MAX_DELAYED_SEND_S } from './methods/email-submission/envelope-input.ts';
import { MAX_MAILBOX_DEPTH, MAX_MAILBOX_NAME_OCTETS } from './methods/mailbox/limits.ts';
import { COLLATIONS } from './standard/query.ts';

/** `base`: scheme, host and path prefix, without a final slash. */
export function sessionObject(account: AccountInfo, base: string, limits: JmapLimits): object {
  const name = account.addresses[0] ?? account.name;
  const session = {
    capabilities: {
      [CORE]: {
        maxSizeUpload: limits.maxSizeUpload,
        maxConcurrentUpload: limits.maxConcurrentUpload,
        maxSizeRequest: limits.maxSizeRequest,
        maxConcurrentRequests: limits.maxConcurrentRequests,
        maxCallsInRequest: limits.maxCallsInRequest,
        maxObjectsInGet: limits.maxObjectsInGet,
        maxObjectsInSet: limits.maxObjectsInSet,
        collationAlgorithms: COLLATIONS,
      },
      [MAIL]: {},
      [SUBMISSION]: {},
    },
    accounts: {
      [account.id]: {
        name,
        isPersonal: true,
        isReadOnly: false,
        accountCapabilities: {
          [CORE]: {},
          [MAIL]: {
            maxMailboxesPerEmail: null,
            maxMailboxDepth: MAX_MAILBOX_DEPTH,
            maxSizeMailboxName: MAX_MAILBOX_NAME_OCTETS,
            // Attachments grow by a third and more in base64, and the message as a whole has the limit.
            maxSizeAttachmentsPerEmail: Math.floor(limits.maxSizeUpload * 0.7),
            emailQuerySortOptions: [...EMAIL_SORT_PROPERTIES],
            mayCreateTopLevelMailbox: true,
          },
          [SUBMISSION]: {
            maxDelayedSend: MAX_DELAYED_SEND_S,
            submissionExtensions: { DSN: [], FUTURERELEASE: [String(MAX_DELAYED_SEND_S)], SMTPUTF8: [] },
          },
        },
      },
    },
    primaryAccounts: { [CORE]: account.id, [MAIL]: account.id, [SUBMISSION]: account.id },
    username: name,
    apiUrl: `${base}/jmap/api`,
    downloadUrl: `${base}/jmap/download/{accountId}/{blobId}/{name}?accept={type}`,
    uploadUrl: `${base}/jmap/upload/{accountId}/`,
    eventSourceUrl: `${base}/jmap/eventsource?types={types}&closeafter={closeafter}&ping={ping}`,
  };
  const state = createHash('sha256').update(JSON.stringify(session)).digest('base64url').slice(0, 16);
  return { ...session, state };
}

export function sessionStateOf(session: object): string {
  return (session as { readonly state: string }).state;
}
