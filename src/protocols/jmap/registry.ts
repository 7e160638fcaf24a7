/** Every method, the capability that brings it, and the file that answers it. */
import { CORE, MAIL, SUBMISSION } from './capabilities.ts';
import type { Method } from './method-call.ts';
import { blobCopy } from './methods/blob/copy.ts';
import { coreEcho } from './methods/core/echo.ts';
import { emailChanges } from './methods/email/changes.ts';
import { emailCopy } from './methods/email/copy.ts';
import { emailGet } from './methods/email/get.ts';
import { emailImport } from './methods/email/import.ts';
import { emailParse } from './methods/email/parse.ts';
import { emailQuery } from './methods/email/query.ts';
import { emailQueryChanges } from './methods/email/query-changes.ts';
import { emailSet } from './methods/email/set.ts';
import { emailSubmissionChanges } from './methods/email-submission/changes.ts';
import { emailSubmissionGet } from './methods/email-submission/get.ts';
import { emailSubmissionQuery } from './methods/email-submission/query.ts';
import { emailSubmissionQueryChanges } from './methods/email-submission/query-changes.ts';
import { emailSubmissionSet } from './methods/email-submission/set.ts';
import { identityChanges } from './methods/identity/changes.ts';
import { identityGet } from './methods/identity/get.ts';
import { identitySet } from './methods/identity/set.ts';
import { mailboxChanges } from './methods/mailbox/changes.ts';
import { mailboxGet } from './methods/mailbox/get.ts';
import { mailboxQuery } from './methods/mailbox/query.ts';
import { mailboxQueryChanges } from './methods/mailbox/query-changes.ts';
import { mailboxSet } from './methods/mailbox/set.ts';
import { searchSnippetGet } from './methods/search-snippet/get.ts';
import { threadChanges } from './methods/thread/changes.ts';
import { threadGet } from './methods/thread/get.ts';

interface Entry {
  readonly capability: string;
  readonly method: Method;
}

const METHODS: ReadonlyMap<string, Entry> = new Map<string, Entry>([
  ['Core/echo', { capability: CORE, method: coreEcho }],
  ['Blob/copy', { capability: CORE, method: blobCopy }],

  ['Mailbox/get', { capability: MAIL, method: mailboxGet }],
  ['Mailbox/changes', { capability: MAIL, method: mailboxChanges }],
  ['Mailbox/query', { capability: MAIL, method: mailboxQuery }],
  ['Mailbox/queryChanges', { capability: MAIL, method: mailboxQueryChanges }],
  ['Mailbox/set', { capability: MAIL, method: mailboxSet }],

  ['Thread/get', { capability: MAIL, method: threadGet }],
  ['Thread/changes', { capability: MAIL, method: threadChanges }],

  ['Email/get', { capability: MAIL, method: emailGet }],
  ['Email/changes', { capability: MAIL, method: emailChanges }],
  ['Email/query', { capability: MAIL, method: emailQuery }],
  ['Email/queryChanges', { capability: MAIL, method: emailQueryChanges }],
  ['Email/set', { capability: MAIL, method: emailSet }],
  ['Email/copy', { capability: MAIL, method: emailCopy }],
  ['Email/import', { capability: MAIL, method: emailImport }],
  ['Email/parse', { capability: MAIL, method: emailParse }],

  ['SearchSnippet/get', { capability: MAIL, method: searchSnippetGet }],

  ['Identity/get', { capability: SUBMISSION, method: identityGet }],
  ['Identity/changes', { capability: SUBMISSION, method: identityChanges }],
  ['Identity/set', { capability: SUBMISSION, method: identitySet }],

  ['EmailSubmission/get', { capability: SUBMISSION, method: emailSubmissionGet }],
  ['EmailSubmission/changes', { capability: SUBMISSION, method: emailSubmissionChanges }],
  ['EmailSubmission/query', { capability: SUBMISSION, method: emailSubmissionQuery }],
  ['EmailSubmission/queryChanges', { capability: SUBMISSION, method: emailSubmissionQueryChanges }],
  ['EmailSubmission/set', { capability: SUBMISSION, method: emailSubmissionSet }],
]);

/** `using`: what the request declared; null for a call that follows from another. Null: there is no such method for it. */
export function findMethod(name: string, using: ReadonlySet<string> | null): Method | null {
  const entry = METHODS.get(name);
  return entry !== undefined && (using === null || using.has(entry.capability)) ? entry.method : null;
}

export const METHOD_NAMES: readonly string[] = [...METHODS.keys()];
